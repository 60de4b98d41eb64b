"""Invertible maps of vectors whose log-determinant is cheap: what posteriors, priors and samplers are bent by.

An output of zero of a network here is the identity, and so every flow begins. All is made of builtin operations.
"""

from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

from ..numerics import softplus

SMALLEST = 1e-4  # factor of a dimension: its logarithm stays finite
IDENTITY = 0.5413  # softplus of it is 1


class MADE(keras.layers.Layer):
    """A dense network whose outputs for dimension i see the dimensions before i only (Germain et al. 2015).

    Args:
        dim: D.
        outputs: numbers for each dimension.
        widths: units of the hidden layers.
        context: length of a vector that every output sees, 0 for none.
        backwards: whether dimension i sees those after it instead.
    """

    def __init__(self, dim, outputs=2, widths=(64, 64), context=0, backwards=False, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.outputs, self.context = outputs, context
        place = np.arange(dim)[::-1] if backwards else np.arange(dim)
        sees = [place + 1, *(np.arange(width) % dim for width in widths), np.tile(place, outputs)]
        self.masks = [np.float32(later >= earlier[:, None]) for earlier, later in pairwise(sees)]
        shapes = [mask.shape for mask in self.masks]
        starts = ["glorot_uniform"] * len(widths) + ["zeros"]
        self.kernels = [
            self._weight(f"kernel_{i}", shape, start)
            for i, (shape, start) in enumerate(zip(shapes, starts, strict=True), 1)
        ]
        self.biases = [self._weight(f"bias_{i}", shape[1:], "zeros") for i, shape in enumerate(shapes, 1)]
        self.of_context = self._weight("context", (context, shapes[0][1]), "glorot_uniform") if context else None
        self.built = True

    def _weight(self, name, shape, initializer):
        return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False)

    def call(self, x, context=None):
        """[..., D] and a context [..., C] -> a list of tensors [..., D], one for each output."""
        hidden = tf.matmul(x, self.kernels[0] * self.masks[0]) + self.biases[0]
        if self.of_context is not None:
            hidden += tf.matmul(context, tf.convert_to_tensor(self.of_context))
        for kernel, mask, bias in zip(self.kernels[1:], self.masks[1:], self.biases[1:], strict=True):
            hidden = tf.matmul(tf.nn.relu(hidden), kernel * mask) + bias
        return tf.split(hidden, self.outputs, -1)


class AutoregressiveFlow(keras.layers.Layer):
    """Affine steps y_i = s_i z_i + m_i, with m_i and s_i > 0 functions of the z before i, in alternating order.

    `forward` takes one pass of each network, `inverse` D passes. From noise to codes it is the inverse autoregressive
    flow of Kingma et al. (2016, Eq. 10); from codes to noise the masked one of Papamakarios et al. (2017).

    Args:
        dim: D.
        layers: how many steps; none is the identity.
        widths: units of the hidden layers of each network.
        context: length of a vector that all steps see, 0 for none.
    """

    def __init__(self, dim, layers=2, widths=(64, 64), context=0, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.dim = dim
        self.networks = [
            MADE(dim, 2, widths, context, backwards=i % 2 == 1, name=f"made_{i + 1}") for i in range(layers)
        ]
        self.built = True

    def forward(self, z, context=None):
        """z [..., D] -> (y [..., D], log |det dy/dz| [...])."""
        log_determinant = tf.zeros_like(z[..., 0])
        for network in self.networks:
            shift, scale = _affine(network, z, context)
            z, log_determinant = scale * z + shift, log_determinant + tf.reduce_sum(tf.math.log(scale), -1)
        return z, log_determinant

    def inverse(self, y, context=None):
        """y [..., D] -> (z [..., D], log |det dz/dy| [...])."""
        log_determinant = tf.zeros_like(y[..., 0])
        for network in reversed(self.networks):
            z = y
            for _ in range(self.dim):  # each pass makes one dimension more right
                shift, scale = _affine(network, z, context)
                z = (y - shift) / scale
            log_determinant -= tf.reduce_sum(tf.math.log(_affine(network, z, context)[1]), -1)
            y = z
        return y, log_determinant


def _affine(network, z, context):
    shift, raw = network(z, context)
    return shift, softplus(raw + IDENTITY) + SMALLEST


def planar(z, u, w, b):
    """z + u^ tanh(w.z + b), which stretches space across a plane.

    Source: Rezende & Mohamed 2015, Eq. 10-12, with u^ of Appendix A.1, that makes it invertible for any u.

    Args:
        z: [..., D].
        u, w: [..., D].
        b: [...].

    Returns:
        The image [..., D], and log |det| of the Jacobian, [...].
    """
    along = tf.reduce_sum(w * u, -1, keepdims=True)
    u = u + (softplus(along) - 1.0 - along) * w / (tf.reduce_sum(w**2, -1, keepdims=True) + 1e-6)
    bend = tf.tanh(tf.reduce_sum(w * z, -1) + b)
    determinant = 1.0 + (1.0 - bend**2) * tf.reduce_sum(u * w, -1)
    return z + u * bend[..., None], tf.math.log(tf.abs(determinant) + 1e-7)
