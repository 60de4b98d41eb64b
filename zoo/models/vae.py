"""Variational autoencoder."""

from ..base import Autoencoder
from ..catalog import register


@register(family="probabilistic", paper="https://arxiv.org/abs/1312.6114")
class VAE(Autoencoder):
    """Maximises the evidence lower bound of the data.

    Loss (Kingma & Welling 2013, Eq. 3):
        L(x) = -E_q(z|x)[log p(x|z)] + KL(q(z|x) || p(z))
    """

    parts = ("distortion", "rate")

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        rate = self.prior.kl(q, z)
        return distortion + rate, {"distortion": distortion, "rate": rate}
