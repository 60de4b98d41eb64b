"""VAE with a VampPrior."""

from typing import Literal

from ..catalog import register
from ..distributions.priors import Vamp
from ..domains import Count
from .vae import VAE


@register(family="probabilistic", paper="https://arxiv.org/abs/1705.07120")
class VampVAE(VAE):
    """A VAE whose prior is a mixture of its own posteriors, at learned pseudo-inputs.

    Loss (Tomczak & Welling 2018, Eq. 3 with the prior of Eq. 9):
        L(x) = -E_q(z|x)[log p(x|z)] + E_q(z|x)[log q(z|x) - log 1/K sum_k q(z|u_k)]

    Args:
        components: K, the number of pseudo-inputs.
        posterior: "normal", whose density is known everywhere.
    """

    def __init__(self, *, components: Count = 50, posterior: Literal["normal"] = "normal", **kwargs):
        super().__init__(posterior=posterior, **kwargs)
        unit_range = self.observation.unit_range
        self.prior = Vamp(self.latent_dim, self.posterior, self.example_shape, components, unit_range, name="prior")
