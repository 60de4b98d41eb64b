"""One run in its folder: epochs, checkpoints, the end."""

import contextlib
import hashlib
import json
import os
import shlex
import signal
import time
from functools import cached_property
from typing import NamedTuple

import keras
import tensorflow as tf

from .. import data as datasets
from .. import presets, report, weights
from ..base import chunk
from ..errors import GateError, InputError, WriteError, ZooError
from ..evaluation import binarized
from . import preparation
from .loop import PATIENCE, Loop
from .optimizers import optimizer_for
from .preparation import PIECE

CALL = 0.5  # seconds that one call of the compiled loop should take
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
        preparation.start(model, self.experiment)
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
