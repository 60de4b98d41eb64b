"""VAE of data with missing values."""

import tensorflow as tf

from ..base import Autoencoder, Signature
from ..catalog import register
from ..distributions.observed import Observed
from ..domains import Count
from ..numerics import is_nan
from ..terms.divergences import log_mean_exp


@register(family="probabilistic", paper="https://arxiv.org/abs/1812.02633", reduces_to=("vae", {"samples": 1}))
class MissVAE(Autoencoder):
    """Learns from examples of which some values are missing (NaN), and says what they may have been.

    Loss (Mattei & Frellsen 2019, Eq. 4), where x_o are the values that are there; the encoder sees 0 for the others:
        L_K(x_o) = -E_{z_1..z_K ~ q(z|x_o)} log 1/K sum_k p(x_o|z_k) p(z_k) / q(z_k|x_o)

    Args:
        samples: K.
    """

    parts = ("distortion", "rate")
    exports = ("encode", "decode", "reconstruct", "sample", "score", "impute")

    def __init__(self, *, samples: Count = 20, **kwargs):
        super().__init__(**kwargs)
        self.samples = samples

    def posterior(self, x, training=False):
        return super().posterior(tf.where(is_nan(x), 0.0, x), training)

    def likelihood(self, z, training=False):
        """p(x_o|z), whichever values are there."""
        return Observed(super().likelihood(z, training), len(self.example_shape))

    def weigh(self, x, q, z, training=False):
        """(p(x|z), -log p(x_o|z), log q(z|x_o) - log p(z)) of codes [K, B, D]."""
        p = self.likelihood(z, training)
        return p, -p.log_prob(x), q.log_prob(z) - self.prior.distribution().log_prob(z)

    def objective(self, x, y=None, training=False):
        q = self.posterior(x, training)
        _, distortion, rate = self.weigh(x, q, self.draws(q, self.samples), training)
        return -log_mean_exp(-distortion - rate, axis=0), {"distortion": distortion, "rate": rate}

    def signatures(self):
        inputs = {"x": self.example_shape, "noise": (self.samples, self.latent_dim)}
        return super().signatures() | {"impute": Signature(self.impute_tensors, inputs)}

    def impute_tensors(self, x, noise):
        """x with E[x_m|x_o] in place of what is missing, by self-normalised importance sampling (Eq. 12)."""
        q = self.posterior(x)
        p, distortion, rate = self.weigh(x, q, self.posteriors.transform(q, tf.einsum("bkd->kbd", noise)))
        weights = tf.nn.softmax(-distortion - rate, axis=0)
        weights = tf.reshape(weights, tf.concat([tf.shape(weights), [1] * len(self.example_shape)], 0))
        return {"x_hat": tf.where(is_nan(x), tf.reduce_sum(weights * p.mean(), 0), x)}

    def impute(self, x, seed=0):
        """Data [N, *input_shape] with its missing values (NaN) filled in."""
        return self.run("impute", x=x, **self.random_inputs("impute", len(x), seed))["x_hat"]
