"""VAE with codes on a sphere."""

from ..catalog import register
from ..distributions.spherical import UniformSphere, VonMisesFisher
from .vae import VAE


@register(
    family="probabilistic",
    paper="https://arxiv.org/abs/1804.00891",
    limits="encode, reconstruct and score take the mean direction of the posterior; its samples are not exported",
)
class SphereVAE(VAE):
    """A VAE whose codes are directions: no center of the prior draws them together.

    Loss (Davidson et al. 2018), with m a unit vector of `latent_dim` numbers and k >= 1:
        L(x) = -E_q(z|x)[log p(x|z)] + KL(vMF(m(x), k(x)) || U(S^(D-1)))
    """

    def __init__(self, **kwargs):
        super().__init__(posterior=VonMisesFisher, prior=UniformSphere, **kwargs)
