"""Convolutions as products of matrices: LiteRT has fast kernels for those also where weights are variables.

A convolution of stride s is one of stride 1 over blocks of s x s positions, whose numbers are its channels. That is a
product: of the blocks that each output needs, gathered side by side, or of each block by the weights of all outputs
that need it, which are then added up. The way with fewer numbers in between is taken. The transposed convolution is
the adjoint, and so is the gradient of each by its input.
"""

import contextlib
import functools
import math
import operator

import keras
import numpy as np
import tensorflow as tf

TRANSPOSED = keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose
KINDS = keras.layers.Conv1D, keras.layers.Conv2D, *TRANSPOSED


@contextlib.contextmanager
def of_convolutions(model):
    """Within it, the layers of a model that are convolutions are computed as products of matrices.

    Causal ones, those of groups and dilated transposed ones stay what they are.
    """
    changed = [layer for layer in model._flatten_layers() if isinstance(layer, KINDS) and _is_plain(layer)]
    for layer in changed:
        vars(layer)["call"] = functools.partial(call, layer)
    try:
        yield
    finally:
        for layer in changed:
            del vars(layer)["call"]


def _is_plain(layer):
    if layer.data_format != "channels_last":
        return False
    if isinstance(layer, TRANSPOSED):
        return max(layer.dilation_rate) == 1
    return layer.groups == 1 and layer.padding != "causal"


def call(layer, x):
    """What a layer of KINDS gives: [B, T, C] or [B, H, W, C] -> [B, t, F] or [B, h, w, F]."""
    shape, kernel = layer.compute_output_shape(x.shape), tf.convert_to_tensor(layer.kernel)
    if layer.rank == 1:  # an image of one column
        x, kernel = x[:, :, None], kernel[:, None]
    size, made, strides, dilations = (
        (*given, 1)[:2] for given in (x.shape[1:-1], shape[1:-1], layer.strides, layer.dilation_rate)
    )
    if isinstance(layer, TRANSPOSED):
        y = Convolution(made, size, kernel.shape, strides, dilations, layer.padding).up(x, kernel)
    else:
        y = Convolution(size, made, kernel.shape, strides, dilations, layer.padding).down(x, kernel)
    y = tf.reshape(y, [x.shape[0], *shape[1:]])
    return layer.activation(y + layer.bias if layer.use_bias else y)


class Convolution:
    """The geometry of a convolution, and the products that compute it.

    Args:
        fine, coarse: sizes (H, W) of its input and (h, w) of its output.
        kernel: the shape (kh, kw, C, F).
        strides, dilations: (down, across); a dilated one has strides of 1.
        padding: "same" or "valid".
    """

    def __init__(self, fine, coarse, kernel, strides, dilations, padding):
        self.fine, self.coarse, self.strides = fine, coarse, strides
        self.taps = [-(-size // stride) for size, stride in zip(kernel[:2], strides, strict=True)]
        self.reach = [(taps - 1) * dilation for taps, dilation in zip(self.taps, dilations, strict=True)]
        self.grid = [size + reach for size, reach in zip(coarse, self.reach, strict=True)]  # of blocks
        self.places = [(i * dilations[0], j * dilations[1]) for i, j in np.ndindex(*self.taps)]  # of the taps
        spans = [(size - 1) * dilation + 1 for size, dilation in zip(kernel[:2], dilations, strict=True)]
        over = [(h - 1) * s + span - n for h, s, span, n in zip(coarse, strides, spans, fine, strict=True)]
        self.before = [max(extra, 0) // 2 if padding == "same" else 0 for extra in over]
        block = math.prod(strides) * kernel[2]
        self.gathers = math.prod(coarse) * block <= math.prod(self.grid) * kernel[3]

    def down(self, x, kernel):
        """The convolution: [B, H, W, C] and [kh, kw, C, F] -> [B, h, w, F]."""

        @tf.custom_gradient
        def product(blocks, weights):
            return self._down(blocks, weights), lambda g: (self._up(g, weights), self._to_weights(blocks, g))

        return product(self._blocks(x), self._weights(kernel))

    def up(self, y, kernel):
        """The transposed convolution: [B, h, w, F] and [kh, kw, C, F] -> [B, H, W, C]."""

        @tf.custom_gradient
        def product(y, weights):
            return self._up(y, weights), lambda g: (self._down(g, weights), self._to_weights(g, y))

        return self._pixels(product(y, self._weights(kernel)))

    def _down(self, blocks, weights):
        if self.gathers:
            return matmul(tf.concat(self._needed(blocks), -1), weights)
        return _sum(self._needed(matmul(blocks, weights), parts=True))

    def _up(self, y, weights):
        if self.gathers:
            return _sum(self._given(matmul(y, weights, transpose_b=True), parts=True))
        return matmul(tf.concat(self._given(y), -1), weights, transpose_b=True)

    def _to_weights(self, blocks, y):
        """The gradient of the weights."""
        if self.gathers:
            return matmul(tf.concat(self._needed(blocks), -1), y, transpose_a=True)
        return matmul(blocks, tf.concat(self._given(y), -1), transpose_a=True)

    def _needed(self, grid, parts=False):
        """For each tap what outputs need of a grid, [B, h, w, N]: all of its channels, or the tap's part of them."""
        return _windows(grid, self.places, self.coarse, parts)

    def _given(self, y, parts=False):
        """The adjoint: for each tap what outputs give to a grid."""
        down, across = self.reach
        around = tf.pad(y, [[0, 0], [down, down], [across, across], [0, 0]])
        return _windows(around, [(down - i, across - j) for i, j in self.places], self.grid, parts)

    def _weights(self, kernel):
        """[taps and numbers of a block, F] or, without gathering, [numbers of a block, taps and F]."""
        (m, n), (s, t), (c, f) = self.taps, self.strides, kernel.shape[2:]
        more = [[0, m * s - kernel.shape[0]], [0, n * t - kernel.shape[1]], [0, 0], [0, 0]]
        kernel = tf.reshape(tf.pad(kernel, more), [m, s, n, t, c, f])
        if self.gathers:
            return tf.reshape(tf.transpose(kernel, [0, 2, 1, 3, 4, 5]), [m * n * s * t * c, f])
        return tf.reshape(tf.transpose(kernel, [1, 3, 4, 0, 2, 5]), [s * t * c, m * n * f])

    def _blocks(self, x):
        """[B, H, W, C] -> [B, *grid, numbers of a block]."""
        (h, w), (s, t), c = self.grid, self.strides, x.shape[-1]
        x = _framed(x, [(b, size - b - n) for b, size, n in zip(self.before, (h * s, w * t), self.fine, strict=True)])
        if s == t:
            return tf.nn.space_to_depth(x, s) if s > 1 else x
        return tf.reshape(tf.transpose(tf.reshape(x, [-1, h, s, w, t, c]), [0, 1, 3, 2, 4, 5]), [-1, h, w, s * t * c])

    def _pixels(self, blocks):
        """[B, *grid, numbers of a block] -> [B, H, W, C]."""
        (h, w), (s, t), c = self.grid, self.strides, blocks.shape[-1] // math.prod(self.strides)
        if s == t:
            x = tf.nn.depth_to_space(blocks, s) if s > 1 else blocks
        else:
            x = tf.transpose(tf.reshape(blocks, [-1, h, w, s, t, c]), [0, 1, 3, 2, 4, 5])
            x = tf.reshape(x, [-1, h * s, w * t, c])
        return _framed(
            x, [(-b, b + n - size) for b, n, size in zip(self.before, self.fine, (h * s, w * t), strict=True)]
        )


def _framed(x, ends):
    """[B, H, W, C] with zeros (before, after) both sides; where negative, so many numbers are cut off."""
    kept = [slice(max(-a, 0), size + min(b, 0)) for (a, b), size in zip(ends, x.shape[1:3], strict=True)]
    return tf.pad(x[:, kept[0], kept[1]], [[0, 0], *([max(a, 0), max(b, 0)] for a, b in ends), [0, 0]])


def _windows(x, places, size, parts):
    """What stands at some places, each [B, *size, N]; in parts, the channels are shared out among the places."""
    (h, w), n = size, x.shape[-1] // len(places)
    channels = [slice(k * n, k * n + n) if parts else slice(None) for k in range(len(places))]
    return [x[:, i : i + h, j : j + w, mine] for (i, j), mine in zip(places, channels, strict=True)]


def _sum(terms):
    """One after the other: for many at once there is no fast kernel."""
    return functools.reduce(operator.add, terms)


def matmul(a, b, transpose_a=False, transpose_b=False):
    """The product of matrices, whose axes before the last count as one.

    Never FULLY_CONNECTED, which the converter takes for a transposed b and which is slow where that is no constant.

    Returns:
        [..., M] of an a [..., N] and a b [N, M], or transposed [M, N]; of a transposed a [..., N] and a b [..., M],
        [N, M].
    """
    shape = [b.shape[-2] if transpose_b else b.shape[-1]]
    shape = [a.shape[-1], *shape] if transpose_a else [*a.shape[:-1], *shape]
    a, b = (tf.reshape(x, [1, math.prod(x.shape[:-1]), x.shape[-1]]) for x in (a, b))
    return tf.reshape(tf.raw_ops.BatchMatMulV2(x=a, y=b, adj_x=transpose_a, adj_y=transpose_b), shape)
