"""Autoencoder."""

from ..base import Autoencoder
from ..catalog import register
from ..domains import Name


@register(family="deterministic", paper="https://doi.org/10.1126/science.1127647")
class AE(Autoencoder):
    """Compresses data to a code that it can be restored from.

    Loss (Hinton & Salakhutdinov 2006):
        L(x) = -log p(x|z),   z = f(x)

    With the default likelihood this is the mean-squared-error loss: half the sum of squares, plus a constant.
    """

    parts = ("distortion",)

    def __init__(self, *, posterior: Name = "deterministic", likelihood: Name = "gaussian", **kwargs):
        super().__init__(posterior=posterior, likelihood=likelihood, **kwargs)

    def objective(self, x, y=None, training=False):
        _, _, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        return distortion, {"distortion": distortion}
