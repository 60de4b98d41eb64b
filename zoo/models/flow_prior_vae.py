"""VAE with a flow prior."""

from functools import partial

from ..catalog import register
from ..distributions.flows import FlowPrior
from ..domains import Number, Widths
from .vae import VAE


@register(family="probabilistic", paper="https://arxiv.org/abs/1611.02731", reduces_to=("vae", {"flows": 0}))
class FlowPriorVAE(VAE):
    """A VAE whose prior is learned: an autoregressive flow takes codes to a standard normal.

    Loss (Chen et al. 2017, Sec. 3.2):
        L(x) = -E_q(z|x)[log p(x|z)] + E_q(z|x)[log q(z|x) - log N(f(z); 0, I) - log |det df/dz|]

    Args:
        flows: steps of the autoregressive flow f; none is the VAE.
        flow_widths: units of the hidden layers of each step.
    """

    def __init__(self, *, flows: Number = 2, flow_widths: Widths = (320,), **kwargs):
        super().__init__(prior=partial(FlowPrior, flows=flows, widths=flow_widths), **kwargs)
