"""Gradients made of TFLite builtins, for the operations whose own gradients have none.

`tf.gradients` asks the graph which gradient an operation has, and the names here can be given to it; a gradient tape
does not ask. The operations of the forward pass stay what they are.
"""

import contextlib
import math

import keras
import tensorflow as tf

REPLACED = ("Conv2D", "Conv2DBackpropInput", "Elu", "LeakyRelu", "Relu", "StridedSlice")
PREFIX = "Builtin"  # of their names here


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
    return upstream * tf.cast(operation.outputs[0] > 0.0, tf.float32)


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


@tf.RegisterGradient(f"{PREFIX}Conv2D")
def _convolution(operation, upstream):
    x, kernel = operation.inputs
    strides, padding = operation.get_attr("strides"), operation.get_attr("padding").decode()
    dilations = operation.get_attr("dilations")
    to_x = tf.raw_ops.Conv2DBackpropInput(
        input_sizes=x.shape.as_list(),
        filter=kernel,
        out_backprop=upstream,
        strides=strides,
        padding=padding,
        dilations=dilations,
    )
    return to_x, _to_kernel(x, upstream, kernel.shape, strides, padding, dilations)


@tf.RegisterGradient(f"{PREFIX}Conv2DBackpropInput")
def _transposed_convolution(operation, upstream):
    _, kernel, y = operation.inputs
    strides, padding = operation.get_attr("strides"), operation.get_attr("padding").decode()
    to_y = tf.nn.conv2d(upstream, kernel, strides, padding)
    return None, _to_kernel(upstream, y, kernel.shape, strides, padding, [1, 1, 1, 1]), to_y


def _to_kernel(x, upstream, shape, strides, padding, dilations):
    """Gradient of a convolution of x by its kernel: one product of the patches of x and the gradient of the output.

    Args:
        x: [B, H, W, C].
        upstream: gradient of the output, [B, h, w, F].
        shape: of the kernel, (kh, kw, C, F).
        strides, dilations: [1, down, across, 1].
        padding: "SAME" or "VALID".
    """
    high, wide, channels, filters = shape
    batch, *size, _ = x.shape
    steps = list(zip(upstream.shape[1:3], strides[1:3], dilations[1:3], strict=True))
    if padding == "SAME":
        over = [
            max((out - 1) * stride + (kernel - 1) * dilation + 1 - side, 0)
            for (out, stride, dilation), kernel, side in zip(steps, (high, wide), size, strict=True)
        ]
        x = tf.pad(x, [[0, 0], *([extra // 2, extra - extra // 2] for extra in over), [0, 0]])
    rows, columns = (
        [slice(i * dilation, i * dilation + (out - 1) * stride + 1, stride) for i in range(kernel)]
        for (out, stride, dilation), kernel in zip(steps, (high, wide), strict=True)
    )
    patches = tf.concat([x[:, row, column] for row in rows for column in columns], -1)
    flat = batch * steps[0][0] * steps[1][0]
    by_filter = tf.matmul(
        tf.reshape(upstream, [flat, filters]), tf.reshape(patches, [flat, high * wide * channels]), transpose_a=True
    )
    return tf.reshape(tf.transpose(by_filter), shape)
