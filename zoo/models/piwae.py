"""Partially importance weighted autoencoder."""

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import Count
from ..terms.divergences import log_mean_exp


@register(family="probabilistic", paper="https://arxiv.org/abs/1802.04537", reduces_to=("iwae", {"estimates": 1}))
class PIWAE(Autoencoder):
    """Trains the decoder by a tight bound of all samples and the encoder by a mean of looser ones, which teach it more.

    Loss (Rainforth et al. 2018), with w_mk = p(x|z_mk) p(z_mk) / q(z_mk|x):
        L(x) = -E_{z_mk ~ q(z|x)} log 1/(MK) sum_mk w_mk                 for the decoder and the prior
        L(x) = -E_{z_mk ~ q(z|x)} 1/M sum_m log 1/K sum_k w_mk           for the encoder

    The value of the loss is the first line's.

    Args:
        estimates: M, the number of bounds that the encoder's loss averages.
        samples: K, the samples of the code in each of them.
    """

    parts = ("distortion", "rate")

    def __init__(self, *, estimates: Count = 5, samples: Count = 5, **kwargs):
        super().__init__(**kwargs)
        self.estimates, self.samples = estimates, samples

    def terms(self, x, z, log_q, training):
        """Distortion and rate of every sample, [M K, B]."""
        return -self.likelihood(z, training).log_prob(x), log_q - self.prior.distribution().log_prob(z)

    def miwae(self, weights):
        """The mean over M of bounds of K samples, [B], from logarithms of weights [M K, B]."""
        grouped = tf.reshape(weights, [self.estimates, self.samples, -1])
        return tf.reduce_mean(log_mean_exp(grouped, axis=1), 0)

    def objective(self, x, y=None, training=False):
        q = self.posterior(x, training)
        z = self.draws(q, self.estimates * self.samples)  # [M K, B, D]
        log_q = q.log_prob(z)
        distortion, rate = self.terms(x, z, log_q, training)
        fixed = self.terms(x, tf.stop_gradient(z), tf.stop_gradient(log_q), training)  # the encoder has no part in it
        everyones, decoders = -distortion - rate, -fixed[0] - fixed[1]
        encoders = self.miwae(everyones) - self.miwae(decoders)  # 0, with the gradient of the encoder alone
        return -log_mean_exp(decoders, axis=0) - encoders, {"distortion": distortion, "rate": rate}
