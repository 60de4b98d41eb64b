"""Convolutions as products of matrices: the same numbers, and the same gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.export import litert, on_device, products

layers = keras.layers
CHANNELS = [(3, 5), (20, 2)]  # in and out: gathered, and added up


def numbers(*shape):
    return tf.constant(np.random.default_rng(1).normal(size=shape).astype("float32"))


def compare(layer, x):
    """Outputs and gradients of a layer as Keras has them, and as a product."""
    layer.build(x.shape)
    weights = [layer.kernel.value, layer.bias.value] if layer.use_bias else [layer.kernel.value]
    results = []
    for function in (layer, lambda x: products.call(layer, x)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
            loss = tf.reduce_sum(y * tf.cos(tf.reshape(tf.range(tf.size(y), dtype=tf.float32), y.shape)))
        results.append([y, *tape.gradient(loss, [x, *weights])])
    for expected, found in zip(*results, strict=True):
        assert expected.shape == found.shape
        np.testing.assert_allclose(expected, found, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("given, made", CHANNELS)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    "kernel, strides, dilation",
    [(3, 1, 1), (4, 2, 1), (1, 1, 1), (1, 2, 1), (5, 2, 1), (3, 3, 1), (3, 1, 2), ((2, 3), (1, 2), 1), ((5, 1), 2, 1)],
)
def test_convolution(kernel, strides, dilation, padding, given, made):
    layer = layers.Conv2D(made, kernel, strides, padding, dilation_rate=dilation, activation="tanh")
    compare(layer, numbers(2, 9, 8, given))


@pytest.mark.parametrize("given, made", CHANNELS)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel, strides", [(4, 2), (3, 1), (3, 2), (1, 2), (5, 2), (2, 3), ((3, 4), (2, 1))])
def test_transposed_convolution(kernel, strides, padding, given, made):
    compare(layers.Conv2DTranspose(made, kernel, strides, padding, use_bias=False), numbers(2, 5, 4, given))


@pytest.mark.parametrize("given, made", CHANNELS)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel, strides", [(4, 2), (3, 1), (5, 3)])
@pytest.mark.parametrize("kind", [layers.Conv1D, layers.Conv1DTranspose])
def test_convolution_in_time(kind, kernel, strides, padding, given, made):
    compare(kind(made, kernel, strides, padding), numbers(2, 11, given))


def test_an_output_padding_is_kept():
    compare(layers.Conv2DTranspose(2, 3, 2, "same", output_padding=1), numbers(2, 5, 4, 3))
    compare(layers.Conv2DTranspose(2, 3, 2, "valid", output_padding=1), numbers(2, 5, 4, 3))


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(4, 3, groups=2),
        layers.Conv1D(4, 3, padding="causal"),
        layers.Conv2DTranspose(4, 3, dilation_rate=2),
        layers.DepthwiseConv2D(3),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_other_layers_stay_what_they_are(layer):
    with products.of_convolutions(keras.Sequential([layer, plain := layers.Conv2D(4, 3)])):
        assert "call" not in vars(layer) and "call" in vars(plain)
    assert "call" not in vars(plain)


def test_what_learns_on_a_device_has_no_slow_operation(tmp_path):
    """Those that LiteRT's fast kernels take with constants only."""
    model = zoo.create_model("vae_conv", input_shape=(12, 10, 1), latent_dim=3, widths=(8, 8))
    path = tmp_path / "model.tflite"
    on_device.write_trainable(model, path, batch=4)
    assert litert.operations(path).keys().isdisjoint({"CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"})
