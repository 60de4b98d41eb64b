"""Sliced-Wasserstein autoencoder."""

from typing import Literal

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import Count, Name, NonNegative
from ..terms.transport import sliced_wasserstein


@register(family="deterministic", paper="https://arxiv.org/abs/1804.01947", reduces_to=("ae", {"weight": 0.0}))
class SWAE(Autoencoder):
    """Draws the codes of all data together to the prior, by optimal transport along random lines.

    Loss (Kolouri et al. 2019, Algorithm 1, with -log p(x|z) as the cost of reconstruction):
        L = E_x[-log p(x|z)] + lambda 1/L sum_l W_2^2(v_l' q(z), v_l' p(z)),   z = f(x),   v_l uniform on the sphere

    Args:
        weight: lambda, weight of the distance between codes and prior.
        projections: L, the number of random lines in each step.
        prior: "normal"; the codes are matched with as many of its samples.
    """

    parts = ("distortion", "transport")

    def __init__(
        self,
        *,
        weight: NonNegative = 10.0,
        projections: Count = 50,
        posterior: Name = "deterministic",
        prior: Literal["normal"] = "normal",
        likelihood: Name = "gaussian",
        **kwargs,
    ):
        super().__init__(posterior=posterior, prior=prior, likelihood=likelihood, **kwargs)
        self.weight, self.projections = weight, projections

    def objective(self, x, y=None, training=False):
        _, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        directions = self.noise("directions", [self.projections, self.latent_dim])
        transport = sliced_wasserstein(z, self.noise("prior", tf.shape(z)), directions)
        return distortion + self.weight * transport, {"distortion": distortion, "transport": transport}
