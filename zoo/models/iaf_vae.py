"""VAE with an inverse autoregressive flow."""

from functools import partial

from ..catalog import register
from ..distributions.flows import InverseAutoregressive
from ..domains import Number, Widths
from .vae import VAE


@register(family="probabilistic", paper="https://arxiv.org/abs/1606.04934", reduces_to=("vae", {"flows": 0}))
class IAFVAE(VAE):
    """A VAE whose posterior is a normal one bent by an inverse autoregressive flow, one pass for each step.

    Loss (Kingma et al. 2016, Eq. 10-11), with z_t = mu_t + sigma_t z_{t-1} and z_0 ~ N(m(x), diag(s(x)^2)), where
    mu_t and sigma_t of a dimension see the dimensions of z_{t-1} before it and a context h(x):
        L(x) = -E_q0(z_0|x)[log p(x|z_T) + log p(z_T) - log q0(z_0|x) + sum_t sum_i log sigma_t,i]

    Args:
        flows: T, steps of the flow; none is the VAE.
        flow_widths: units of the hidden layers of each step.
    """

    def __init__(self, *, flows: Number = 2, flow_widths: Widths = (320,), **kwargs):
        super().__init__(posterior=partial(InverseAutoregressive, flows=flows, widths=flow_widths), **kwargs)
