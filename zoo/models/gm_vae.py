"""VAE with a mixture prior."""

from functools import partial

from ..catalog import register
from ..distributions.priors import Mixture
from ..domains import Count
from .vae import VAE


@register(family="probabilistic", paper="https://arxiv.org/abs/1705.07120")
class GMVAE(VAE):
    """A VAE whose prior is a learned mixture of normals, so that codes may form clusters.

    Loss (Tomczak & Welling 2018, their "mixture of Gaussians" prior, with learned shares pi_k):
        L(x) = -E_q(z|x)[log p(x|z)] + E_q(z|x)[log q(z|x) - log sum_k pi_k N(z; m_k, diag(s_k^2))]

    Args:
        components: K, the number of normals.
    """

    def __init__(self, *, components: Count = 10, **kwargs):
        super().__init__(prior=partial(Mixture, components=components), **kwargs)
