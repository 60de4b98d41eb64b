"""From a model to TFLite: all signatures in one file that shares their weights, with builtin operations only."""

import re
import tempfile
from pathlib import Path

import tensorflow as tf

from .. import weights
from ..errors import GateError
from . import saved_model, signatures
from .silence import quiet

MISSING = re.compile(r"tf\.(\w+)(?:' op|\()")  # how the converter names an operation that it cannot translate
LAYER = re.compile(r"(\w+)_\d+/")  # the name scopes that Keras opens for layers, which it numbers


def write_tflite(model, path, batch=1):
    """Writes the signatures of a float32 model at a fixed batch.

    A fixed batch runs on every interpreter, C and browser included, and faster: a dynamic one leaves transposed
    convolutions without their fast kernels.

    Raises:
        GateError: an operation has no builtin in TFLite.
    """
    write_functions(signatures.functions(model, batch), path)


def write_functions(functions, path):
    """Writes {signature: concrete function}, with the variables that they set, if any.

    Raises:
        GateError: an operation has no builtin in TFLite.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        saved = Path(folder) / "saved_model"
        saved_model.write_functions(functions, saved)
        weights.write_bytes(path, convert(saved, functions))


def convert(saved, functions):
    """The bytes of a TFLite file, from a SavedModel and the signatures to take."""
    try:
        return _convert(saved, list(functions))
    except Exception as error:  # the converter has no exception of its own that it keeps to
        raise _explained(saved, functions, error) from None


def _convert(saved, verbs):
    with quiet():
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=verbs)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.experimental_enable_resource_variables = (
            True  # of weights that a signature sets; others are constants
        )
        return converter.convert()


def _explained(saved, functions, error):
    """A GateError that names the signature, the operations and their layers."""
    for verb, function in functions.items():
        try:
            _convert(saved, [verb])
        except Exception as reason:
            missing = dict.fromkeys(MISSING.findall(str(reason)))
            if missing:
                named = ", ".join(name + _place(function.graph, name) for name in missing)
                return GateError(f"no TFLite builtin for {named} (signature {verb})")
            return GateError(f"TFLite cannot express the signature {verb}: {' '.join(str(reason).split())[:300]}")
    return GateError(f"TFLite cannot express the signatures together: {' '.join(str(error).split())[:300]}")


def _place(graph, operation):
    """Where a graph has an operation: " in layer decoder/dropout", or nothing where it is in no layer."""
    for found in graph.get_operations():
        layers = LAYER.findall(found.name)
        if found.type == operation and layers:
            return f" in layer {'/'.join(layers)}"
    return ""
