"""Distributions over the Poincare ball of curvature -c, the points of norm below 1 / sqrt(c).

Densities are with respect to the volume of the ball's metric, as in Mathieu et al. (2019). All is made of builtin
operations; a norm of 0 has a gradient, and points stay so far from the edge that float32 can tell them apart.
"""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from ..numerics import log_sinhc
from .drawn import Drawn
from .posteriors import Normal, Posterior
from .priors import Prior

tfd = tfp.distributions
BALL = "the Poincare ball"
EDGE = 1.0 - 1e-6  # largest norm of a point, as a share of the radius


# The ball (Ganea et al. 2018, Sec. 2)


def norm(v):
    """[..., D] -> [..., 1]."""
    return tf.sqrt(tf.reduce_sum(v**2, -1, keepdims=True) + 1e-15)


def conformal_factor(x, c):
    """lambda_x = 2 / (1 - c |x|^2), [..., 1]."""
    return 2.0 / (1.0 - c * tf.reduce_sum(x**2, -1, keepdims=True))


def inside(x, c):
    """x, or the point in its direction that is as near to the edge as points may be."""
    return x * tf.minimum(1.0, EDGE / (c**0.5 * norm(x)))


def add(x, y, c):
    """The Moebius addition of two points, written so that no digits cancel where y is near -x."""
    depth_x, depth_y = (1.0 - c * tf.reduce_sum(a**2, -1, keepdims=True) for a in (x, y))
    square = c * tf.reduce_sum((x + y) ** 2, -1, keepdims=True)
    return inside((depth_x * (x + y) + square * x) / (square + depth_x * depth_y), c)


def exp_map(x, v, c):
    """The point that the geodesic from x with velocity v reaches after unit time."""
    length = c**0.5 * norm(v)
    return add(x, tf.tanh(0.5 * conformal_factor(x, c) * length) * v / length, c)


def log_map(x, y, c):
    """The velocity at x of the geodesic that reaches y after unit time: the inverse of `exp_map`."""
    towards = add(-x, y, c)
    length = c**0.5 * norm(towards)
    return 2.0 / conformal_factor(x, c) * artanh(length) * towards / length


def artanh(x):
    return 0.5 * tf.math.log((1.0 + x) / (1.0 - x))


def geodesic(a, b, t, c):
    """The point at the share t of the shortest way from a to b."""
    return exp_map(a, t * log_map(a, b, c), c)


class Gyroplanes(keras.layers.Layer):
    """Signed distances of points to hyperplanes, in place of a linear layer (Ganea et al. 2018; Mathieu et al. 2019).

    Unit k is |a_k| times the distance to the hyperplane through p_k with the normal a_k, on the side of a_k.

    Args:
        dim: D.
        units: how many hyperplanes.
        curvature: c.
    """

    def __init__(self, dim, units, curvature=1.0, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.dim, self.units, self.curvature = dim, units, curvature
        start = keras.initializers.RandomNormal(stddev=0.5 * (2.0 / (dim + units)) ** 0.5)  # the metric doubles it
        self.normals = self.add_weight(name="normals", shape=(units, dim), initializer=start, autocast=False)
        self.points = self.add_weight(name="points", shape=(units, dim), initializer="zeros", autocast=False)
        self.built = True

    def get_config(self):
        return {**super().get_config(), "dim": self.dim, "units": self.units, "curvature": self.curvature}

    def call(self, z):
        """[B, D] -> [B, units]."""
        c, normals = self.curvature, tf.convert_to_tensor(self.normals)
        points = exp_map(tf.zeros_like(normals), tf.convert_to_tensor(self.points), c)
        towards = add(-points, z[:, None], c)  # [B, units, D]
        size, across = norm(normals)[:, 0], tf.reduce_sum(towards * normals, -1)
        sine = c**0.5 * conformal_factor(towards, c)[..., 0] * across / size
        return size * conformal_factor(points, c)[:, 0] * arsinh(sine) / c**0.5


def arsinh(x):
    return tf.sign(x) * tf.math.log(tf.abs(x) + tf.sqrt(x**2 + 1.0))


# Distributions


class Wrapped(Drawn):
    """A normal distribution on the tangent space at a point, wrapped around the ball (Mathieu et al. 2019, Eq. 2-3).

    z = exp_m(v / lambda_m) with v ~ N(0, diag(scale^2)); the density of v is divided by (sinh(r) / r)^(D-1), with
    r = sqrt(c) |v|.

    Args:
        mean: m, a point of the ball, [..., D].
        scale: [..., D].
        curvature: c.
    """

    def __init__(self, mean, scale, curvature):
        super().__init__(mean)
        self.center, self.scale, self.curvature = mean, scale, curvature

    def draw(self, noise):
        """A sample from standard normal noise."""
        v = self.scale * noise
        z = exp_map(self.center, v / conformal_factor(self.center, self.curvature), self.curvature)
        return self.keep(z, self._of_tangent(v))

    def density(self, z):
        v = conformal_factor(self.center, self.curvature) * log_map(self.center, z, self.curvature)
        return self._of_tangent(v)

    def _of_tangent(self, v):
        normal = tfd.Independent(tfd.Normal(tf.zeros_like(self.scale), self.scale), 1)
        stretch = log_sinhc(self.curvature**0.5 * norm(v)[..., 0])
        return normal.log_prob(v) - (v.shape[-1] - 1.0) * stretch


class WrappedNormal(Posterior):
    """A wrapped normal around a point that the encoder gives by its logarithm at the origin; this is its center."""

    space = BALL

    def __init__(self, latent_dim, curvature=1.0, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.curvature = curvature

    def distribution(self, outputs, log_joint=None):
        flat = Normal(self.latent_dim).distribution(outputs)
        mean = exp_map(tf.zeros_like(flat.mean()), flat.mean(), self.curvature)
        return Wrapped(mean, flat.stddev(), self.curvature)

    def transform(self, q, noise):
        return q.draw(noise)

    def center(self, q):
        return q.center

    def entrance(self, units):
        return Gyroplanes(self.latent_dim, units, self.curvature, name="gyroplanes")

    def spread(self, q):
        return {"scale": q.scale}


class WrappedStandardNormal(Prior):
    """The wrapped normal of scale 1 around the origin."""

    space = BALL

    def __init__(self, latent_dim, curvature=1.0, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.curvature = curvature

    def distribution(self):
        origin = tf.zeros([self.latent_dim])
        return Wrapped(origin, tf.ones_like(origin), self.curvature)

    def transform(self, noise):
        return self.distribution().draw(noise)

    def between(self, a, b, t):
        """On the geodesic from a to b."""
        return geodesic(tf.constant(a), tf.constant(b), t, self.curvature).numpy()
