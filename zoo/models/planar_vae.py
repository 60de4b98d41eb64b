"""VAE with planar flows."""

from functools import partial

from ..catalog import register
from ..distributions.flows import Planar
from ..domains import Number
from .vae import VAE


@register(family="probabilistic", paper="https://arxiv.org/abs/1505.05770", reduces_to=("vae", {"flows": 0}))
class PlanarVAE(VAE):
    """A VAE whose posterior is a normal one bent by planar flows, each across a plane that the encoder chooses.

    Loss (Rezende & Mohamed 2015, Eq. 15, without annealing), with z_k = f_k(z_{k-1}) and z_0 ~ N(m(x), diag(s(x)^2)):
        L(x) = -E_q0(z_0|x)[log p(x|z_K) + log p(z_K) - log q0(z_0|x) + sum_k log |1 + u_k . psi_k(z_{k-1})|],
        f_k(z) = z + u_k tanh(w_k . z + b_k),   psi_k(z) = tanh'(w_k . z + b_k) w_k

    Args:
        flows: K, how many planar flows; none is the VAE.
    """

    def __init__(self, *, flows: Number = 10, **kwargs):
        super().__init__(posterior=partial(Planar, flows=flows), **kwargs)
