"""Log-cosh VAE."""

from typing import Literal

from ..catalog import register
from ..distributions.likelihoods import LogCosh
from ..domains import Positive
from .vae import VAE


@register(family="probabilistic", paper="https://openreview.net/forum?id=rkglvsC9Ym")
class LogCoshVAE(VAE):
    """A VAE that takes large errors for what they are and not for their squares, so that images are less blurred.

    Loss (Chen et al. 2019), with a constant that makes p(x|z) a density:
        L(x) = E_q(z|x)[sum 1/a log cosh(a (x - g(z)))] + KL(q(z|x) || p(z)) + constant

    Args:
        sharpness: a: errors below 1/a count by their squares, others by their size.
        likelihood: "log_cosh".
    """

    def __init__(self, *, sharpness: Positive = 10.0, likelihood: Literal["log_cosh"] = "log_cosh", **kwargs):
        super().__init__(likelihood=likelihood, **kwargs)
        self.observation = LogCosh(len(self.example_shape), sharpness, name="likelihood")
