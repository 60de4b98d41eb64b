"""Tiny models, and presets that hold them."""

import numpy as np
import pytest

import zoo
from zoo import catalog

SMALL = {"input_shape": (28, 20, 1), "latent_dim": 4, "widths": (8,), "critic_widths": (8,)}


@pytest.fixture(scope="session")
def make():
    """A tiny model by name, of the words above that it takes."""

    def create(name, **words):
        takes = catalog.catalogue()[catalog.resolve(name)[0]].words
        return zoo.create_model(name, **{word: value for word, value in SMALL.items() if word in takes} | words)

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
