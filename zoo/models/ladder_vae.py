"""Ladder VAE."""

from functools import partial

import keras

from ..base import Autoencoder
from ..catalog import register
from ..distributions.ladder import LadderPosterior, LadderPrior
from ..domains import Count, Upper
from ..networks.layers import First


@register(family="probabilistic", paper="https://arxiv.org/abs/1602.02282", reduces_to=("vae", {"upper": ()}))
class LadderVAE(Autoencoder):
    """Codes in levels: what the prior expects from above meets what the data say from below.

    Loss (Sonderby et al. 2016, Eq. 14 with the posterior of Eq. 16 to 19, without warm-up):
        L(x) = -E_q(z|x)[log p(x|z_1)] + KL(q(z_L|x) || N(0, I)) + sum_i E_q[KL(q(z_i|z_(i+1), x) || p(z_i|z_(i+1)))]

    The code holds all levels, from the data up; the decoder sees the first.

    Args:
        latent_dim: length of z_1.
        upper: lengths of z_2, ..., z_L; none is the VAE.
        hidden: units of the layers between the levels.
    """

    parts = ("distortion", "rate")

    def __init__(self, *, latent_dim: Count = 16, upper: Upper = (8,), hidden: Count = 64, **kwargs):
        sizes = (latent_dim, *upper)
        self.first = latent_dim
        super().__init__(
            latent_dim=sum(sizes),
            posterior=partial(LadderPosterior, sizes=sizes, hidden=hidden),
            prior=partial(LadderPrior, sizes=sizes, hidden=hidden),
            **kwargs,
        )
        vars(self.posteriors)["prior"] = self.prior  # not as a part of its own: its weights are the prior's

    def network(self, kind, input_shape, output_shape, **style):
        """The decoder sees the first level only."""
        if kind == "encoder" or input_shape == (self.first,):
            return super().network(kind, input_shape, output_shape, **style)
        inner = super().network(kind, (self.first,), output_shape, **style)
        return keras.Sequential([keras.Input(input_shape), First(self.first), *inner.layers], name=kind)

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        rate = self.prior.kl(q, z)
        return distortion + rate, {"distortion": distortion, "rate": rate}
