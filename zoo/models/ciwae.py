"""Combination importance weighted autoencoder."""

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import Count, Fraction
from ..terms.divergences import log_mean_exp


@register(family="probabilistic", paper="https://arxiv.org/abs/1802.04537", reduces_to=("iwae", {"beta": 0.0}))
class CIWAE(Autoencoder):
    """Stands between a VAE, whose encoder learns well, and an IWAE, whose bound is tight.

    Loss (Rainforth et al. 2018), with w_k = p(x|z_k) p(z_k) / q(z_k|x):
        L(x) = -E_{z_1..z_K ~ q(z|x)} [beta 1/K sum_k log w_k + (1 - beta) log 1/K sum_k w_k]

    Args:
        beta: share of the evidence lower bound: 1 is the VAE, 0 the IWAE.
        samples: K.
    """

    parts = ("distortion", "rate")

    def __init__(self, *, beta: Fraction = 0.5, samples: Count = 5, **kwargs):
        super().__init__(**kwargs)
        self.beta, self.samples = beta, samples

    def objective(self, x, y=None, training=False):
        q = self.posterior(x, training)
        z = self.draws(q, self.samples)  # [K, B, D]
        distortion = -self.likelihood(z, training).log_prob(x)
        rate = q.log_prob(z) - self.prior.distribution().log_prob(z)
        elbo, iwae = tf.reduce_mean(-distortion - rate, 0), log_mean_exp(-distortion - rate, axis=0)
        return -self.beta * elbo - (1.0 - self.beta) * iwae, {"distortion": distortion, "rate": rate}
