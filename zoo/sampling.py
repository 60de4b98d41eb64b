"""Fitting a sampler to the codes of a trained model, in a run folder or in memory."""

import os
import shutil
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from . import config, presets, report, samplers
from . import data as datasets
from .base import chunk
from .data import Split
from .errors import GateError, InputError
from .samplers.codes import codes_of
from .training import Loop, optimizer_for

HELD_OUT = 0.1  # of the codes, on which a sampler's likelihood is measured
BATCH = 256  # codes a step
EXAMPLES = 60_000  # training examples that are encoded at most


def fit_sampler(
    model, data=None, sampler="mixture", *, resize=None, out=None, force=False, seed=0, progress=None, **words
):
    """Fits a distribution to the codes of training data; samples of the model begin with it from then on.

    Args:
        model: a model of the zoo; or a run folder, in which the sampler is kept, and whose golden outputs, pictures and
            exported files are made anew; or the name of a preset, with `out`.
        data: model values [N, *input_shape]; for a run what `zoo.data.load` takes, by default what it was trained on.
        sampler: "mixture", "flow", "two_stage", "aggregate" or "autoregressive"; "normal" puts the prior back.
        resize: what `zoo.data.load` takes, or "model" for the size that the run takes.
        out: the run folder to keep it in, a copy of what `model` names; None: that one itself.
        force: replaces a run folder that exists.
        seed: of what is fitted.
        progress: called with (epochs done, epochs in all, loss).
        words: of the sampler's constructor, such as components=20.

    Returns:
        What was found: {"sampler", "words", "examples", "nll"}; nll is of held-out codes, in nats, or None.

    Raises:
        InputError: no such sampler, or the model's codes are not what it takes; or a preset without `out`.
        WriteError: `out` exists, or cannot be written. GateError: what was fitted is not finite.
    """
    run = isinstance(model, str | os.PathLike)
    preset = _opened(model, out, force) if run else None
    if run:
        model = presets.load(model, sampler=samplers.PRIOR)
    if sampler == samplers.PRIOR:
        model.use(None)
        found = {"sampler": sampler, "words": {}, "examples": 0, "nll": None}
    else:
        samplers.create(sampler, model, **words)  # errors before data are read
        x, source = _values(model, preset, data, resize)
        made, found = fitted(model, x, sampler, seed, progress, words)
        found["data"] = source
        model.use(made)
    if run:
        with presets.revised(preset, out, force) as work:
            keep(preset, model, found, work)
    return found


def _opened(name, out, force):
    """The Preset of a run, where a sampler can be kept."""
    preset = presets.open_preset(name)
    if out is not None:
        if Path(out).resolve() == preset.path.resolve():
            raise InputError(f"{out}: is the run itself; without a folder for a copy it is changed in place", "out")
        presets.require_free(out, force)
    elif not os.path.isdir(name):
        raise InputError(f"{name}: a preset, which stays as it is; name the folder for a copy with the sampler", "out")
    return preset


def fitted(model, x, name, seed=0, progress=None, words=None):
    """A sampler fitted to examples [N, *input_shape], and what was found."""
    words = dict(words or {})
    x = np.asarray(x[:EXAMPLES], np.float32)
    known = samplers.words_of(name)
    if "examples" in known:
        words["examples"] = min(words.get("examples", known["examples"].default), len(x))
    keras.utils.set_random_seed(seed)
    made = samplers.create(name, model, **words)
    found = {"sampler": name, "words": words, "seed": seed, "examples": len(x), "nll": None}
    if name == "aggregate":
        order = np.random.default_rng(seed).permutation(len(x))[: words["examples"]]
        made.fit_examples(x[np.sort(order)], seed)
        return made, found
    codes = codes_of(model, x, seed)
    order = np.random.default_rng(seed).permutation(len(codes))
    held = max(1, int(HELD_OUT * len(codes)))
    test, train = codes[order[:held]], codes[order[held:]]
    if not len(train):
        raise InputError(f"{name}: needs two examples or more to fit", "data")
    if hasattr(made, "objective"):
        learn(made, train, seed, progress)
        found["nll"] = float(np.mean(made.objective(tf.constant(test, tf.float32))[0]))
    else:
        made.fit(train, seed)
        found["nll"] = float(-np.mean(made.distribution().log_prob(tf.constant(test, tf.float32))))
    if not np.isfinite(found["nll"]):
        raise GateError(f"{name}: fitting diverged; a smaller learning_rate may help")
    return made, found


def learn(made, codes, seed, progress=None):
    """Trains a sampler that has an objective."""
    if hasattr(made, "scale"):
        made.scale.fit(codes)
    words = {"epochs": made.epochs, "batch_size": BATCH, "learning_rate": made.learning_rate, "schedule": "cosine"}
    settings = config.Training(**words, seed=seed, jit=False)
    loop = Loop(made, Split(np.asarray(codes, np.float32)), lambda x: x, settings)
    made.compile(optimizer_for(settings, settings.epochs * loop.steps))
    for epoch in range(settings.epochs):
        for mean in made.means.values():
            mean.reset_state()
        loop.run(tf.constant(loop.steps))
        if progress:
            progress(epoch + 1, settings.epochs, float(made.means["loss"].result()))


def _values(model, preset, data, resize):
    """Model values to fit to, and what they are called."""
    if preset is None:
        if data is None or isinstance(data, str):
            raise InputError("data: a model in memory needs model values [N, ...]; a run folder takes a source", "data")
        return np.asarray(data, np.float32), "array"
    bundle = data if isinstance(data, datasets.Bundle) else presets.data_for(preset, data, resize)
    if not len(bundle.train):
        raise InputError(f"{bundle.name}: the train split has no examples", "data")
    most = chunk(bundle.shape, EXAMPLES, report.SCORED)
    return np.concatenate([*report.seen(bundle, bundle.train, preset.experiment, most)]), bundle.source


def keep(preset, model, found, path):
    """Puts a sampler into a run folder, and makes anew what follows from it."""
    if found["sampler"] != samplers.PRIOR:
        presets.write_sampler(path, model.sampler, found)
    facts = {**presets.facts(path), "name": path.name, "sampler": found["sampler"]}
    facts["metrics"] = {split: _without_modes(measured) for split, measured in facts["metrics"].items()}
    stale = [format for format in ("tflite", "saved_model") if (path / format).is_dir()]
    stale += ["tflite"] if facts.pop("not_exported", None) else []
    for format in stale:
        shutil.rmtree(path / format, ignore_errors=True)
    presets.write_golden(path / "golden.npz", model, preset.examples())
    if (path / "figures").is_dir():
        report.draw_samples(model, preset.preprocessor, path / "figures")
    presets.seal(path, facts)
    for format in stale:
        report.export_into(path, format)
    report.card(path)


def _without_modes(measured):
    """An evaluation without what it says of samples."""
    if "modes" not in measured["metrics"]:
        return measured
    kept = {name: entry for name, entry in measured["metrics"].items() if name != "modes"}
    reason = "samples begin with something else since then; zoo evaluate --save counts them anew"
    return {**measured, "metrics": kept, "skipped": {**measured["skipped"], "modes": reason}}
