"""Hamiltonian VAE."""

from functools import partial

from ..catalog import register
from ..distributions.hamiltonian import HamiltonianPosterior
from ..domains import Fraction, Number, Positive
from .vae import VAE


@register(
    family="probabilistic",
    paper="https://arxiv.org/abs/1805.11328",
    reduces_to=("vae", {"steps": 0}),
    limits="encode, reconstruct and score take the mean of the normal posterior without the Hamiltonian steps, which "
    "need gradients of the decoder",
)
class HamiltonianVAE(VAE):
    """A VAE whose samples of the code move by Hamiltonian dynamics to where the model finds them probable.

    Loss (Caterini et al. 2018, Algorithm 1): z_0 ~ N(m(x), diag(s(x)^2)), g ~ N(0, I), r_0 = g / sqrt(beta_0), then
    K leapfrog steps on U(z) = -log p(x, z), each followed by r_k = sqrt(beta_{k-1} / beta_k) r_k, with beta_K = 1:
        L(x) = -E[log p(x, z_K) + log N(r_K; 0, I) - log q(z_0|x) - log N(g; 0, I)]

    Args:
        steps: K; none is the VAE.
        step_size: of the first leapfrog steps; learned for every dimension, below twice this.
        temperature: beta_0 at first, between 0 and 1; learned.
    """

    def __init__(self, *, steps: Number = 3, step_size: Positive = 0.05, temperature: Fraction = 0.3, **kwargs):
        words = {"steps": steps, "step_size": step_size, "temperature": temperature}
        super().__init__(posterior=partial(HamiltonianPosterior, **words), **kwargs)
