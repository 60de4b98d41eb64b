"""Codes in levels, each normal given the one above: posterior and prior of a ladder.

A code is z_1, ..., z_L one after the other, from the data up.
"""

from itertools import pairwise

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from ..numerics import softplus
from .drawn import Drawn
from .posteriors import Posterior
from .priors import Prior

tfd = tfp.distributions


def normal(outputs):
    """Independent normals of outputs [..., 2 D]; an output of 0 is the standard normal."""
    size = outputs.shape[-1] // 2
    return tfd.Independent(tfd.Normal(outputs[..., :size], softplus(outputs[..., size:] + 0.5413) + 1e-4), 1)


def product(a, b):
    """The normals whose precisions are the sums of those of a and b, and means the averages weighted by them.

    Source: Sonderby et al. 2016, Eq. 17 to 19.
    """
    (m, s), (n, t) = ((each.mean(), each.stddev()) for each in (a, b))
    precision = s**-2 + t**-2
    return tfd.Independent(tfd.Normal((m * s**-2 + n * t**-2) / precision, precision**-0.5), 1)


class LadderPrior(Prior):
    """p(z) = p(z_1|z_2) ... p(z_(L-1)|z_L) N(z_L; 0, I).

    Args:
        sizes: length of z_1, ..., z_L.
        hidden: units of the layer between two levels.
    """

    def __init__(self, latent_dim, sizes, hidden, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.sizes = tuple(sizes)
        self.networks = [  # from level i + 1 down to level i
            keras.Sequential(
                [
                    keras.Input((above,)),
                    keras.layers.Dense(hidden, "relu", dtype="float32", name="hidden"),
                    keras.layers.Dense(2 * below, dtype="float32", name="head"),
                ],
                name=f"down_{i}",
            )
            for i, (below, above) in enumerate(pairwise(self.sizes), 1)
        ]

    def split(self, z):
        """[z_1, ..., z_L] of a code [..., D]."""
        return tf.split(z, self.sizes, -1)

    def of_level(self, i, above):
        """p(z_i|z_(i+1)), levels counted from 0; `above` is [..., D_(i+1)], or None for the last."""
        if i == len(self.sizes) - 1:
            zeros = tf.zeros([self.sizes[i]])
            return tfd.Independent(tfd.Normal(zeros, tf.ones_like(zeros)), 1)
        flat = tf.reshape(above, [-1, above.shape[-1]])
        outputs = self.networks[i](flat)
        return normal(tf.reshape(outputs, tf.concat([tf.shape(above)[:-1], outputs.shape[-1:]], 0)))

    def distribution(self):
        return Levels(self.of_level, self.sizes, tf.zeros([self.latent_dim]))

    def transform(self, noise, uniform=None):
        return self.distribution().draw(noise)

    def kl(self, q, z):
        """KL(q || p), in closed form for each level given the one above it in z ~ q: [B]."""
        parts, rates = [*self.split(z), None], []
        for i in range(len(self.sizes)):
            rates.append(tfd.kl_divergence(q.of_level(i, parts[i + 1]), self.of_level(i, parts[i + 1])))
        return tf.add_n(rates)


class LadderPosterior(Posterior):
    """q(z|x) with q(z_i|z_(i+1), x) = N(m_i(x), s_i(x)^2) p(z_i|z_(i+1)), normalised; q(z_L|x) is of x alone.

    Args:
        sizes, hidden: see `LadderPrior`.
    """

    def __init__(self, latent_dim, sizes, hidden, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.sizes, self.prior = tuple(sizes), None
        self.size = 2 * self.sizes[0] + (hidden if len(self.sizes) > 1 else 0)
        self.up, self.heads = [], []  # features of level i + 1 from those of level i, and its mean and scale
        for i, size in enumerate(self.sizes[1:], 2):
            if i > 2:
                self.up.append(_dense(hidden, hidden, f"up_{i}", "relu"))
            self.heads.append(_dense(hidden, 2 * size, f"head_{i}"))

    def distribution(self, outputs, log_joint=None):
        evidence, features = [outputs[..., : 2 * self.sizes[0]]], tf.nn.relu(outputs[..., 2 * self.sizes[0] :])
        for i, head in enumerate(self.heads):
            features = self.up[i - 1](features) if i else features
            evidence.append(head(features))
        last = len(self.sizes) - 1

        def of_level(i, above):
            q = normal(evidence[i])
            return q if i == last else product(q, self.prior.of_level(i, above))

        like = tf.concat([each[..., : each.shape[-1] // 2] for each in evidence], -1)
        return Levels(of_level, self.sizes, like)

    def transform(self, q, noise):
        return q.draw(noise)

    def center(self, q):
        return q.draw(tf.zeros_like(q.like))

    def spread(self, q):
        parts = [*tf.split(self.center(q), self.sizes, -1), None]
        return {"stddev": tf.concat([q.of_level(i, parts[i + 1]).stddev() for i in range(len(self.sizes))], -1)}


class Levels(Drawn):
    """A distribution over codes whose levels are normal, each given the one above.

    Args:
        of_level: (i, z_(i+1)) -> the normal of level i.
        sizes: of the levels.
        like: a tensor [B, ..., D] of the shape of one sample.
    """

    def __init__(self, of_level, sizes, like):
        super().__init__(like)
        vars(self)["of_level"], vars(self)["sizes"] = of_level, tuple(sizes)

    def draw(self, noise):
        """A sample from standard normal noise [..., D]: from the top down."""
        parts, above = [], None
        for i, eps in reversed(list(enumerate(tf.split(noise, self.sizes, -1)))):
            level = self.of_level(i, above)
            above = level.mean() + level.stddev() * eps
            parts.insert(0, above)
        return tf.concat(parts, -1)

    def density(self, z):
        parts = [*tf.split(z, self.sizes, -1), None]
        return tf.add_n([self.of_level(i, parts[i + 1]).log_prob(parts[i]) for i in range(len(self.sizes))])


def _dense(inputs, units, name, activation=None):
    layer = keras.layers.Dense(units, activation, name=name, dtype="float32")
    layer.build((None, inputs))
    return layer
