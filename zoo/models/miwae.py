"""Multiply importance weighted autoencoder."""

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import Count
from ..terms.divergences import log_mean_exp


@register(family="probabilistic", paper="https://arxiv.org/abs/1802.04537", reduces_to=("iwae", {"estimates": 1}))
class MIWAE(Autoencoder):
    """Averages M importance weighted bounds, so that the gradient of the encoder keeps its signal.

    Loss (Rainforth et al. 2018):
        L(x) = -E_{z_mk ~ q(z|x)} 1/M sum_m log 1/K sum_k p(x|z_mk) p(z_mk) / q(z_mk|x)

    Args:
        estimates: M, the number of bounds that are averaged; M = 1 is the IWAE.
        samples: K, the samples of the code in each bound; K = 1 is the VAE.
    """

    parts = ("distortion", "rate")

    def __init__(self, *, estimates: Count = 5, samples: Count = 5, **kwargs):
        super().__init__(**kwargs)
        self.estimates, self.samples = estimates, samples

    def objective(self, x, y=None, training=False):
        q = self.posterior(x, training)
        z = self.draws(q, self.estimates * self.samples)  # [M K, B, D]
        distortion = -self.likelihood(z, training).log_prob(x)
        rate = q.log_prob(z) - self.prior.distribution().log_prob(z)
        weights = tf.reshape(-distortion - rate, [self.estimates, self.samples, -1])  # [M, K, B]
        return -tf.reduce_mean(log_mean_exp(weights, axis=1), 0), {"distortion": distortion, "rate": rate}
