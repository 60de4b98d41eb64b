"""Gradients made of TFLite builtins, for the operations whose own gradients have none.

`tf.gradients` asks the graph which gradient an operation has, and the names here can be given to it; a gradient tape
does not ask. The operations of the forward pass stay what they are; convolutions are products, see `products`.
"""

import contextlib
import math

import keras
import tensorflow as tf

from . import products

REPLACED = ("Elu", "LeakyRelu", "MatMul", "Reciprocal", "Relu", "StridedSlice")
PREFIX = "Builtin"  # of their names here
LARGE = 3e38  # what makes every positive number of float32 at least one, but those that have lost digits


@contextlib.contextmanager
def of_builtins(model):
    """Within it, the graph that is being made and the activations of the model have gradients of builtins only."""
    names = {operation: f"{PREFIX}{operation}" for operation in REPLACED}
    exact = [layer for layer in model._flatten_layers() if getattr(layer, "activation", None) is keras.activations.gelu]
    for layer in exact:
        layer.activation = gelu
    try:
        with tf.compat.v1.get_default_graph().gradient_override_map(names):
            yield
    finally:
        for layer in exact:
            layer.activation = keras.activations.gelu


@tf.RegisterGradient(f"{PREFIX}Relu")
def _relu(operation, upstream):
    """Without a comparison or a sign, for which there is no fast kernel."""
    return upstream * tf.minimum(operation.outputs[0] * LARGE, 1.0)


@tf.RegisterGradient(f"{PREFIX}Reciprocal")
def _reciprocal(operation, upstream):
    return -upstream * operation.outputs[0] ** 2


@tf.RegisterGradient(f"{PREFIX}MatMul")
def _matmul(operation, upstream):
    turned = [operation.get_attr("transpose_a"), operation.get_attr("transpose_b")]
    a, b = (tf.transpose(x) if turn else x for x, turn in zip(operation.inputs, turned, strict=True))
    slopes = products.matmul(upstream, b, transpose_b=True), products.matmul(a, upstream, transpose_a=True)
    return [tf.transpose(slope) if turn else slope for slope, turn in zip(slopes, turned, strict=True)]


@tf.RegisterGradient(f"{PREFIX}LeakyRelu")
def _leaky_relu(operation, upstream):
    return tf.where(operation.inputs[0] > 0.0, upstream, operation.get_attr("alpha") * upstream)


@tf.RegisterGradient(f"{PREFIX}Elu")
def _elu(operation, upstream):
    y = operation.outputs[0]
    return upstream * tf.where(y > 0.0, tf.ones_like(y), y + 1.0)


@tf.RegisterGradient(f"{PREFIX}StridedSlice")
def _slice(operation, upstream):
    """Zeros around the upstream gradient, for slices of neighbours from a tensor of known shape."""
    x = operation.inputs[0]
    begin, end, strides = (tf.get_static_value(given) for given in operation.inputs[1:])
    ranges = list(_ranges(operation, begin, end, strides, x.shape.as_list()))
    around = [[places.start, size - places.stop] for places, size in zip(ranges, x.shape.as_list(), strict=True)]
    return tf.pad(tf.reshape(upstream, [len(places) for places in ranges]), around), None, None, None


def _ranges(operation, begin, end, strides, shape):
    """The range of places that a slice takes from each axis."""
    masks = {
        name: operation.get_attr(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    given = [(i, {name: mask >> i & 1 for name, mask in masks.items()}) for i in range(len(begin))]
    missing = len(shape) - sum(not (mask["ellipsis"] or mask["new_axis"]) for _, mask in given)
    for i, mask in given:
        if mask["new_axis"]:
            continue
        if mask["ellipsis"]:
            for _ in range(missing):
                yield range(shape.pop(0))
        elif mask["shrink_axis"]:
            yield range(shape.pop(0))[begin[i] :][:1]
        else:
            start, stop = None if mask["begin"] else begin[i], None if mask["end"] else end[i]
            yield range(shape.pop(0))[start : stop : strides[i]]
    yield from map(range, shape)


@tf.custom_gradient
def gelu(x):
    """x times the normal distribution function; TensorFlow differentiates it through Erfc, which has no builtin."""

    def gradient(upstream):
        density = tf.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
        return upstream * (_normal_cdf(x) + x * density)

    return tf.nn.gelu(x, approximate=False), gradient


def _normal_cdf(x):
    """Within 1e-7 (Abramowitz & Stegun 1964, 7.1.26)."""
    size = tf.abs(x) / math.sqrt(2.0)
    t = 1.0 / (1.0 + 0.3275911 * size)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    tail = 0.5 * series * tf.exp(-size * size)
    return tf.where(x > 0.0, 1.0 - tail, tail)
