"""Priors p(z): layers that hold weights and return a distribution."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from ..numerics import softplus

tfd = tfp.distributions


class Prior(keras.layers.Layer):
    """A distribution over codes; never called as a layer.

    Attributes:
        inputs: {name: shape for one example} of the random numbers that `transform` turns into a code. An input
            called "noise" is standard normal, one called "uniform" lies in (0, 1].
        space: where codes lie; the posterior's must be the same.
    """

    space = "all of space"

    def __init__(self, latent_dim, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.latent_dim = latent_dim
        self.inputs = {"noise": (latent_dim,)}
        self.built = True

    def weight(self, name, shape, initializer):
        """A float32 weight, also inside a model of lower precision."""
        return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False)

    def distribution(self):
        """p(z) as a new TFP distribution with event [D]."""
        raise NotImplementedError(f"{type(self).__name__} does not say how codes are distributed")

    def transform(self, noise, uniform=None):
        """A sample of p(z) from random numbers, with builtin operations only: [B, D]."""
        raise NotImplementedError(f"{type(self).__name__} cannot be sampled from noise")

    def between(self, a, b, t):
        """The code that lies on the way from a to b, [N, D] arrays, at the share t of it: on the straight line."""
        return a + t * (b - a)

    def kl(self, q, z):
        """KL(q || p) of every example, [B], in nats: in closed form where TFP has one, else its estimate at z ~ q."""
        p = self.distribution()
        try:
            return tfd.kl_divergence(q, p)
        except NotImplementedError:
            return q.log_prob(z) - p.log_prob(z)


class StandardNormal(Prior):
    """N(0, I)."""

    def distribution(self):
        zeros = tf.zeros([self.latent_dim])
        return tfd.Independent(tfd.Normal(zeros, tf.ones_like(zeros)), 1)

    def transform(self, noise, uniform=None):
        return noise


class _Components(Prior):
    """A prior that first chooses one of its components, by a uniform number."""

    def __init__(self, latent_dim, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.inputs = {"noise": (latent_dim,), "uniform": ()}


class Mixture(_Components):
    """A learned mixture of diagonal normals: sum_k pi_k N(z; m_k, s_k^2).

    Args:
        components: K.
    """

    def __init__(self, latent_dim, components=10, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.logits = self.weight("logits", (components,), "zeros")
        self.means = self.weight("means", (components, latent_dim), keras.initializers.RandomNormal(stddev=1.0))
        self.scales = self.weight("scales", (components, latent_dim), keras.initializers.Constant(0.5413))

    def distribution(self):
        logits, means, scales = (tf.convert_to_tensor(v) for v in (self.logits, self.means, self.scales))
        normals = tfd.Independent(tfd.Normal(means, softplus(scales) + 1e-4), 1)
        return tfd.MixtureSameFamily(tfd.Categorical(logits=logits), normals)

    def transform(self, noise, uniform):
        below = uniform[:, None] > tf.cumsum(tf.nn.softmax(self.logits))[None, :-1]
        chosen = tf.reduce_sum(tf.cast(below, tf.int32), -1)
        mean, scale = tf.gather(self.means, chosen), tf.gather(softplus(tf.convert_to_tensor(self.scales)), chosen)
        return mean + noise * (scale + 1e-4)


class Vamp(_Components):
    """The mixture of the posteriors of K learned pseudo-inputs: 1/K sum_k q(z|u_k).

    Source: Tomczak & Welling 2018, Eq. 9.

    Args:
        posterior: x -> q(z|x), a method of the model.
        input_shape: shape of one example.
        components: K.
        unit_range: whether pseudo-inputs are kept in (0, 1), as data with such a likelihood are.
    """

    def __init__(self, latent_dim, posterior, input_shape, components, unit_range, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.posterior, self.components, self.unit_range = posterior, components, unit_range
        self.raw = self.weight("pseudo_inputs", (components, *input_shape), keras.initializers.RandomNormal(stddev=1.0))

    def pseudo_inputs(self, raw):
        return tf.sigmoid(raw) if self.unit_range else raw

    def distribution(self):
        q = self.posterior(self.pseudo_inputs(tf.convert_to_tensor(self.raw)))
        return tfd.MixtureSameFamily(tfd.Categorical(logits=tf.zeros([self.components])), q)

    def transform(self, noise, uniform):
        chosen = tf.minimum(tf.cast(uniform * self.components, tf.int32), self.components - 1)
        q = self.posterior(self.pseudo_inputs(tf.gather(self.raw, chosen)))
        return q.mean() + q.stddev() * noise
