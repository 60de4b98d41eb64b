"""Tiny models, and presets that hold them."""

import numpy as np
import pytest

import zoo

SMALL = {"input_shape": (28, 20, 1), "latent_dim": 4, "widths": (8,)}


@pytest.fixture(scope="session")
def make():
    """A tiny model by name."""

    def create(name, **words):
        critic = {"critic_widths": (8,)} if name.startswith("factor_vae") else {}
        return zoo.create_model(name, **{**SMALL, **critic, **words})

    return create


@pytest.fixture(scope="session")
def vae(make):
    return make("vae_dense")


@pytest.fixture(scope="session")
def images():
    """Three examples in [0, 1]."""
    return np.random.default_rng(0).random((3, 28, 20, 1), "float32")


@pytest.fixture(scope="session")
def tflite(vae, tmp_path_factory):
    """(report, folder) of a TFLite export."""
    from zoo.export import export

    out = tmp_path_factory.mktemp("tflite") / "out"
    return export(vae, out), out


@pytest.fixture(scope="session")
def saved(make, tmp_path_factory):
    """(report, folder, model) of a SavedModel export of a model with a critic, which nothing exported uses."""
    from zoo.export import export

    out, model = tmp_path_factory.mktemp("saved") / "out", make("factor_vae_conv")
    return export(model, out, format="saved_model"), out, model
