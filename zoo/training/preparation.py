"""What a run begins with: data, and an experiment and a model that suit them."""

import dataclasses
from pathlib import Path

import tensorflow as tf

from .. import catalog, collapse, config, presets, transfer
from .. import data as datasets
from ..base import chunk
from ..errors import InputError
from ..evaluation import binarized

CALIBRATION = 256  # training examples that outputs are calibrated on
PIECE = 512  # examples at once


# The experiment


def read_experiment(model, data=None, changes=()):
    """The experiment of what `train` takes, with its data and changes."""
    experiment = model if isinstance(model, config.Experiment) else config.read(model, changes)
    if data is not None:
        settings = experiment.data.model_copy(update={"source": source_name(data)})
        experiment = experiment.model_copy(update={"data": settings})
    return experiment


def source_name(data):
    """What the configuration says of a data source."""
    if isinstance(data, datasets.Bundle):
        return data.source
    return str(data) if isinstance(data, str | Path) else "array"


def resumed(out, experiment):
    """The experiment of the run in `out`; one that ended before its first checkpoint begins again."""
    done = (out / "metadata.json").is_file()
    if not (out / presets.CHECKPOINT).is_file() and (done or not (out / "config.yaml").is_file()):
        raise InputError(f"{out}: no {presets.CHECKPOINT} to resume from{' (the run is finished)' if done else ''}")
    found = config.load(out / "config.yaml")
    if found.model != experiment.model:
        raise InputError(f"{out}: holds a run of {found.model}, not of {experiment.model}")
    return found


def suited(experiment, bundle):
    """The experiment with what the data say of the model, where it does not say so itself: likelihood and classes."""
    experiment = _with_likelihood(experiment, bundle)
    conditional = getattr(catalog.load_class(catalog.resolve(experiment.model)[0]), "conditional", False)
    if not conditional or bundle.train.y is None or experiment.sets("hyperparameters.classes"):
        return experiment
    classes = len(bundle.classes) if bundle.classes else int(bundle.train.y.max()) + 1
    return experiment.model_copy(update={"hyperparameters": {**experiment.hyperparameters, "classes": classes}})


def _with_likelihood(experiment, bundle):
    """Data that are not in [0, 1] get parts for real values, tokens those for tokens."""
    if bundle.kind == "image" and bundle.preprocessor.low is not None:
        return experiment
    variant, own = catalog.resolve(experiment.model)[0], experiment.hyperparameters
    tokens, real = {"likelihood": "categorical"}, {"likelihood": "gaussian", "output": "linear"}
    fitting = {
        word: value
        for word, value in (tokens if bundle.kind == "tokens" else real).items()
        if (own.get(word) in ("bernoulli", "sigmoid") or (word in own and bundle.kind == "tokens"))
        and not experiment.sets(f"hyperparameters.{word}")
        and not list(catalog.wrong_values(variant, {word: value}))
    }
    widths = [column.width for column in bundle.preprocessor.columns or ()] or [1] * bundle.shape[-1]
    mixed = {"likelihood": "columns", "columns": widths}
    free = not any(map(experiment.sets, (f"hyperparameters.{word}" for word in mixed)))
    free = free and not list(catalog.wrong_values(variant, mixed))
    likelihood = {**own, **fitting}.get("likelihood")  # "columns" is that of a model that goes on with another table
    if free and (likelihood == "columns" or (likelihood == "gaussian" and max(widths) > 1)):
        fitting |= mixed
    return experiment.model_copy(update={"hyperparameters": {**experiment.hyperparameters, **fitting}})


def require_masking(experiment):
    """Raises InputError where missing values are masked for a model that cannot learn from them.

    One that can has `missing: mask` in its own `configs/<variant>.yaml`.
    """
    own = config.defaults_of(catalog.resolve(experiment.model)[0]).data.get("data", {})
    if experiment.data.missing == "mask" and own.get("missing") != "mask":
        raise InputError(
            f"data.missing: {experiment.model} cannot learn from missing values; fill them (mean), leave such "
            "examples out (drop), or train miss_vae",
            key="data.missing",
        )


def be_deterministic(wanted):
    """The same bits with any number of cores, where that is asked for: on one thread, as sums depend on their order."""
    if not wanted:
        return
    tf.config.experimental.enable_op_determinism()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
    except RuntimeError:
        raise InputError(
            "training.deterministic: must be asked for before TensorFlow runs anything; start a new process",
            key="training.deterministic",
        ) from None


# The data


def load_data(experiment, data=None):
    settings = experiment.data
    return datasets.load(
        settings.source if data is None else data,
        resize=settings.sizing(),
        channels=settings.channels,
        limit=settings.limit,
        validation=settings.validation,
        skip_bad=settings.skip_bad,
        missing=settings.missing,
        length=settings.length,
        unit=settings.unit,
        cut=settings.cut,
        seed=experiment.training.seed,
        preprocessor=vocabulary_of(experiment.start.preset),
    )


def vocabulary_of(preset):
    """The preprocessor that fine-tuning a model of tokens goes on with, or None."""
    found = None if preset is None else presets.open_preset(preset).preprocessor
    return found if found is not None and found.kind == "tokens" else None


def remarked(model, bundle, binarize):
    """The bundle, whose notes say what the model makes of its values.

    Raises:
        InputError: the model cannot learn them.
    """
    x, y = bundle.train.x, bundle.train.y
    remarks = {}
    size = chunk(bundle.shape, PIECE)
    for start in range(0, len(x), size):
        piece = slice(start, start + size)
        values = binarized(bundle.preprocessor.apply(x[piece]), "none" if binarize == "none" else "threshold")
        remarks[model.check(values, None if y is None else y[piece])] = True
    remarks = tuple(filter(None, remarks))
    return dataclasses.replace(bundle, notes=(*bundle.notes, *remarks))


def some_examples(bundle, experiment, count):
    """(model values [N, *shape], labels or None) of held-out examples, or of others where none are held out."""
    split = bundle.validation if len(bundle.validation) else bundle.train
    count = chunk(bundle.shape, count)
    x = binarized(bundle.preprocessor.apply(split.x[:count]), experiment.data.binarize, experiment.training.seed)
    return x, None if split.y is None else split.y[:count]


# The model


def start(model, experiment):
    """Gives a model the weights it begins with, and freezes what keeps them.

    Returns:
        The Moves, or None for fresh weights.
    """
    settings = experiment.start
    if settings.preset is None:
        return None
    moves = transfer.transfer(presets.load(settings.preset), model)
    transfer.require_kept(moves, settings.preset)
    if settings.freeze != "none":
        part = getattr(model, settings.freeze, None)
        if part is None:
            raise InputError(f"start.freeze: {experiment.model} has no {settings.freeze}", key="start.freeze")
        part.trainable = False
    return moves


def calibrated(model, bundle, experiment):
    """Suits the outputs of a transferred model to the training examples; gives what to say of it."""
    if experiment.start.freeze == "decoder":
        return ()
    x = bundle.preprocessor.apply(bundle.train.x[: chunk(bundle.shape, CALIBRATION)])
    found = transfer.calibrate(model, binarized(x, experiment.data.binarize, experiment.training.seed))
    if found is None:
        return ()
    scale, offset, before, after = found
    return (
        f"outputs calibrated: scale {scale:.2g}, offset {offset:.2g}; distortion {before:,.1f} -> {after:,.1f} nats",
    )


def doctor_of(bundle, experiment, say):
    """The callback that looks for illnesses of this run."""
    return collapse.CollapseDoctor(some_examples(bundle, experiment, collapse.EXAMPLES)[0], say)
