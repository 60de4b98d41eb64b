"""Fine-tuning: a pretrained model, made to fit other data, goes on learning in a run folder of its own."""

import warnings
from pathlib import Path

from . import config, presets, training
from .data.pixels import HOW
from .errors import InputError

PATIENCE = 5  # epochs without improvement of the validation loss, after which it stops


def finetune(
    name,
    data,
    out=None,
    *,
    changes=(),
    freeze="none",
    resize=None,
    resume=False,
    force=False,
    progress=None,
    announce=None,
    callbacks=(),
    doctor=warnings.warn,
):
    """Fine-tunes a pretrained model on your data and writes a run folder.

    The model takes the size and channels of the data: every tensor that fits is loaded, kernels between a grid of
    places and a code are resampled, and the rest starts fresh. With `resize="model"` the data are resized instead, and
    every tensor is loaded. The outputs are calibrated on the data, see `zoo.transfer.calibrate`. Unless `changes` says
    otherwise, training stops after 5 epochs in which the validation loss did not fall; the best weights are kept.

    Args:
        name: a preset such as "vae_conv.mnist", or a run folder.
        data: what `zoo.data.load` takes.
        out: the run folder; "runs/<name>-<data>" when None.
        changes: "key=value" texts or a mapping, over the preset's configuration: `training.epochs=5`.
        freeze: "none", "encoder" or "decoder": what keeps its weights.
        resize: what `zoo.data.load` takes, or "model" or ("model", how) for what the preset takes.
        resume, force, progress, announce, callbacks, doctor: see `zoo.train`.

    Returns:
        The path of the run folder.
    """
    if freeze not in config.FREEZE:
        raise InputError(f"freeze={freeze!r}: need one of {', '.join(config.FREEZE)}")
    preset = presets.open_preset(name)
    experiment = experiment_from(preset, name, training.preparation.source_name(data), freeze, resize, changes)
    out = Path(out or f"runs/{preset.path.name}-{Path(experiment.data.source.replace(':', '-')).stem}")
    given = None if isinstance(data, str | Path) else data
    how = {"resume": resume, "force": force, "progress": progress, "announce": announce}
    return training.train(experiment, given, out, **how, callbacks=callbacks, doctor=doctor)


def experiment_from(preset, name, source, freeze, resize, changes=()):
    """The preset's experiment on other data, with the preset as its start."""
    own = preset.experiment.to_dict()
    fitted = {}
    if resize is not None:
        *size, channels = preset.preprocessor.shape
        resize = (resize,) if isinstance(resize, str) else tuple(resize)
        how = next((word for word in resize if word in HOW), None)
        taken = {"resize": size, "channels": channels} if "model" in resize else {"resize": list(resize[:2])}
        fitted = {**({} if resize == (how,) else taken), "resize_mode": how}
    defaults = config.Training().model_dump(mode="json")
    fresh = {"epochs": defaults["epochs"], "patience": PATIENCE, "warmup_steps": 0}
    document = {
        "model": own["model"],
        "hyperparameters": own["hyperparameters"],
        "data": {"source": source, **{name: own["data"][name] for name in ("binarize", "missing")}, **fitted},
        "start": {"preset": str(name), "freeze": freeze},
        "training": {**own["training"], **fresh},
    }
    return config.assemble(config.Layer(document), changes)
