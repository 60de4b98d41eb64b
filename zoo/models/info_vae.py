"""InfoVAE."""

from typing import Literal

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import NonNegative, Real
from ..errors import InputError
from ..terms.divergences import maximum_mean_discrepancy


@register(
    family="probabilistic",
    paper="https://arxiv.org/abs/1706.02262",
    reduces_to=("vae", {"alpha": 0.0, "lambda_": 1.0}),
)
class InfoVAE(Autoencoder):
    """Keeps information of the data in the code, and draws the codes of all data together to the prior.

    Loss (Zhao et al. 2017, with the MMD as the divergence between q(z) and p(z)):
        L = E_x[-E_q(z|x)[log p(x|z)] + (1 - alpha) KL(q(z|x) || p(z))] + (alpha + lambda - 1) MMD^2(q(z), p(z)),
        k(a, b) = 2 D / (2 D + |a - b|^2)

    Args:
        alpha: weight of the mutual information of data and code, at most 1.
        lambda_: lambda, weight of the divergence between q(z) and p(z), at least 1 - alpha.
        prior: "normal"; the codes are compared with as many of its samples.
    """

    parts = ("distortion", "rate", "discrepancy")

    def __init__(
        self, *, alpha: Real = 0.0, lambda_: NonNegative = 1000.0, prior: Literal["normal"] = "normal", **kwargs
    ):
        super().__init__(prior=prior, **kwargs)
        if alpha > 1.0 or alpha + lambda_ < 1.0:
            raise InputError(
                f"info_vae needs alpha <= 1 and alpha + lambda_ >= 1, so that no weight is negative; got alpha {alpha} "
                f"and lambda_ {lambda_}",
                key="lambda_" if alpha <= 1.0 else "alpha",
            )
        self.alpha, self.lambda_ = alpha, lambda_

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        rate = self.prior.kl(q, z)
        discrepancy = maximum_mean_discrepancy(z, self.noise("prior", tf.shape(z)), 2.0 * self.latent_dim)
        return distortion + (1.0 - self.alpha) * rate + (self.alpha + self.lambda_ - 1.0) * discrepancy, {
            "distortion": distortion,
            "rate": rate,
            "discrepancy": discrepancy,
        }
