"""VAE with free bits."""

from typing import Literal

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import NonNegative
from ..terms.divergences import free_bits, kl_of_dimensions


@register(family="probabilistic", paper="https://arxiv.org/abs/1606.04934", reduces_to=("vae", {"free_nats": 0.0}))
class FreeBitsVAE(Autoencoder):
    """Lets every dimension of the code carry some information at no cost, so that none is given up early.

    Loss (Kingma et al. 2016, with one group for each dimension):
        L = -E_x E_q(z|x)[log p(x|z)] + sum_j max(lambda, E_x KL(q(z_j|x) || p(z_j)))

    Args:
        free_nats: lambda, in nats for each dimension.
        posterior: "normal"; the rate must be a sum over dimensions.
        prior: "normal"; the rate must be a sum over dimensions.
    """

    parts = ("distortion", "rate")

    def __init__(
        self,
        *,
        free_nats: NonNegative = 0.25,
        posterior: Literal["normal"] = "normal",
        prior: Literal["normal"] = "normal",
        **kwargs,
    ):
        super().__init__(posterior=posterior, prior=prior, **kwargs)
        self.free_nats = free_nats

    def objective(self, x, y=None, training=False):
        q, _, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        rates = kl_of_dimensions(q, self.prior.distribution())  # [B, D]
        return distortion + free_bits(rates, self.free_nats), {
            "distortion": distortion,
            "rate": tf.reduce_sum(rates, -1),
        }
