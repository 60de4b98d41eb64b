"""A zoo of autoencoders, variational autoencoders and GANs for Keras 3 and TensorFlow.

Importing it is instant: TensorFlow is imported when a model is first needed.
"""

import importlib
import os
import sys
import types

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # 2 shows optimisations that fail, which TensorFlow goes on without
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

__version__ = "0.1.0"

LIGHT = {
    "list_models": "catalog",
    "info": "catalog",
    "create_model": "catalog",
    "register": "catalog",
    "errors": None,
    "data": None,
}
NEEDS_TENSORFLOW = {
    "load_model": ("presets", "load"),
    "train": ("training", "train"),
    "evaluate": ("evaluation", "evaluate"),
    "finetune": ("finetuning", "finetune"),
    "fit_sampler": ("sampling", "fit_sampler"),
    "export": ("export", "export"),
    "import_state": ("importing", "import_state"),
}


def __getattr__(name):
    if name in NEEDS_TENSORFLOW:
        from .catalog import require_tensorflow

        require_tensorflow()
        module, attribute = NEEDS_TENSORFLOW[name]
        return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    if name not in LIGHT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{LIGHT[name] or name}")
    return getattr(module, name) if LIGHT[name] else module


class Package(types.ModuleType):
    """Keeps the verb `zoo.export` in place when Python binds the subpackage of the same name."""

    def __setattr__(self, name, value):
        if name not in NEEDS_TENSORFLOW:
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = Package


def __dir__():
    return sorted({*globals(), *LIGHT, *NEEDS_TENSORFLOW})
