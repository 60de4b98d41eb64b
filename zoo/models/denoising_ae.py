"""Denoising autoencoder."""

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import Name, NonNegative


@register(family="deterministic", paper="https://doi.org/10.1145/1390156.1390294", reduces_to=("ae", {"noise": 0.0}))
class DenoisingAE(Autoencoder):
    """Restores data from a corrupted copy, so that its codes ignore the corruption.

    Loss (Vincent et al. 2008, with Gaussian corruption):
        L(x) = -log p(x|z),   z = f(x + sigma eps),   eps ~ N(0, I)

    Args:
        noise: sigma, in units of the data.
    """

    parts = ("distortion",)

    def __init__(
        self, *, noise: NonNegative = 0.3, posterior: Name = "deterministic", likelihood: Name = "gaussian", **kwargs
    ):
        super().__init__(posterior=posterior, likelihood=likelihood, **kwargs)
        self.sigma = noise

    def objective(self, x, y=None, training=False):
        corrupted = x + self.sigma * self.noise("corruption", tf.shape(x))
        _, _, p = self.infer(corrupted, training)
        distortion = -p.log_prob(x)
        return distortion, {"distortion": distortion}
