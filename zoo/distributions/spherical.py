"""Distributions over the unit sphere, made of builtin operations: no Bessel functions, no rejection.

The angle t between a code and the mean direction has the density sin(t)^(D-2) exp(k cos t) up to a constant, and the
direction in which the code leaves the mean is uniform (Mardia & Jupp 2000, Sec. 9.3). One integral over t gives the
normaliser; its inverse gives samples, whose derivative with respect to k is that of the inverse.
"""

import math

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from ..errors import InputError
from ..numerics import softplus
from .posteriors import Posterior
from .priors import Prior

tfd = tfp.distributions
SPHERE = "the unit sphere"
CELLS = 256  # of the interval of angles that samples are found in
NODES, SHARES = (np.float32(a) for a in np.polynomial.legendre.leggauss(128))  # of integrals over [-1, 1]


def widest(concentration, dim):
    """An angle that is almost never exceeded, [...]: its chance is below 1e-8."""
    return tf.minimum(np.pi, 0.5 * np.pi * (np.sqrt(dim - 1.0) + 6.0) / tf.sqrt(concentration + 1e-6))


def log_angle_density(angle, concentration, dim):
    """(D - 2) log sin(t) + k (cos(t) - 1): the density of the angle, times a constant of it."""
    return (dim - 2.0) * tf.math.log(tf.sin(angle)) - 2.0 * concentration * tf.sin(0.5 * angle) ** 2


def angle_integrals(concentration, dim):
    """(log of the integral of sin(t)^(D-2) exp(k (cos t - 1)), mean of 1 - cos t), [...] each."""
    half = 0.5 * widest(concentration, dim)[..., None]
    angle, concentration = half * (1.0 + NODES), concentration[..., None]
    log_terms = log_angle_density(angle, concentration, dim) + np.log(SHARES)
    top = tf.stop_gradient(tf.reduce_max(log_terms, -1, keepdims=True))
    terms = tf.exp(log_terms - top)
    total = tf.reduce_sum(terms, -1)
    distance = tf.reduce_sum(terms * 2.0 * tf.sin(0.5 * angle) ** 2, -1) / total
    return tf.math.log(total * half[..., 0]) + top[..., 0], distance


def draw_angle(uniform, concentration, dim):
    """The angle below which the share `uniform` of the probability lies, [...], differentiable in the concentration."""
    width = widest(concentration, dim) / CELLS
    middles = width[..., None] * (tf.range(CELLS, dtype=tf.float32) + 0.5)
    shares = tf.nn.softmax(log_angle_density(middles, concentration[..., None], dim))
    shares, uniform = tf.broadcast_to(shares, [*tf.unstack(tf.shape(uniform)), CELLS]), uniform[..., None]
    ends = tf.cumsum(shares, -1)
    chosen = tf.minimum(tf.reduce_sum(tf.cast(uniform > ends, tf.int32), -1), CELLS - 1)
    here = tf.one_hot(chosen, CELLS)
    share, end = tf.reduce_sum(here * shares, -1), tf.reduce_sum(here * ends, -1)
    within = tf.clip_by_value((uniform[..., 0] - (end - share)) / (share + 1e-12), 0.0, 1.0)
    return width * (tf.cast(chosen, tf.float32) + within)


def log_area(dim):
    """log of the area of the unit sphere in R^dim."""
    return math.log(2.0) + 0.5 * dim * math.log(math.pi) - math.lgamma(0.5 * dim)


class _VonMisesFisher(tfd.VonMisesFisher):
    """Von Mises-Fisher whose normaliser and moments are integrals, of any dimension, with gradients."""

    @property
    def dim(self):
        return float(self.mean_direction.shape[-1])

    def _log_prob(self, z):
        """With k (m.z - 1) as a squared distance, which keeps its digits where k is large."""
        square = tf.reduce_sum((z - self.mean_direction) ** 2, -1)
        log_integral, _ = angle_integrals(self.concentration, self.dim)
        return -0.5 * self.concentration * square - log_integral - log_area(self.dim - 1.0)

    def _entropy(self):
        log_integral, distance = angle_integrals(self.concentration, self.dim)
        return log_integral + self.concentration * distance + log_area(self.dim - 1.0)

    def _mean(self):
        return self.mean_direction * (1.0 - angle_integrals(self.concentration, self.dim)[1])[..., None]


class VonMisesFisher(Posterior):
    """A direction with a concentration of at least 1 around it (Davidson et al. 2018); its center is the direction."""

    space = SPHERE

    def __init__(self, latent_dim, **kwargs):
        if latent_dim < 2:
            raise InputError("latent_dim: a sphere needs at least 2, not 1", key="latent_dim")
        super().__init__(latent_dim, **kwargs)
        self.size = latent_dim + 1
        self.inputs = {"noise": (latent_dim,), "uniform": ()}

    def distribution(self, outputs, log_joint=None):
        direction, concentration = tf.math.l2_normalize(outputs[..., :-1], -1), 1.0 + softplus(outputs[..., -1])
        return _VonMisesFisher(direction, concentration)

    def transform(self, q, noise, uniform):
        angle = draw_angle(uniform, q.concentration, q.dim)[..., None]
        along = tf.reduce_sum(noise * q.mean_direction, -1, keepdims=True)
        aside = tf.math.l2_normalize(noise - along * q.mean_direction, -1)
        return tf.math.l2_normalize(tf.cos(angle) * q.mean_direction + tf.sin(angle) * aside, -1)

    def center(self, q):
        return q.mode()

    def spread(self, q):
        return {"concentration": q.concentration}


class UniformSphere(Prior):
    """The uniform distribution over the unit sphere in R^D."""

    space = SPHERE

    def distribution(self):
        return tfd.SphericalUniform(self.latent_dim)

    def transform(self, noise):
        return tf.math.l2_normalize(noise, -1)

    def between(self, a, b, t):
        """On the great circle from a to b."""
        angle = np.arccos(np.clip(np.sum(a * b, -1, keepdims=True), -1.0, 1.0))
        sine = np.maximum(np.sin(angle), 1e-6)
        arc = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / sine
        return np.where(angle < 1e-3, a + t * (b - a), arc).astype("float32")
