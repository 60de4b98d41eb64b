"""The collapse doctor: each illness planted, and healthy training left in peace."""

import warnings

import keras
import numpy as np
import pytest

import zoo
from zoo import collapse, presets, training
from zoo.collapse import CollapseDoctor, examine
from zoo.errors import GateError

SHAPE = (12, 12, 1)
X = np.random.default_rng(0).random((64, *SHAPE)).astype("float32")


def model(name="vae_dense", **words):
    keras.utils.set_random_seed(0)
    made = zoo.create_model(name, **{"input_shape": SHAPE, "latent_dim": 16, "widths": (32,), **words})
    made.compile(keras.optimizers.Adam(0.01))
    return made


def named(made, name):
    return next(w for w in made.weights if w.path.endswith(name))


def scaled(weight, factor):
    weight.assign(weight * factor)


def test_fresh_models_are_ill_of_nothing_but_of_being_young():
    assert set(examine(model("ae_dense"), X)) == set()
    assert set(examine(model("gan_dense"), X)) == set()
    assert set(examine(model("vae_dense"), X)) <= {"KL vanishing", "dead units"}


def test_a_posterior_that_is_the_prior_is_kl_vanishing():
    ill = model()
    scaled(named(ill, "encoder/head/kernel"), 0.0)
    found = examine(ill, X)
    assert set(found) == {"KL vanishing"} and "free_bits_vae" in found["KL vanishing"]


@pytest.mark.parametrize(("name", "factor"), [("vae_dense", 0.0), ("ae_dense", 1e-9)])
def test_most_units_of_the_code_dead(name, factor):
    ill = model(name)
    alive = np.arange(ill.posteriors.size) % 16 < 3
    scaled(named(ill, "encoder/head/kernel"), np.where(alive, 10.0, factor).astype("float32"))
    assert examine(ill, X)["dead units"].startswith("13 of 16 units of the code do not vary")
    assert "latent_dim=3" in examine(ill, X)["dead units"]


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_hidden_layer_that_gives_nothing_but_zero(part):
    ill = model("ae_dense")
    bias = named(ill, f"{part}/dense_1/bias")
    bias.assign(np.where(np.arange(32) < 31, -100.0, 100.0))
    assert f"31 of 32 units of {part}/dense_1_relu are 0" in examine(ill, X)["dead units"]


@pytest.mark.parametrize("name", ["vq_vae_dense", "vq_vae_conv", "rq_vae_dense"])
def test_a_codebook_of_which_one_vector_is_in_use(name):
    ill = model(name, codes=64)
    for weight in ill.weights:
        if weight.path.endswith("vectors"):
            weight.assign(np.where(np.arange(64)[:, None] == 5, 0.0, 100.0) + np.zeros((1, 16)))
    found = examine(ill, X)
    assert set(found) == {"dead codes"} and found["dead codes"].startswith("1 of 64")


@pytest.mark.parametrize(("name", "head"), [("vae_dense", "decoder/head/bias"), ("gan_dense", "generator/head/bias")])
@pytest.mark.parametrize("logit", [-30.0, 30.0])
def test_outputs_that_are_black_or_white_whatever_the_data(name, head, logit):
    ill = model(name)
    bias = named(ill, head)
    bias.assign(np.full(bias.shape, logit))
    found = examine(ill, X)
    assert "100% of the outputs are 0 or 1" in found["saturated outputs"]


def test_outputs_that_are_rightly_black_are_not_saturated():
    right = model()
    bias = named(right, "decoder/head/bias")
    bias.assign(np.full(bias.shape, -30.0))
    assert "saturated outputs" not in examine(right, np.zeros_like(X))


@pytest.mark.parametrize("name", ["vae_dense", "gan_dense"])
def test_data_that_the_outputs_cannot_reach(name):
    assert "likelihood=gaussian" in examine(model(name), 4.0 * X - 2.0)["output range"]


def test_outputs_far_beyond_the_data():
    ill = model("ae_dense")
    scaled(named(ill, "decoder/head/kernel"), 1e3)
    assert "the data run from 0" in examine(ill, X)["output range"]


def doctored(made, logs, wait=0):
    said = []
    doctor = CollapseDoctor(X, said.append, wait)
    doctor.set_model(made)
    for epoch, each in enumerate(logs):
        doctor.on_epoch_end(epoch, each)
    return said


def test_a_loss_that_explodes():
    (line,) = doctored(model("ae_dense"), [{"loss": 80.0}, {"loss": 75.0}, {"loss": 900.0}, {"loss": 1000.0}])
    assert line == "exploding loss: it is 900 and was 80; try training.learning_rate=0.001, or training.clip_norm=1"


def test_gradients_that_are_not_finite():
    ill = model("ae_dense")
    ill.skipped.assign(3)
    (line,) = doctored(ill, [{"loss": 80.0}])
    assert line.startswith("exploding loss: gradients were not finite, and 3 steps left out")


def test_the_doctor_waits_and_says_each_illness_once():
    ill = model()
    scaled(named(ill, "encoder/head/kernel"), 0.0)
    assert doctored(ill, [{"loss": 80.0}], wait=0) == []  # seen once
    assert len(doctored(ill, [{"loss": 80.0}] * 4, wait=0)) == 1
    assert doctored(ill, [{"loss": 80.0}] * 4, wait=1) == []  # too young
    ill.step.assign(1)
    assert len(doctored(ill, [{"loss": 80.0}] * 4, wait=1)) == 1


def test_a_doctor_in_fit_warns():
    ill = model("vae_dense", likelihood="gaussian")
    with pytest.warns(UserWarning, match="exploding loss"):
        ill.compile(keras.optimizers.SGD(10.0))
        ill.fit(X, epochs=2, verbose=0, callbacks=[CollapseDoctor(X)])


@pytest.mark.parametrize("name", ["ae_conv.mnist", "vae_conv.mnist", "vae_dense.mnist", "gan_conv.mnist"])
def test_pretrained_models_are_healthy(name):
    model = zoo.load_model(name)
    model.compile()
    x = zoo.load_model("ae_conv.mnist").preset.examples()
    if model.preset.experiment.data.binarize != "none":
        x = (x > 0.5).astype("float32")
    assert examine(model, x) == {}


def silently(source, out, *changes):
    """Trains on digits; a warning of the doctor is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training.train(source, "digits", out, changes=changes)


@pytest.mark.parametrize("name", ["ae_conv.mnist", "vae_conv.mnist", "vae_dense.mnist", "gan_conv.mnist"])
def test_a_young_training_is_left_in_peace(name, tmp_path, monkeypatch):
    monkeypatch.setattr(training.Run, "finish", lambda self: None)
    source = presets.open_preset(name).path / "config.yaml"
    silently(source, tmp_path / "run", "data.resize=[28,28]", "data.limit=400", "epochs=3", "binarize=none")


@pytest.mark.parametrize("name", ["ae_dense", "vae_dense", "vq_vae_dense", "gan_dense"])
def test_a_healthy_training_is_left_in_peace(name, tmp_path, monkeypatch):
    monkeypatch.setattr(training.Run, "finish", lambda self: None)
    silently(name, tmp_path / "run", "batch_size=32", "epochs=8")
    assert presets.read_history(tmp_path / "run" / "history.csv")["step"][-1] > collapse.WAIT


def test_weights_that_give_no_finite_score_are_not_reported_on(tmp_path):
    changes = ("widths=[16]", "latent_dim=3", "jit=false", "limit=200", "batch_size=32", "epochs=1")
    with pytest.raises(GateError, match="not finite"):
        training.train(
            "vae_dense", "digits", tmp_path / "run", changes=(*changes, "learning_rate=30.0", "optimizer=sgd"),
            doctor=None,
        )  # fmt: skip


def test_the_run_folder_keeps_what_was_said(tmp_path):
    changes = ("widths=[16]", "latent_dim=3", "jit=false", "limit=200", "batch_size=32", "epochs=2")
    said = []
    run = training.train(
        "vae_dense", "digits", tmp_path / "run", changes=(*changes, "learning_rate=1.0"),
        doctor=said.append,
    )  # fmt: skip
    assert said and said == presets.Preset(run).metadata["training"]["diagnoses"]
    assert said[0] in (run / "README.md").read_text()
