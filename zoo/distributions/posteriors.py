"""Posteriors q(z|x): layers that make a distribution over codes from the encoder's output."""

import keras
import tensorflow_probability as tfp

from ..numerics import softplus

tfd = tfp.distributions


class Posterior(keras.layers.Layer):
    """A family of posteriors; never called as a layer.

    Attributes:
        size: how many numbers the encoder gives for each code.
        inputs: {name: shape for one code} of the random numbers that `transform` turns into a code. An input called
            "noise" is standard normal, one called "uniform" lies in (0, 1].
        stochastic: whether a code is a distribution rather than a point.
        space: where codes lie; the prior's must be the same.
    """

    stochastic = True
    space = "all of space"

    def __init__(self, latent_dim, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.latent_dim, self.size = latent_dim, 2 * latent_dim
        self.inputs = {"noise": (latent_dim,)}
        self.built = True

    def distribution(self, outputs, log_joint=None):
        """q(z|x) as a new TFP distribution with event [D].

        Args:
            outputs: of the encoder, [B, ..., size].
            log_joint: z -> log p(x, z), [..., B, D] -> [..., B], for posteriors that follow the model.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how codes are distributed")

    def transform(self, q, noise):
        """A sample of q from random numbers [..., B, ...], differentiable in q: [..., B, D]."""
        raise NotImplementedError(f"{type(self).__name__} cannot be sampled from noise")

    def center(self, q):
        """The code that stands for all of q, [B, D]: what is exported."""
        return q.mean()

    def entrance(self, units):
        """A layer from codes [B, D] to [B, units] that the decoder begins with, where a linear one will not do."""
        return None

    def spread(self, q):
        """{name: tensor [B, ...]}: what is exported of the size of q."""
        return {"stddev": q.stddev()}


class Normal(Posterior):
    """N(mean, diag(scale^2)); an output of 0 is the standard normal."""

    def distribution(self, outputs, log_joint=None):
        size = outputs.shape[-1] // 2
        mean, scale = outputs[..., :size], softplus(outputs[..., size:] + 0.5413) + 1e-4
        return tfd.Independent(tfd.Normal(mean, scale), 1)

    def transform(self, q, noise):
        return q.mean() + q.stddev() * noise


class Deterministic(Posterior):
    """A point mass over all axes but the first."""

    stochastic = False

    def __init__(self, latent_dim, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.size, self.inputs = latent_dim, {}

    def distribution(self, outputs, log_joint=None):
        return tfd.Independent(tfd.Deterministic(outputs), len(outputs.shape) - 1)

    def transform(self, q):
        return q.mean()

    def spread(self, q):
        return {}
