import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.errors import InputError
from zoo.networks import BACKBONES, code_critic

SHAPES = [(28, 28, 1), (28, 20, 1), (7, 5, 3), (1, 1, 1), (33, 17, 3), (100, 4), (13, 2)]
STYLE = {"widths": (8, 12), "activation": "relu", "normalization": "none", "dtype": "float32"}
RANKS = {"dense": (1, 2, 3), "conv": (2, 3), "lstm": (2,)}  # of the examples that each backbone takes
PAIRS = [(name, shape) for name in BACKBONES for shape in [*SHAPES, (9,)] if len(shape) in RANKS[name]]


def networks(backbone, shape, **style):
    """Encoder to a code [6] and decoder from one [3]."""
    style = STYLE | style
    return BACKBONES[backbone].encoder(shape, (6,), **style), BACKBONES[backbone].decoder((3,), shape, **style)


@pytest.mark.parametrize("backbone, shape", PAIRS)
def test_shapes(backbone, shape):
    encoder, decoder = networks(backbone, shape)
    assert encoder(tf.zeros((2, *shape))).shape == (2, 6)
    assert decoder(tf.zeros((2, 3))).shape == (2, *shape)
    assert encoder.output_shape == (None, 6) and decoder.output_shape == (None, *shape)


@pytest.mark.parametrize("backbone, shape", [p for p in PAIRS if len(p[1]) > 1 and p[0] != "lstm"])
def test_codes_with_places(backbone, shape):
    places = BACKBONES[backbone].code_shape(shape, 5, STYLE["widths"], 4)
    encoder = BACKBONES[backbone].encoder(shape, places, **STYLE)
    decoder = BACKBONES[backbone].decoder(places, shape, **STYLE)
    assert encoder(tf.zeros((2, *shape))).shape == (2, *places)
    assert decoder(tf.zeros((2, *places))).shape == (2, *shape)


@pytest.mark.parametrize("size, levels", [(28, 2), (33, 3), (1, 2), (7, 1)])
def test_the_grid_halves_and_rounds_up(size, levels):
    assert BACKBONES["conv"].grid((size, size, 3), levels) == (math.ceil(size / 2**levels),) * 2


@pytest.mark.parametrize("model", ["vae_conv", "ae_conv", "gan_conv", "vq_vae_conv"])
def test_conv_refuses_vectors(model):
    with pytest.raises(InputError, match="use the dense backbone") as error:
        zoo.create_model(model, input_shape=(9,))
    assert error.value.key == "backbone"


def test_widths_are_respected():
    encoder, decoder = networks("dense", (9,), widths=(8, 12))
    assert [w.shape for w in encoder.weights if len(w.shape) == 2] == [(9, 8), (8, 12), (12, 6)]
    assert [w.shape for w in decoder.weights if len(w.shape) == 2] == [(3, 12), (12, 8), (8, 9)]
    encoder, decoder = networks("conv", (16, 16, 3), widths=(8, 12))
    assert [w.shape for w in encoder.weights if len(w.shape) == 4] == [(4, 4, 3, 8), (4, 4, 8, 12)]
    assert [w.shape for w in decoder.weights if len(w.shape) == 4] == [(4, 4, 8, 12), (4, 4, 8, 8), (3, 3, 8, 3)]


@pytest.mark.parametrize("normalization, kind", [("batch", "Batch"), ("layer", "Layer"), ("group", "Group")])
@pytest.mark.parametrize("backbone", ["dense", "conv"])
def test_normalization_follows_each_hidden_layer_and_replaces_its_bias(backbone, normalization, kind):
    for network in networks(backbone, (8, 8, 1), normalization=normalization, widths=(8, 16)):
        names = [type(layer).__name__ for layer in network.layers]
        hidden = [layer for layer in network.layers if isinstance(layer, keras.layers.Activation)]
        assert names.count(f"{kind}Normalization") == len(hidden)
        assert [layer.name for layer in network.layers if getattr(layer, "use_bias", False)] == ["head"]


@pytest.mark.parametrize("backbone, shape", [p for p in PAIRS if p[1] in ((7, 5, 3), (13, 2))])
def test_heads_are_float32_in_lower_precision(backbone, shape):
    for network in networks(backbone, shape, dtype="mixed_bfloat16"):
        inside = next(layer for layer in network.layers if layer.weights)
        out = network(tf.zeros((2, *network.input_shape[1:])))
        assert inside.compute_dtype == "bfloat16" and out.dtype == tf.float32
        assert all(w.dtype == "float32" for w in network.weights)
    assert code_critic(3, (8,)).layers[-1].compute_dtype == "float32"


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_value_is_seen_and_made(backbone):
    """No input is cut off by the strides, and no output is a constant."""
    shape = (7, 3) if backbone == "lstm" else (7, 5, 3)
    encoder, decoder = networks(backbone, shape, activation="tanh")
    x, z = tf.random.stateless_normal((4, *shape), (0, 1)), tf.random.stateless_normal((4, 3), (0, 2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = tf.reduce_sum(encoder(x) ** 2)
    assert np.all(np.abs(tape.gradient(out, x)).sum(0) > 0)
    assert np.all(decoder(z).numpy().std(0) > 0)
