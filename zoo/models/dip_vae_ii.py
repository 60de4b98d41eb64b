"""DIP-VAE-II."""

from typing import Literal

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import NonNegative
from ..terms.moments import covariance, diagonal, distance_from_identity


@register(
    family="probabilistic",
    paper="https://arxiv.org/abs/1711.00848",
    reduces_to=("vae", {"lambda_od": 0.0, "lambda_d": 0.0}),
)
class DIPVAEII(Autoencoder):
    """Draws the covariance of codes drawn for all data to the identity, for disentangled codes.

    Loss (Kumar et al. 2018, DIP-VAE-II):
        L = E_x[-E_q(z|x)[log p(x|z)] + KL(q(z|x) || p(z))]
            + lambda_od sum_{i != j} C_ij^2 + lambda_d sum_i (C_ii - 1)^2,
        C = Cov_q(z)[z] = Cov_x[E_q(z|x)[z]] + E_x[Cov_q(z|x)[z]]

    Args:
        lambda_od: weight of the covariances.
        lambda_d: weight of the distance of the variances from one.
        posterior: "normal", whose mean and variance are known.
    """

    parts = ("distortion", "rate", "covariances", "variances")

    def __init__(
        self,
        *,
        lambda_od: NonNegative = 10.0,
        lambda_d: NonNegative = 10.0,
        posterior: Literal["normal"] = "normal",
        **kwargs,
    ):
        super().__init__(posterior=posterior, **kwargs)
        self.lambda_od, self.lambda_d = lambda_od, lambda_d

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        rate = self.prior.kl(q, z)
        spread = covariance(q.mean()) + diagonal(tf.reduce_mean(q.variance(), 0))
        covariances, variances = distance_from_identity(spread)
        return distortion + rate + self.lambda_od * covariances + self.lambda_d * variances, {
            "distortion": distortion,
            "rate": rate,
            "covariances": covariances,
            "variances": variances,
        }
