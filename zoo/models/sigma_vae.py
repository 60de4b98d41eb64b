"""sigma-VAE with the optimal standard deviation."""

from typing import Literal

from ..base import Autoencoder
from ..catalog import register


@register(family="probabilistic", paper="https://arxiv.org/abs/2006.13202")
class SigmaVAE(Autoencoder):
    """A Gaussian VAE that balances distortion and rate by itself: its standard deviation is always the best one.

    Loss (Rybkin et al. 2021), with the decoder's means g(z):
        L(x) = -E_q(z|x)[log N(x; g(z), s^2 I)] + KL(q(z|x) || p(z)),   s^2 = mean over batch and values of (x - g(z))^2

    Outside of training s is a running geometric mean, so that the loss of an example is its own.

    Args:
        likelihood: "sigma", with the running s.
    """

    parts = ("distortion", "rate")

    def __init__(self, *, likelihood: Literal["sigma"] = "sigma", **kwargs):
        super().__init__(likelihood=likelihood, **kwargs)
        self.observation.trainable = False  # s is measured, not learned

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        if training:
            p = self.observation.follow(x, p.mean())
        distortion = -p.log_prob(x)
        rate = self.prior.kl(q, z)
        return distortion + rate, {"distortion": distortion, "rate": rate}
