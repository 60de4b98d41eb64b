"""Importance weighted autoencoder."""

from ..base import Autoencoder
from ..catalog import register
from ..domains import Count
from ..terms.divergences import log_mean_exp


@register(family="probabilistic", paper="https://arxiv.org/abs/1509.00519", reduces_to=("vae", {"samples": 1}))
class IWAE(Autoencoder):
    """Tightens the evidence lower bound with K samples of the code.

    Loss (Burda et al. 2015, Eq. 8):
        L_K(x) = -E_{z_1..z_K ~ q(z|x)} log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x)

    Args:
        samples: K.
    """

    parts = ("distortion", "rate")

    def __init__(self, *, samples: Count = 5, **kwargs):
        super().__init__(**kwargs)
        self.samples = samples

    def objective(self, x, y=None, training=False):
        q = self.posterior(x, training)
        z = self.draws(q, self.samples)  # [K, B, D]
        distortion = -self.likelihood(z, training).log_prob(x)
        rate = q.log_prob(z) - self.prior.distribution().log_prob(z)
        return -log_mean_exp(-distortion - rate, axis=0), {"distortion": distortion, "rate": rate}
