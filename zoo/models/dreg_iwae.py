"""IWAE with doubly reparameterised gradients."""

from typing import Literal

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import Count
from ..terms.divergences import log_mean_exp


@register(family="probabilistic", paper="https://arxiv.org/abs/1810.04152", reduces_to=("iwae", {}))
class DREGIWAE(Autoencoder):
    """Is the IWAE with a gradient of the encoder that has the same mean and less noise, the less the more samples.

    Loss (Burda et al. 2015, Eq. 8), with w_k = p(x|z_k) p(z_k) / q(z_k|x):
        L(x) = -E_{z_1..z_K ~ q(z|x)} log 1/K sum_k w_k

    Gradient of the encoder's weights phi (Tucker et al. 2018), with z_k = z(eps_k, phi):
        -E_eps sum_k (w_k / sum_j w_j)^2 (d log w_k / d z_k) (d z_k / d phi)

    Args:
        samples: K.
        posterior: one whose density is known everywhere.
    """

    parts = ("distortion", "rate")

    def __init__(
        self,
        *,
        samples: Count = 5,
        posterior: Literal["normal", "iaf", "von_mises_fisher", "wrapped_normal"] = "normal",
        **kwargs,
    ):
        super().__init__(posterior=posterior, **kwargs)
        self.samples = samples

    def terms(self, x, q, z, training):
        """Distortion, log p(z) and log q(z|x) of every sample, [K, B]."""
        return -self.likelihood(z, training).log_prob(x), self.prior.distribution().log_prob(z), q.log_prob(z)

    def objective(self, x, y=None, training=False):
        q = self.posterior(x, training)
        z = self.draws(q, self.samples)  # [K, B, D]
        distortion, log_p, log_q = self.terms(x, q, z, training)
        fixed, fixed_p, fixed_q = self.terms(x, q, tf.stop_gradient(z), training)
        bound = log_mean_exp(fixed_p - fixed - tf.stop_gradient(fixed_q), axis=0)  # the encoder has no part in it
        through_z = (log_p - distortion - log_q) - (fixed_p - fixed - fixed_q)  # 0, with the gradient by way of z alone
        weights = tf.stop_gradient(tf.nn.softmax(log_p - distortion - log_q, 0))
        return -bound - tf.reduce_sum(weights**2 * through_z, 0), {"distortion": distortion, "rate": log_q - log_p}
