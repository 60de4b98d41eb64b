"""Wasserstein autoencoder."""

from typing import Literal

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import Name, NonNegative
from ..terms.divergences import maximum_mean_discrepancy


@register(family="deterministic", paper="https://arxiv.org/abs/1711.01558", reduces_to=("ae", {"weight": 0.0}))
class WAEMMD(Autoencoder):
    """Draws the codes of all data together, and not those of each example, to the prior.

    Loss (Tolstikhin et al. 2018, Algorithm 2, with -log p(x|z) as the cost of reconstruction):
        L = E_x[-log p(x|z)] + lambda MMD^2(q(z), p(z)),   z = f(x),   k(a, b) = 2 D / (2 D + |a - b|^2)

    Args:
        weight: lambda, weight of the discrepancy between codes and prior.
        prior: "normal"; the codes are compared with as many of its samples.
    """

    parts = ("distortion", "discrepancy")

    def __init__(
        self,
        *,
        weight: NonNegative = 10.0,
        posterior: Name = "deterministic",
        prior: Literal["normal"] = "normal",
        likelihood: Name = "gaussian",
        **kwargs,
    ):
        super().__init__(posterior=posterior, prior=prior, likelihood=likelihood, **kwargs)
        self.weight = weight

    def objective(self, x, y=None, training=False):
        _, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        discrepancy = maximum_mean_discrepancy(z, self.noise("prior", tf.shape(z)), 2.0 * self.latent_dim)
        return distortion + self.weight * discrepancy, {"distortion": distortion, "discrepancy": discrepancy}
