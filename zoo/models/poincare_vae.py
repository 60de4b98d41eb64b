"""VAE with codes in the Poincare ball."""

from functools import partial

from ..catalog import register
from ..distributions.hyperbolic import WrappedNormal, WrappedStandardNormal
from ..domains import Positive
from .vae import VAE


@register(family="probabilistic", paper="https://arxiv.org/abs/1901.06033")
class PoincareVAE(VAE):
    """A VAE whose codes lie in a hyperbolic space, which has room for trees: its volume grows as their leaves do.

    Loss (Mathieu et al. 2019), with wrapped normals N_B of curvature -c, in the metric of the ball:
        L(x) = -E_q(z|x)[log p(x|z)] + E_q(z|x)[log N_B(z; m(x), diag(s(x)^2)) - log N_B(z; 0, I)]

    The decoder begins with the distances of the code to hyperplanes.

    Args:
        curvature: c; codes have norms below 1 / sqrt(c).
    """

    def __init__(self, *, curvature: Positive = 1.0, **kwargs):
        posterior = partial(WrappedNormal, curvature=curvature)
        super().__init__(posterior=posterior, prior=partial(WrappedStandardNormal, curvature=curvature), **kwargs)
