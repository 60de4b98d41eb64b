"""Capacity-controlled VAE."""

from .. import schedules
from ..base import Autoencoder
from ..catalog import register
from ..domains import NonNegative, Scheduled
from ..terms.divergences import excess


@register(
    family="probabilistic",
    paper="https://arxiv.org/abs/1804.03599",
    reduces_to=("vae", {"gamma": 1.0, "capacity": 0.0}),
)
class CapacityVAE(Autoencoder):
    """Holds the rate of a VAE at a capacity, which may grow while it trains.

    Loss of a batch (Burgess et al. 2018), E_x its mean:
        L = E_x[-E_q(z|x)[log p(x|z)]] + gamma |E_x[KL(q(z|x) || p(z))] - C|

    Args:
        gamma: weight of the distance of the rate from the capacity.
        capacity: C in nats, a number or a schedule {start, stop, steps}.
    """

    parts = ("distortion", "rate")

    def __init__(self, *, gamma: NonNegative = 1000.0, capacity: Scheduled = 25.0, **kwargs):
        super().__init__(**kwargs)
        self.gamma, self.capacity = gamma, schedules.get(capacity)

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        rate = self.prior.kl(q, z)
        loss = distortion + self.gamma * excess(rate, self.capacity(self.step))
        return loss, {"distortion": distortion, "rate": rate}
