"""Training: the run folder, the same weights again, and on from any checkpoint."""

import contextlib
import csv
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo import cli, config, presets, training
from zoo.errors import GateError, InputError, WriteError
from zoo.training import learning_rate

from .conftest import disk_of

SMALL = ("widths=[16]", "latent_dim=3", "jit=false", "limit=300", "batch_size=32", "epochs=2")
FILES = {
    "README.md",
    "config.yaml",
    "history.csv",
    "metadata.json",
    "model.safetensors",
    "preprocessor.json",
    "golden.npz",
    "thresholds.json",
    "tflite/model.tflite",
    "tflite/parity.json",
    "figures/curves.png",
    "figures/samples.png",
    "figures/reconstructions.png",
}


def small(*changes):
    return (*SMALL, *changes)


def weights_of(run):
    return (run / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return training.train("vae_dense", "digits", tmp_path_factory.mktemp("runs") / "vae", changes=small())


def test_the_run_folder_holds_what_a_preset_needs(run):
    assert {f.relative_to(run).as_posix() for f in run.rglob("*") if f.is_file()} >= FILES
    assert not (run / presets.CHECKPOINT).exists()
    assert set(presets.Preset(run).metadata["files"]) >= FILES - {"metadata.json"}


def test_a_run_loads_as_a_model_that_gives_its_golden_outputs(run):
    model = presets.load(run)
    for verb, stored in model.preset.golden.items():
        for name, value in model.run(verb, **stored["inputs"]).items():
            np.testing.assert_allclose(value, stored["outputs"][name], atol=1e-5)


def test_the_history_has_every_part_of_every_epoch(run):
    rows = list(csv.DictReader((run / "history.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"loss", "distortion", "rate", "val_loss", "skipped"} <= set(rows[0])
    np.testing.assert_allclose(float(rows[0]["loss"]), float(rows[0]["distortion"]) + float(rows[0]["rate"]), rtol=1e-5)
    assert float(rows[1]["loss"]) < float(rows[0]["loss"])


def test_the_card_shows_the_numbers_and_how_to_use_it(run):
    card = (run / "README.md").read_text()
    assert "zoo.load_model" in card and "Mean squared error" in card and "figures/samples.png" in card


def test_the_configuration_makes_the_same_folder_again(run, tmp_path):
    again = training.train(run / "config.yaml", out=tmp_path / "again")
    assert weights_of(again) == weights_of(run)
    assert (again / "history.csv").read_text() == (run / "history.csv").read_text()


def test_another_seed_gives_other_weights(run, tmp_path):
    assert weights_of(training.train("vae_dense", "digits", tmp_path / "b", changes=small("training.seed=1"))) != (
        weights_of(run)
    )


class Crash(Exception):
    pass


@pytest.mark.parametrize(
    ("model", "changes"),
    [("ae_dense", ()), ("vae_conv", ("binarize=stochastic",)), ("vq_vae_dense", ("codes=16",)),
     ("factor_vae_dense", ("critic_widths=[16]",)), ("gan_dense", ())],
)  # fmt: skip
def test_a_crashed_run_resumes_to_the_same_weights(model, changes, tmp_path, monkeypatch):
    monkeypatch.setattr(training.Run, "finish", lambda self: None)
    monkeypatch.setattr(training.run, "CALL", 0.0)  # a checkpoint after every step
    changes = small(*changes, "checkpoint_seconds=0", "schedule=cosine", "epochs=3")
    whole = training.train(model, "digits", tmp_path / "whole", changes=changes)
    for crash_at in (2, 9):

        def crash(event, at=crash_at, seen=[0]):  # noqa: B006
            seen[0] += 1
            if seen[0] == at:
                raise Crash

        broken = tmp_path / f"broken-{crash_at}"
        with pytest.raises(Crash):
            training.train(model, "digits", broken, changes=changes, progress=crash)
        training.train(model, "digits", broken, changes=changes, resume=True)
        assert weights_of(broken) == weights_of(whole)
        assert (broken / "history.csv").read_text() == (whole / "history.csv").read_text()


KILLED = """
    import os, signal, sys
    from zoo import training
    training.run.CALL = 0.0
    def kill(event):
        if event.epoch == 2 and event.step > 3:
            os.kill(os.getpid(), signal.{signal})
    training.train("vae_dense", "digits", sys.argv[1], changes=sys.argv[2:], progress=kill)
"""


def start(code, out, *changes):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(out), *changes], capture_output=True, text=True, check=False
    )


def test_a_killed_run_resumes_to_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(training.Run, "finish", lambda self: None)
    changes = small("epochs=3", "checkpoint_seconds=0")
    whole = training.train("vae_dense", "digits", tmp_path / "whole", changes=changes)
    killed = tmp_path / "killed"
    assert start(KILLED.format(signal="SIGKILL"), killed, *changes).returncode == -signal.SIGKILL
    assert (killed / presets.CHECKPOINT).is_file()
    training.train("vae_dense", "digits", killed, resume=True)
    assert weights_of(killed) == weights_of(whole)


DETERMINISTIC = """
    import sys
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[2]))
    from zoo import training
    training.Run.finish = lambda self: None
    for model in ("vae_dense", "vae_conv"):
        training.train(model, "digits", sys.argv[1] + "/" + model, changes=sys.argv[3:])
"""


def test_a_deterministic_run_does_not_depend_on_threads(tmp_path):
    changes = ("training.deterministic=true", *SMALL[1:2], *SMALL[3:], "jit=null")
    for threads in ("1", "2"):
        done = start(DETERMINISTIC, tmp_path / threads, threads, *changes)
        assert done.returncode == 0, done.stderr
    for model in ("vae_dense", "vae_conv"):
        assert weights_of(tmp_path / "1" / model) == weights_of(tmp_path / "2" / model)


def test_determinism_that_comes_too_late_is_refused(run, tmp_path):
    with pytest.raises(InputError, match="start a new process"):
        training.train("vae_dense", "digits", tmp_path / "run", changes=small("training.deterministic=true"))


def terminate(event):
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_stops_the_run_with_a_checkpoint_and_says_how_to_go_on(tmp_path, monkeypatch):
    with pytest.raises(training.Interrupted, match="--resume") as stopped:
        training.train("vae_dense", "digits", tmp_path / "run", changes=small(), progress=terminate)
    assert stopped.value.exit_code == 143
    assert (tmp_path / "run" / presets.CHECKPOINT).is_file()


def test_a_stopped_run_says_the_command_that_goes_on_with_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = training.train("vae_dense", "digits", "whole", changes=small())

    def stop(event):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(training.Interrupted) as stopped:
        training.train("vae_dense", "digits", "my run", changes=small(), progress=stop)
    assert stopped.value.exit_code == 130
    command = re.search(r"go on with: (.*)", str(stopped.value))[1]
    assert command == "zoo train 'my run' --resume"
    with pytest.raises(SystemExit) as ended:
        cli.main(shlex.split(command)[1:])
    assert ended.value.code in (0, None) and weights_of(tmp_path / "my run") == weights_of(whole)


def test_a_run_stopped_while_its_report_is_written_goes_on_too(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training.run.report, "write", stop)
        with pytest.raises(training.Interrupted, match=r"zoo train .* --resume"):
            training.train("ae_dense", "digits", tmp_path / "run", changes=small())
    training.train(tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "metadata.json").is_file()


class Events(keras.callbacks.Callback):
    """Every event that Keras's own loop would give, in order."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_begin(self, logs=None):
        self.seen.append("train")

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(("epoch", epoch, dict(self.params)))

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(("batch", batch, set(logs)))

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(("ended", epoch, set(logs)))

    def on_train_end(self, logs=None):
        self.seen.append("done")


def test_any_keras_callback_is_called_as_fit_does(run, tmp_path):
    pytest.importorskip("tensorboard")
    events, board = Events(), keras.callbacks.TensorBoard(tmp_path / "board", update_freq=1)
    table = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    best = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.weights.h5"), save_weights_only=True)
    again = training.train(
        "vae_dense", "digits", tmp_path / "run", changes=small(), callbacks=[events, board, table, best]
    )
    assert weights_of(again) == weights_of(run)
    logs = {"loss", "distortion", "rate"}
    both = logs | {f"val_{name}" for name in logs} | {"skipped"}
    steps = events.seen[1][2]["steps"]
    assert events.seen[0] == "train" and events.seen[-1] == "done" and ("batch", steps - 1, logs) in events.seen
    assert [e for e in events.seen if e[0] == "ended"] == [("ended", 0, both), ("ended", 1, both)]
    assert [e[:2] for e in events.seen if e[0] == "epoch"] == [("epoch", 0), ("epoch", 1)]
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    kept = list(csv.DictReader((again / "history.csv").read_text().splitlines()))
    assert [float(row["val_loss"]) for row in rows] == [float(row["val_loss"]) for row in kept]
    assert {path.name for path in (tmp_path / "board").iterdir()} == {"train", "validation"}
    assert (tmp_path / "2.weights.h5").is_file()


def test_callbacks_stop_change_the_learning_rate_and_leave_weights(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

        def on_train_end(self, logs=None):
            self.model.decoder.weights[-1].assign(tf.ones_like(self.model.decoder.weights[-1]))

    rate = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5)
    run = training.train(
        "vae_dense", "digits", tmp_path / "run", changes=small("keep=last"), callbacks=[Stop(), rate], doctor=None
    )
    rows = list(csv.DictReader((run / "history.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["1"] and presets.Preset(run).metadata["training"]["epochs"] == 1
    assert (presets.load(run).decoder.weights[-1].numpy() == 1).all()


# The learning rate


@pytest.mark.parametrize("curvature", [1.0, 100.0])
def test_a_range_test_stays_below_the_rate_at_which_descent_diverges(curvature):
    x = [3.0]

    def advance(rate):
        x[0] -= rate * curvature * x[0]

    found = learning_rate.range_test(advance, lambda: 0.5 * curvature * x[0] ** 2, np.geomspace(1e-5, 10.0, 100))
    assert 0.02 / curvature < found < 2.0 / curvature


def test_a_range_test_that_finds_nothing_says_so():
    with pytest.raises(InputError, match="auto finds none"):
        learning_rate.range_test(lambda rate: None, lambda: 1.0)


def test_an_automatic_learning_rate_is_found_again_and_written_down(tmp_path):
    said = []
    runs = [
        training.train(
            "vae_dense",
            "digits",
            tmp_path / name,
            changes=small("learning_rate=auto"),
            announce=lambda bundle, *_: said.extend(bundle.notes),
        )
        for name in "ab"
    ]
    (first, second) = (config.load(run / "config.yaml").training.learning_rate for run in runs)
    assert first == second and 1e-4 < first < 0.1 and any(f"learning rate {first:g}:" in line for line in said)
    given = training.train("vae_dense", "digits", tmp_path / "c", changes=small(f"learning_rate={first}"))
    assert weights_of(given) == weights_of(runs[0]) == weights_of(runs[1])


def test_an_automatic_learning_rate_needs_a_loss_that_says_something(tmp_path):
    with pytest.raises(InputError, match="learning_rate: auto"):
        training.train("gan_dense", "digits", tmp_path / "run", changes=small("learning_rate=auto"))
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of three epochs that nothing disturbed."""
    return training.train("vae_dense", "digits", tmp_path_factory.mktemp("runs") / "whole", changes=small("epochs=3"))


@pytest.mark.parametrize("when", ["in training", "in the report"])
def test_a_full_disk_leaves_the_last_good_checkpoint_and_says_how_to_go_on(when, whole, tmp_path, monkeypatch):
    run, full = tmp_path / "run", contextlib.ExitStack()

    def fill(event):
        if when == "in training" and event.epoch == 2 and event.step > 3:
            full.enter_context(disk_of(10_000))

    def finish(self, real=training.Run.finish):
        with disk_of(10_000):
            real(self)

    if when == "in the report":
        monkeypatch.setattr(training.Run, "finish", finish)
    monkeypatch.setattr(training.run, "CALL", 0.0)
    with full, pytest.raises(WriteError) as error:
        training.train("vae_dense", "digits", run, changes=small("epochs=3", "checkpoint_seconds=0"), progress=fill)
    assert f"the last checkpoint is whole; make room, then go on with: zoo train {run} --resume" in str(error.value)
    assert "cannot write" in str(error.value) and "\n" not in str(error.value) and error.value.exit_code == 4
    assert not list(run.glob(".*"))
    monkeypatch.undo()
    training.train("vae_dense", "digits", run, resume=True)
    assert weights_of(run) == weights_of(whole)


def test_gradients_that_are_not_finite_stop_the_run_after_ten(whole, tmp_path, monkeypatch):
    import tensorflow as tf

    from zoo.models.vae import VAE

    first = 2 + int(next(csv.DictReader((whole / "history.csv").open()))["step"])  # early in the second epoch
    run, real, bad = tmp_path / "run", VAE.objective, tf.Variable(first)

    def objective(self, x, y=None, training=False):
        loss, parts = real(self, x, y, training)
        return loss * tf.where(self.step >= bad, np.nan, 1.0), parts

    monkeypatch.setattr(VAE, "objective", objective)
    monkeypatch.setattr(training.run, "CALL", 1000.0)  # many steps in a call
    with pytest.raises(GateError, match=f"step {first + 10}; the last good checkpoint is in {run}") as error:
        training.train("vae_dense", "digits", run, changes=small("epochs=3", "checkpoint_seconds=0"))
    assert error.value.exit_code == 3 and not (run / "metadata.json").exists()
    monkeypatch.undo()
    training.train("vae_dense", "digits", run, resume=True)
    assert presets.load(run)  # which refuses weights that are not finite


def test_what_a_killed_process_left_half_written_is_removed(whole, tmp_path):
    """A run that was killed before its first checkpoint, and one that was killed at its end."""
    early, late = tmp_path / "early", tmp_path / "late"
    early.mkdir()
    shutil.copy(whole / "config.yaml", early)
    with pytest.raises(training.Interrupted):
        training.train("vae_dense", "digits", late, changes=small("epochs=3"), progress=terminate)
    shutil.copytree(whole / "tflite", late / "tflite")
    for run in (early, late):
        (run / ".zoo-model.safetensors-x").write_bytes(b"half")
        (run / ".zoo-tflite-y").mkdir()
        (run / "figures").mkdir(exist_ok=True)
        (run / "figures" / ".zoo-samples.png-z.png").write_bytes(b"half")
        training.train("vae_dense", "digits", run, resume=True)
        assert weights_of(run) == weights_of(whole) and not list(run.rglob(".*"))


def test_a_run_that_diverges_is_given_up(tmp_path):
    with pytest.raises(GateError, match="not finite"):
        training.train("ae_dense", "digits", tmp_path / "run", changes=small("learning_rate=1.0e30", "optimizer=sgd"))
    assert not (tmp_path / "run" / "metadata.json").exists()


def test_an_existing_folder_is_kept(run, tmp_path):
    before = weights_of(run)
    with pytest.raises(WriteError, match="exists"):
        training.train("vae_dense", "digits", run, changes=small())
    assert weights_of(run) == before
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(WriteError, match="not a run folder"):
        training.train("vae_dense", "digits", tmp_path, changes=small(), force=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_resume_needs_a_checkpoint_of_the_same_run(run, tmp_path):
    with pytest.raises(InputError, match="finished"):
        training.train("vae_dense", "digits", run, resume=True)
    with pytest.raises(InputError, match="no checkpoint"):
        training.train("vae_dense", "digits", tmp_path, resume=True)


def test_patience_stops_and_the_best_weights_are_kept(tmp_path, monkeypatch):
    losses = iter([3.0, 1.0, 2.0, 2.5, 0.1])
    monkeypatch.setattr(training.Run, "validate", lambda self: {"val_loss": next(losses)})
    run = training.train("ae_dense", "digits", tmp_path / "run", changes=small("epochs=5", "patience=2"))
    assert (
        presets.Preset(run).metadata["training"] | {"kept_epoch": 2, "epochs": 4}
        == (presets.Preset(run).metadata["training"])
    )


def test_a_bad_setting_writes_nothing(tmp_path):
    with pytest.raises(InputError, match="latent_dim"):
        training.train("vae_dense", "digits", tmp_path / "run", changes=("latent_dim=-3",))
    assert not (tmp_path / "run").exists()


def test_tables_get_a_likelihood_for_real_values(tmp_path):
    table = np.random.default_rng(0).normal(3.0, 2.0, (200, 5)).astype("float32")
    run = training.train("vae_dense", table, tmp_path / "run", changes=small())
    assert config.load(run / "config.yaml").hyperparameters["likelihood"] == "gaussian"
    with pytest.raises(InputError, match="conv backbone"):
        training.train("vae_conv", table, tmp_path / "conv", changes=small())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_compiled_loop_trains_in_both_precisions(precision, tmp_path):
    changes = small("jit=true", f"precision={precision}", "epochs=3", "learning_rate=3.0e-3")
    run = training.train("vae_dense", "digits", tmp_path / "run", changes=changes)
    losses = presets.read_history(run / "history.csv")["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop", "lion"])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_optimizers_take_their_settings(optimizer, schedule):
    settings = config.for_model(
        "vae_dense",
        (f"optimizer={optimizer}", f"schedule={schedule}", "learning_rate=0.5", "warmup_steps=10", "clip_norm=1.0"),
    ).training
    made = training.optimizer_for(settings, 100)
    assert type(made).__name__ == training.optimizers.OPTIMIZERS[optimizer] and made.global_clipnorm == 1.0
    assert float(made.learning_rate) == 0.0
    made.iterations.assign(10)
    assert float(made.learning_rate) == pytest.approx(0.5)
    made.iterations.assign(100)
    assert float(made.learning_rate) == pytest.approx(0.0 if schedule == "cosine" else 0.5, abs=1e-6)


def test_every_epoch_sees_every_example_once_in_another_order(tmp_path):
    from zoo.data import Split
    from zoo.networks import dense

    class Recorder:
        backbone = dense

        def __init__(self):
            self.skipped_in_a_row = tf.constant(0)
            self.step, self.seen = tf.Variable(0), tf.Variable(tf.zeros([0, 4], tf.int32), shape=[None, 4])

        def train_step(self, x):
            self.step.assign_add(1)
            self.seen.assign(tf.concat([self.seen, tf.cast(x, tf.int32)[None]], 0))

    recorder = Recorder()
    settings = config.for_model("vae_dense", ("batch_size=4", "jit=false")).training
    loop = training.Loop(recorder, Split(np.arange(12, dtype="float32")), lambda x: x, settings)
    for _ in range(2):
        loop.run(tf.constant(3))
    first, second = recorder.seen.numpy().reshape(2, 12)
    assert sorted(first) == sorted(second) == list(range(12)) and list(first) != list(second)
