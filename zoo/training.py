"""Training: from an experiment to a run folder, step by step, and on from any checkpoint to the same weights."""

import contextlib
import dataclasses
import hashlib
import json
import os
import shlex
import signal
import time
import warnings
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from . import catalog, collapse, config, learning_rate, numerics, presets, report, transfer, weights
from . import data as datasets
from .base import chunk
from .errors import GateError, InputError, WriteError, ZooError
from .evaluation import binarized

PATIENCE = 10  # gradients in a row that are not finite before the run is given up
CALL = 0.5  # seconds that one call of the compiled loop should take
PIECE = 512  # validation examples at once
CALIBRATION = 256  # training examples that outputs are calibrated on
SHARE = 0.02  # of the time that checkpoints may take


class Progress(NamedTuple):
    """What a run reports while it goes on. `logs` are means over the epoch so far; `done` closes an epoch."""

    epoch: int
    epochs: int
    step: int
    steps: int
    logs: dict
    rate: float
    done: bool


class Interrupted(ZooError):
    """The run was told to stop; its checkpoint is written."""


def train(
    model,
    data=None,
    out=None,
    *,
    changes=(),
    resume=False,
    force=False,
    progress=None,
    announce=None,
    callbacks=(),
    doctor=warnings.warn,
):
    """Trains a model and writes a run folder.

    Args:
        model: a name such as "vae_conv", the path of a configuration, or an `Experiment`.
        data: what `zoo.data.load` takes, in place of the experiment's source; or a `Bundle`.
        out: the run folder; "runs/<model>" when None, or the folder to resume.
        changes: "key=value" texts or a mapping, over the configuration.
        resume: goes on from the checkpoint in `out`, to the weights that an unbroken run would have had.
        force: replaces a run folder that exists.
        progress: called with a Progress every half second and at the end of each epoch.
        announce: called once with the data `Bundle`, the model, and the `zoo.transfer.Move`s of its start (or None).
        callbacks: Keras callbacks. Those of batches are called once for every half second of steps, as Keras does with
            `steps_per_execution`; `model.stop_training` ends the run. Which weights are kept is for `training.keep` to
            say: with "last", as the callbacks leave them.
        doctor: called with one line for every illness that `zoo.collapse` recognises; None: nobody looks.

    Returns:
        The path of the run folder.

    Raises:
        InputError: bad configuration or data. GateError: training diverged. WriteError: `out` cannot be written.
    """
    experiment = read_experiment(model, data, changes)
    out = Path(out or (model if resume and Path(str(model)).is_dir() else f"runs/{experiment.model}"))
    if resume:
        experiment = resumed(out, experiment)
    be_deterministic(experiment.training.deterministic)
    require_masking(experiment)
    bundle = data if isinstance(data, datasets.Bundle) else load_data(experiment, data)
    experiment = suited(experiment, bundle)
    network = presets.build(experiment, bundle.shape)
    with experiment.locating():
        bundle = remarked(network, bundle, experiment.data.binarize)
    moves = start(network, experiment)
    notes = () if moves is None or resume else calibrated(network, bundle, experiment)
    experiment, found = with_learning_rate(experiment, network, bundle)
    if announce:
        announce(dataclasses.replace(bundle, notes=(*bundle.notes, *notes, *found)), network, moves)
    if doctor:
        callbacks = (*callbacks, doctor_of(bundle, experiment, doctor))
    run = Run(network, bundle, experiment, out, progress or (lambda event: None), callbacks)
    if resume:
        presets.tidy(out)
    else:
        presets.create(out, force)
        presets.write_text(out / "config.yaml", experiment.to_yaml())
    with run.telling_how_to_go_on():
        run.go()
        run.finish()
    return out


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


def with_learning_rate(experiment, model, bundle):
    """The experiment with a number for a learning rate, and what to say of one that was found; see `learning_rate`.

    The model is as it was, afterwards.
    """
    if experiment.training.learning_rate != "auto":
        return experiment, ()
    if "score" not in model.signatures():
        raise InputError(
            f"training.learning_rate: auto goes by the loss, which says nothing of {experiment.model}; give a number",
            key="training.learning_rate",
        )
    before = weights.values(weights.of_model(model))
    constant = {"learning_rate": float(learning_rate.RATES[0]), "schedule": "constant", "warmup_steps": 0}
    settings = experiment.training.model_copy(update=constant)
    model.compile(optimizer_for(settings, 1))
    loop = Loop(model, bundle.train, bundle.preprocessor.apply, settings, experiment.data.binarize)
    x, y = some_examples(bundle, experiment, PIECE)
    data = tf.constant(x) if y is None else (tf.constant(x), tf.constant(y))
    test = tf.function(model.test_step)

    def advance(rate):
        for player in model.players():
            player.optimizer.learning_rate = rate
        loop.advance(1)

    def judge():
        for mean in model.means.values():
            mean.reset_state()
        return float(test(data)["loss"])

    with experiment.locating():
        rate = learning_rate.range_test(advance, judge)
    for mean in model.means.values():
        mean.reset_state()
    weights.assign(weights.of_model(model), before)
    training = experiment.training.model_copy(update={"learning_rate": rate})
    said = f"learning rate {rate:g}: a tenth of where the loss was lowest in a range test"
    return experiment.model_copy(update={"training": training}), (said,)


def some_examples(bundle, experiment, count):
    """(model values [N, *shape], labels or None) of held-out examples, or of others where none are held out."""
    split = bundle.validation if len(bundle.validation) else bundle.train
    count = chunk(bundle.shape, count)
    x = binarized(bundle.preprocessor.apply(split.x[:count]), experiment.data.binarize, experiment.training.seed)
    return x, None if split.y is None else split.y[:count]


def doctor_of(bundle, experiment, say):
    """The callback that looks for illnesses of this run."""
    return collapse.CollapseDoctor(some_examples(bundle, experiment, collapse.EXAMPLES)[0], say)


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
    widths = [column.width for column in bundle.preprocessor.columns or ()]
    mixed = {"likelihood": "columns", "columns": widths}
    free = not experiment.sets("hyperparameters.likelihood") and not list(catalog.wrong_values(variant, mixed))
    if max(widths, default=1) > 1 and free and {**own, **fitting}.get("likelihood") == "gaussian":
        fitting |= mixed
    return experiment.model_copy(update={"hyperparameters": {**experiment.hyperparameters, **fitting}})


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


def optimizer_for(settings, steps):
    """A Keras optimizer.

    Args:
        settings: the training section of an experiment.
        steps: length of the run, for the schedule.
    """
    if settings.learning_rate == "auto":
        raise InputError(
            "training.learning_rate: auto is for zoo train and zoo finetune; give a number",
            key="training.learning_rate",
        )
    words = {"learning_rate": _learning_rate(settings, steps), "global_clipnorm": settings.clip_norm}
    if settings.beta_1 is not None:
        if settings.optimizer in ("sgd", "rmsprop"):
            raise InputError(f"training.beta_1: {settings.optimizer} has none", key="training.beta_1")
        words["beta_1"] = settings.beta_1
    if settings.weight_decay or settings.optimizer == "adamw":
        words["weight_decay"] = settings.weight_decay
    return getattr(keras.optimizers, OPTIMIZERS[settings.optimizer])(**words)


OPTIMIZERS = {
    "adam": "Adam",
    "adamw": "AdamW",
    "adamax": "Adamax",
    "nadam": "Nadam",
    "sgd": "SGD",
    "rmsprop": "RMSprop",
    "lion": "Lion",
}


def _learning_rate(settings, steps):
    peak, warmup = settings.learning_rate, settings.warmup_steps
    if settings.schedule == "cosine":
        ramp = {"warmup_target": peak, "warmup_steps": warmup} if warmup else {}
        return keras.optimizers.schedules.CosineDecay(0.0 if warmup else peak, max(1, steps - warmup), **ramp)
    if warmup:
        return keras.optimizers.schedules.PolynomialDecay(0.0, warmup, peak)
    return peak


class Loop:
    """Steps of a model over data in memory; batch and noise are functions of (seed, step).

    Args:
        model: compiled.
        split: raw training examples, held as one tensor or read from the disk batch by batch; the last incomplete batch
            of an epoch is left out.
        preprocess: raw batch -> model values.
        settings: the training section of an experiment.
        binarize: "none", "threshold" or "stochastic".
    """

    def __init__(self, model, split, preprocess, settings, binarize="none"):
        self.model, self.preprocess, self.seed = model, preprocess, settings.seed
        self.binarize = {"none": lambda x: x, "threshold": _threshold, "stochastic": self._draw}[binarize]
        self.gather, self.y = Reader(split.x), None if split.y is None else tf.constant(split.y)
        self.count, self.batch = len(split), min(settings.batch_size, len(split))
        self.steps = self.count // self.batch
        # XLA has no fast strided convolution gradients for CPUs: measured, conv networks lose a quarter of their speed
        jit = "dense" in model.backbone.__name__ if settings.jit is None else settings.jit
        self.step = tf.function(model.train_step, jit_compile=jit)

    @tf.function
    def run(self, steps):
        """That many steps, all within one epoch: the loop that Keras's `fit` would leave to Python."""
        epoch, start = self.model.step // self.steps, self.model.step % self.steps
        order = tf.random.experimental.stateless_shuffle(tf.range(self.count), tf.stack([self.seed, epoch]))
        for position in tf.range(start, start + steps):
            if self.model.skipped_in_a_row >= PATIENCE:
                break
            chosen = tf.reshape(order[position * self.batch : (position + 1) * self.batch], [self.batch])
            x = self.binarize(self.preprocess(self.gather(chosen)))
            self.step(x if self.y is None else (x, tf.gather(self.y, chosen)))

    def advance(self, steps):
        """That many steps, in calls that end where epochs end."""
        while steps:
            call = min(steps, self.steps - int(self.model.step) % self.steps)
            self.run(tf.constant(call))
            steps -= call

    def _draw(self, x):
        return numerics.binarize(x, numerics.key("binarize", self.seed, self.model.step))


class Reader:
    """From row numbers [B] to examples [B, ...], in a graph; those in memory and those on the disk give the same.

    Attributes:
        problem: why they could not be read, which TensorFlow does not pass on.
    """

    def __init__(self, x):
        self.x, self.problem = x if isinstance(x, datasets.Stored) else tf.constant(x), None

    def __call__(self, rows):
        if not isinstance(self.x, datasets.Stored):
            return tf.gather(self.x, rows)
        found = tf.numpy_function(self.read, [rows], self.x.dtype)
        return tf.ensure_shape(found, [rows.shape[0], *self.x.shape[1:]])

    def read(self, rows):
        try:
            return self.x[rows]
        except Exception as error:
            self.problem = error
            raise


def _threshold(x):
    return tf.cast(x >= 0.5, tf.float32)


class Run:
    """One training run in its folder."""

    def __init__(self, model, bundle, experiment, out, progress, callbacks=()):
        self.model, self.bundle, self.experiment, self.out, self.progress = model, bundle, experiment, out, progress
        self.settings = settings = experiment.training
        self.loop = Loop(model, bundle.train, bundle.preprocessor.apply, settings, experiment.data.binarize)
        self.total = settings.epochs * self.loop.steps
        with experiment.locating():
            model.compile(optimizer_for(settings, self.total))
        self.state = weights.of_training(model)
        self.history, self.best, self.seconds = [], None, 0.0
        self.kept, self.cost = None, 0.0  # the best weights, until they are written; seconds that writing takes
        self.judged = "score" in model.signatures() and len(bundle.validation) > 0
        self.test = tf.function(self.measure, reduce_retracing=True)
        facts = {"epochs": settings.epochs, "steps": self.loop.steps, "verbose": 0}
        self.callbacks = keras.callbacks.CallbackList(list(callbacks), model=model, **facts)

    # Going on

    def go(self):
        """Trains to the end of the last epoch, or to the end of patience, or until a callback stops it."""
        self.restore()
        self.model.stop_training = False
        self.callbacks.on_train_begin()
        calls, saved, began_epoch = 1, time.monotonic(), None
        with stopping() as stop:
            while (step := int(self.model.step)) < self.total and not self.out_of_patience():
                epoch, within = divmod(step, self.loop.steps)
                if epoch != began_epoch:
                    self.callbacks.on_epoch_begin(epoch)
                    began_epoch = epoch
                left = self.loop.steps - within
                self.callbacks.on_train_batch_begin(within)
                began = time.time()
                self.loop.run(tf.constant(min(calls, left)))
                taken = time.time() - began
                rate = min(calls, left) * self.loop.batch / taken
                calls = 1 if step == 0 else max(1, round(calls * min(4.0, CALL / taken)))
                self.seconds += taken
                self.require_convergence()
                ended = self.report(rate)
                over = int(self.model.step) == self.total or self.out_of_patience() or self.model.stop_training
                if stop.signal or over or self.worth_saving(time.monotonic() - saved, ended):
                    self.save()
                    saved = time.monotonic()
                if stop.signal:
                    raise self.interrupted(stop.signal)
                if self.model.stop_training:
                    break
        self.callbacks.on_train_end()
        if self.settings.keep == "last":
            self.keep_weights()
            self.write_kept()

    def worth_saving(self, since, ended):
        """Whether to write a checkpoint so many seconds after the last one: often, yet at most 2 % of the time."""
        if not self.settings.checkpoint_seconds:
            return True
        return since > self.cost / SHARE and (ended or since > self.settings.checkpoint_seconds)

    def report(self, rate):
        """Tells the callbacks and the progress; gives whether an epoch has ended."""
        step = int(self.model.step)
        epoch = (step - 1) // self.loop.steps
        logs = {name: float(mean.result()) for name, mean in self.model.means.items()}
        self.callbacks.on_train_batch_end((step - 1) % self.loop.steps, dict(logs))
        ended = step % self.loop.steps == 0 or self.model.stop_training
        if ended:
            self.callbacks.on_test_begin()
            logs |= (measured := self.validate())
            self.callbacks.on_test_end({name.removeprefix("val_"): value for name, value in measured.items()})
            skipped = int(self.model.skipped)
            self.history.append({"epoch": epoch + 1, "step": step, **logs, "skipped": skipped})
            self.keep_best(logs)
            for mean in self.model.means.values():
                mean.reset_state()
            self.callbacks.on_epoch_end(epoch, {**logs, "skipped": skipped})
        self.progress(
            Progress(
                epoch + 1, self.settings.epochs, step - epoch * self.loop.steps, self.loop.steps, logs, rate, ended
            )
        )
        return ended

    @cached_property
    def held_out(self):
        """The validation examples as model values, drawn once for all epochs unless they stay on the disk."""
        x = self.bundle.validation.x
        return x if isinstance(x, datasets.Stored) else self.prepared(x)

    def prepared(self, x, first=0):
        """Raw validation examples as model values; `first` is the number of the first of them."""
        values = self.bundle.preprocessor.apply(x)
        return binarized(values, self.experiment.data.binarize, self.settings.seed, first)

    def validate(self):
        """Means over the validation split, with names that begin with val_."""
        if not len(self.bundle.validation):
            return {}
        before = weights.values({n: v for n, v in self.state.items() if n.startswith("means/")})
        for mean in self.model.means.values():
            mean.reset_state()
        x, seen, y = self.held_out, {}, self.bundle.validation.y
        size = chunk(self.bundle.shape, PIECE)
        for turn, start in enumerate(range(0, len(x), size)):
            piece = x[start : start + size]
            piece = tf.constant(self.prepared(piece, start) if isinstance(x, datasets.Stored) else piece)
            labelled = piece if y is None else (piece, tf.constant(y[start : start + size]))
            seen = self.test(labelled, tf.constant(turn))
        logs = {f"val_{name}": float(value) for name, value in seen.items()}
        weights.assign({n: self.state[n] for n in before}, before)
        return logs

    def measure(self, data, turn):
        """Adds a piece of the validation split to the means, with noise of its own."""
        self.model.turn = turn
        seen = self.model.test_step(data)
        self.model.turn = 0
        return seen

    def keep_best(self, logs):
        """Keeps the weights when they are the best so far, or when there is no telling."""
        better = self.best is None or logs.get("val_loss", 0.0) < self.best["val_loss"]
        if not self.judged or self.settings.keep == "last" or better:
            self.best = {"val_loss": logs.get("val_loss"), "epoch": self.history[-1]["epoch"]}
            self.keep_weights()

    def keep_weights(self):
        self.kept = weights.values(weights.of_model(self.model))

    def write_kept(self):
        if self.kept:
            weights.write(self.out / "model.safetensors", self.kept)
        self.kept = None

    def out_of_patience(self):
        patience = self.settings.patience
        return (
            bool(patience and self.history and self.judged)
            and self.history[-1]["epoch"] - self.best["epoch"] >= patience
        )

    def require_convergence(self):
        if int(self.model.skipped_in_a_row) >= PATIENCE:
            at = f"; the last good checkpoint is in {self.out}" if self.has_checkpoint() else ""
            raise GateError(
                f"training diverged: {PATIENCE} gradients in a row were not finite at step {int(self.model.step)}{at}; "
                f"try training.learning_rate={self.settings.learning_rate / 10:g}"
            )

    def has_checkpoint(self):
        return (self.out / presets.CHECKPOINT).is_file()

    @contextlib.contextmanager
    def telling_how_to_go_on(self):
        """Within it, an interruption and an error of writing or reading say what is there still."""
        try:
            yield
        except KeyboardInterrupt:
            raise self.interrupted(signal.SIGINT) from None
        except OSError as error:
            said = error if isinstance(error, WriteError) else f"{self.out}: cannot write ({error.strerror or error})"
            raise WriteError(f"{said}; {self.kept_so_far()}make room, then {self.way_on()}") from None
        except tf.errors.OpError:
            if self.loop.gather.problem is None:
                raise
            raise ZooError(
                f"{self.loop.gather.problem}; {self.kept_so_far()}put it back, then {self.way_on()}"
            ) from None

    def kept_so_far(self):
        return "the last checkpoint is whole; " if self.has_checkpoint() else ""

    def way_on(self):
        if self.experiment.data.source == "array":
            return f"go on with resume=True (--resume), the same data and out={str(self.out)!r}"
        return f"go on with: zoo train {shlex.quote(str(self.out))} --resume"

    # Checkpoints

    def save(self):
        """The best weights, and all that the next step depends on in one file that is there whole or not at all."""
        began = time.monotonic()
        self.write_kept()
        presets.write_history(self.out / "history.csv", self.history)
        facts = {"history": self.history, "best": self.best, "seconds": self.seconds}
        weights.write(
            self.out / presets.CHECKPOINT,
            weights.values(self.state),
            {"facts": json.dumps(facts), "experiment": self.identity()},
        )
        self.cost = time.monotonic() - began

    def restore(self):
        path = self.out / presets.CHECKPOINT
        if not path.is_file():
            return
        arrays, metadata = weights.read(path, self.state)
        if metadata.get("experiment") != self.identity():
            raise InputError(f"{path}: is of another configuration or of other data; resume with those it began with")
        weights.assign(self.state, arrays)
        facts = json.loads(metadata["facts"])
        self.history, self.best, self.seconds = facts["history"], facts["best"], facts["seconds"]

    def identity(self):
        """sha256 of the experiment and of the data."""
        text = json.dumps(self.experiment.to_dict(), sort_keys=True) + self.bundle.fingerprint
        return hashlib.sha256(text.encode()).hexdigest()

    def interrupted(self, number):
        """The error that says where the run was stopped, and how to go on."""
        early = "" if self.has_checkpoint() else ", before the first checkpoint"
        where = f"stopped at step {int(self.model.step):,} of {self.total:,}{early}"
        error = Interrupted(f"{where}; {self.way_on()}")
        error.exit_code = 128 + number
        return error

    # The end

    def finish(self):
        """The rest of the run folder, for the weights that were kept."""
        named = weights.of_model(self.model)
        weights.assign(named, weights.read(self.out / "model.safetensors", named)[0])
        facts = {
            "steps": self.history[-1]["step"],
            "epochs": self.history[-1]["epoch"],
            "kept_epoch": self.best["epoch"],
            "seconds": round(self.seconds, 1),
            "skipped_steps": self.history[-1]["skipped"],
            "device": f"{os.cpu_count()} CPU cores",
            "diagnoses": [
                line for callback in self.callbacks.callbacks for line in getattr(callback, "said", {}).values()
            ],
        }
        report.write(self.model, self.bundle, self.experiment, self.out, facts, self.before())
        (self.out / presets.CHECKPOINT).unlink(missing_ok=True)

    def before(self):
        """The model that a fine-tuning run began with, or None."""
        if self.experiment.start.preset is None:
            return None
        model = presets.build(self.experiment, self.bundle.shape)
        start(model, self.experiment)
        return model


class _Stop:
    signal = None


@contextlib.contextmanager
def stopping():
    """Within it, SIGINT and SIGTERM ask to stop at the end of the call; the second one stops at once."""
    stop, before = _Stop(), {}

    def handle(number, frame):
        if stop.signal:
            raise KeyboardInterrupt
        stop.signal = number

    with contextlib.suppress(ValueError):  # only the main thread may handle signals
        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
