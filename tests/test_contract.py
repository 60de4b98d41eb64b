"""What every model of the zoo promises, held for each variant on each backbone."""

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

import zoo
from zoo import catalog

LSTM = ("vae_lstm", "iwae_lstm")  # the other models with the recurrent backbone have a shorter test
NAMES = [name for name in zoo.list_models() if not name.endswith("_lstm") or name in LSTM]
ENTRIES = {name: catalog.catalogue()[catalog.resolve(name)[0]] for name in NAMES}
DIGITS = np.float32(load_digits().images[..., None] / 16)
LABELS = load_digits().target
COUNT = 16
SMALL = {
    "input_shape": (8, 8, 1),
    "latent_dim": 3,
    "widths": (8, 12),
    "critic_widths": (16, 16),
    "codes": 12,
    "positions": 4,
    "components": 5,
    "active": 2,
    "critic_features": 8,
}
REDUCTIONS = [name for name in NAMES if ENTRIES[name].reduces_to]
TWO = ["vae_conv", "gan_dense"]
ROOT = Path(zoo.__file__).parent.parent


def digits(name, count=COUNT):
    """Examples that a model takes: images, or their rows as the steps of a sequence."""
    return DIGITS[:count, ..., 0] if name.endswith("_lstm") else DIGITS[:count]


def made(name, **words):
    """A small model, compiled; words that the variant does not have are left out."""
    keras.utils.set_random_seed(words.get("seed", 0))
    small = SMALL | {"input_shape": digits(name).shape[1:]}
    fitting = {word: value for word, value in small.items() if word in ENTRIES[name].words}
    model = zoo.create_model(name, **fitting, **words)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), jit_compile=False)
    return model


def fed(model, count=COUNT):
    """What a model is trained on: examples, with their labels where it needs them."""
    x = DIGITS[:count].reshape(count, *model.example_shape)
    return x, LABELS[: len(x)] if getattr(model, "conditional", False) else None


def trained(name, steps=3, **words):
    """A model after some steps on one batch."""
    model = made(name, **words)
    for _ in range(steps):
        model.train_step(fed(model))
    return model


@functools.cache
def fresh(name):
    """One model for the tests that do not change it."""
    return made(name)


def everything(model):
    """All numbers that a step could change, as {place and name: array}."""
    optimizers = {id(player.optimizer): player.optimizer for player in model.players()}
    owners = {"model": model.weights} | {f"optimizer {i}": o.variables for i, o in enumerate(optimizers.values())}
    return {f"{owner} {i} {w.name}": w.numpy() for owner, ws in owners.items() for i, w in enumerate(ws)}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


# The objective


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("training", [False, True])
def test_loss_of_every_example_and_declared_parts(name, training):
    model, seen = fresh(name), []
    for player in model.players():
        loss, parts = player.objective(*fed(model), training=training)
        assert loss.shape == (COUNT,) and loss.dtype == tf.float32 and np.all(np.isfinite(loss))
        assert all(np.all(np.isfinite(part)) for part in parts.values())
        seen += parts
    assert sorted(seen) == sorted(model.parts)


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_is_trained_by_exactly_one_player(name):
    model = fresh(name)
    owners = [id(w) for player in model.players() for w in player.weights]
    assert sorted(owners) == sorted({id(w) for w in model.trainable_weights})
    for player in model.players():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(player.objective(*fed(model), training=True)[0])
        missing = [
            w.path for w, g in zip(player.weights, tape.gradient(loss, player.weights), strict=True) if g is None
        ]
        assert not missing


def test_logged_loss_is_the_sum_of_the_documented_parts():
    history = made("vae_dense").fit(DIGITS[:128], batch_size=32, epochs=2, verbose=0).history
    assert np.allclose(history["loss"], np.add(history["distortion"], history["rate"]), rtol=1e-5)


# Training


@pytest.mark.parametrize("name", NAMES)
def test_fit_lowers_the_loss(name):
    model = made(name)
    history = model.fit(*fed(model, 384), batch_size=32, epochs=5, verbose=0).history
    assert all(np.all(np.isfinite(values)) for values in history.values())
    assert set(fresh(name).parts) < set(history) and not any(history["skipped"])
    if ENTRIES[name].family != "adversarial":
        assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize("name", NAMES)
def test_every_player_takes_its_steps(name):
    model = trained(name, 2)
    assert all(int(player.optimizer.iterations) == 2 * player.steps for player in model.players())


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_every_weight(name):
    once, again, other = (everything(trained(name, seed=seed)) for seed in (1, 1, 2))
    assert same(once, again)
    assert not same(once, other)


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_that_is_not_finite_changes_nothing(name):
    model = trained(name, 1)
    before, (x, y) = everything(model), fed(model)
    bad = x.copy()
    bad[3, 2, 1] = np.inf
    model.train_step((bad, y))
    after = everything(model)
    changed = {place for place in before if not np.array_equal(before[place], after[place], equal_nan=True)}
    if hasattr(model, "generator"):  # it does not see the data, and goes on
        theirs = {w.name for w in model.critic.weights} - {w.name for w in model.generator.weights}
        changed = {place for place in changed if place.startswith("optimizer 1") or place.split()[-1] in theirs}
    assert {place.split()[-1] for place in changed} <= {"step", "skipped", "skipped_in_a_row"}
    assert int(model.skipped) == int(model.skipped_in_a_row) == 1
    model.train_step(fed(model))
    assert int(model.skipped) == 1 and int(model.skipped_in_a_row) == 0


def test_a_code_that_is_looked_up_often_has_one_gradient():
    """Adam's first step is the learning rate, however many examples share a code."""
    model = made("vq_vae_dense")
    before = model.codebook.vectors.numpy()
    model.train_step(fed(model))
    steps = np.abs(model.codebook.vectors.numpy() - before)
    assert 0.9 * 3e-3 < steps.max() < 1.01 * 3e-3


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "rmsprop", "lion"])
def test_optimizers(name, optimizer):
    model = made(name)
    model.compile(optimizer=optimizer, jit_compile=False)
    before = [w.numpy() for w in model.trainable_weights]
    logs = model.train_step(fed(model))
    assert all(np.isfinite(float(v)) for v in logs.values())
    assert any(not np.array_equal(w, b) for w, b in zip(model.trainable_weights, before, strict=True))


@pytest.mark.parametrize("name", TWO)
def test_mixed_precision_keeps_weights_and_losses_in_float32(name):
    model = made(name, dtype="mixed_bfloat16")
    history = model.fit(DIGITS[:128], batch_size=32, epochs=2, verbose=0).history
    assert all(np.all(np.isfinite(values)) for values in history.values())
    assert {w.dtype for w in model.trainable_weights} == {"float32"}
    assert model.sample(2).dtype == np.float32


@pytest.mark.parametrize("name", TWO)
def test_xla_gives_the_same_losses(name):
    histories = []
    for jit in (False, True):
        model = made(name)
        model.compile(optimizer="sgd", jit_compile=jit)
        histories.append(model.fit(DIGITS[:COUNT], batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"])
    assert np.allclose(*histories, rtol=1e-3)


# The verbs


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_a_function_of_the_seed(name):
    model = fresh(name)
    once, again, other = (model.sample(5, seed=seed) for seed in (3, 3, 4))
    assert once.shape == (5, *model.example_shape) and np.all(np.isfinite(once))
    assert np.array_equal(once, again) and not np.array_equal(once, other)


@pytest.mark.parametrize("name", [name for name in NAMES if "reconstruct" in ENTRIES[name].exports])
def test_verbs_agree(name):
    model, x = fresh(name), digits(name)
    z = model.encode(x)
    assert z.shape == (len(x), *model.code_shape)
    assert np.allclose(model.reconstruct(x), model.decode(z), atol=1e-5)
    assert np.allclose(model.reconstruct(x), model(x), atol=1e-5)
    assert np.allclose(model.interpolate(x[0], x[1], steps=3)[[0, -1]], model.reconstruct(x[:2]), atol=1e-5)
    scores = model.score(x)
    assert scores.shape == (len(x),) and np.all(np.isfinite(scores))


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_those_declared(name):
    assert set(fresh(name).signatures()) == set(ENTRIES[name].exports)


@pytest.mark.parametrize("name", [name for name in zoo.list_models("*_lstm") if name not in LSTM])
def test_every_model_with_the_recurrent_backbone_learns_from_a_short_sequence(name):
    variant = catalog.resolve(name)[0]
    small = SMALL | {"input_shape": (3, 4), "widths": (8,), "latent_dim": 2}
    keras.utils.set_random_seed(0)  # others may leave every unit of a layer without a gradient
    model = zoo.create_model(name, **{w: v for w, v in small.items() if w in catalog.catalogue()[variant].words})
    x, y = np.random.default_rng(0).random((6, 3, 4), np.float32), np.arange(6)
    with tf.GradientTape() as tape:
        loss, parts = model.objective(x, y if getattr(model, "conditional", False) else None, training=True)
        total = tf.reduce_mean(loss)
    assert loss.shape == (6,) and np.all(np.isfinite(loss)) and set(parts) <= set(model.parts)
    assert all(np.any(gradient) for gradient in tape.gradient(total, model.encoder.trainable_weights))


# Special cases


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduces_to(name):
    """With the same weights and noise it is the variant that it says; on average where it has noise of its own."""
    special, words = ENTRIES[name].reduces_to
    general = made(name, **words)
    backbone = name.removeprefix(f"{ENTRIES[name].variant}_")
    plain = made(f"{special}_{backbone}")
    for network in ("encoder", "decoder"):
        getattr(plain, network).set_weights(getattr(general, network).get_weights())
    ours, theirs = losses(general), losses(plain)
    if np.allclose(ours, theirs, rtol=1e-5):
        return
    error = np.hypot(ours.std(), theirs.std()) / np.sqrt(len(ours))
    assert ours.std() > 0 and abs(ours.mean() - theirs.mean()) < 4 * error


def losses(model, draws=200):
    """Mean loss of a batch for many draws of the noise, [draws]."""
    x = fed(model)[0]
    objective, found = tf.function(lambda: tf.reduce_mean(model.objective(x)[0])), []
    for step in range(draws):
        model.step.assign(step)
        found.append(float(objective()))
    return np.array(found)


# The Keras format


READ = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np, zoo
from zoo import catalog
for name in sys.argv[2:]:
    catalog.load_class(catalog.resolve(name)[0])
    model = keras.models.load_model(os.path.join(sys.argv[1], name + ".keras"))
    optimizers = {id(player.optimizer): player.optimizer for player in model.players()}
    owners = {"model": model.weights} | {f"optimizer {i}": o.variables for i, o in enumerate(optimizers.values())}
    weights = {f"{owner} {i} {w.name}": w.numpy() for owner, ws in owners.items() for i, w in enumerate(ws)}
    np.savez(os.path.join(sys.argv[1], name), sample=model.sample(3), **weights)
"""


@pytest.fixture(scope="module")
def read_elsewhere():
    """Every model after a step, and what a fresh process reads of its `.keras` file."""
    with tempfile.TemporaryDirectory() as folder:
        models = {name: trained(name, 1) for name in NAMES}
        for name, model in models.items():
            model.save(Path(folder, f"{name}.keras"))
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", READ, folder, *NAMES]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr[-2000:]
        read = {}
        for name in NAMES:
            with np.load(Path(folder, f"{name}.npz")) as file:
                read[name] = dict(file)
        yield models, read


@pytest.mark.parametrize("name", TWO)
def test_a_model_that_is_not_compiled_can_be_saved(name, tmp_path):
    model = catalog.load_class(ENTRIES[name].variant)(**fresh(name).get_config())
    model.save(tmp_path / "model.keras")
    assert np.allclose(keras.models.load_model(tmp_path / "model.keras").sample(2), model.sample(2), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_keras_format_round_trips_in_a_fresh_process(name, read_elsewhere):
    models, read = read_elsewhere
    model, found = models[name], read[name]
    assert np.allclose(found.pop("sample"), model.sample(3), atol=1e-6)
    assert same(found, everything(model))
