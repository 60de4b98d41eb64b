"""beta-VAE."""

from .. import schedules
from ..base import Autoencoder
from ..catalog import register
from ..domains import Scheduled


@register(family="probabilistic", paper="https://openreview.net/forum?id=Sy2fzU9gl", reduces_to=("vae", {"beta": 1.0}))
class BetaVAE(Autoencoder):
    """Weights the rate of a VAE, for disentangled or compressed codes.

    Loss (Higgins et al. 2017, Eq. 4):
        L(x) = -E_q(z|x)[log p(x|z)] + beta KL(q(z|x) || p(z))

    Args:
        beta: weight of the rate, a number or a schedule {start, stop, steps}.
    """

    parts = ("distortion", "rate")

    def __init__(self, *, beta: Scheduled = 4.0, **kwargs):
        super().__init__(**kwargs)
        self.beta = schedules.get(beta)

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        rate = self.prior.kl(q, z)
        return distortion + self.beta(self.step) * rate, {"distortion": distortion, "rate": rate}
