"""JointVAE."""

import math
from functools import partial

import tensorflow as tf

from .. import schedules
from ..base import Autoencoder
from ..catalog import register
from ..distributions.categories import Categories, CategoriesPrior
from ..domains import Classes, Count, NonNegative, Scheduled
from ..terms.divergences import excess


@register(
    family="probabilistic",
    paper="https://arxiv.org/abs/1804.00104",
    reduces_to=("vae", {"classes": (), "gamma": 1.0, "capacity": 0.0}),
)
class JointVAE(Autoencoder):
    """Codes of numbers and categories together, each held at a capacity that may grow while it trains.

    Loss of a batch (Dupont 2018, Eq. 7), E_x its mean, with c relaxed at temperature t while it trains:
        L = E_x[-E_q(z,c|x)[log p(x|z,c)]]
            + gamma |E_x[KL(q(z|x) || p(z))] - C_z| + gamma |E_x[KL(q(c|x) || p(c))] - C_c|

    Args:
        latent_dim: how many numbers.
        classes: how many values each categorical variable has; none leaves the numbers alone.
        gamma: weight of the distance of the rates from their capacities.
        capacity: C_z in nats, a number or a schedule {start, stop, steps}.
        class_capacity: C_c in nats, of all categorical variables, at most the sum of log K.
        temperature: t, a number or a schedule.
    """

    parts = ("distortion", "rate", "class_rate")

    def __init__(
        self,
        *,
        latent_dim: Count = 10,
        classes: Classes = (10,),
        gamma: NonNegative = 30.0,
        capacity: Scheduled = 5.0,
        class_capacity: Scheduled = 5.0,
        temperature: Scheduled = 0.67,
        **kwargs,
    ):
        super().__init__(
            latent_dim=latent_dim + sum(classes),
            posterior=partial(Categories, classes=classes),
            prior=partial(CategoriesPrior, classes=classes),
            **kwargs,
        )
        self.gamma, self.temperature = gamma, schedules.get(temperature)
        self.capacity, self.class_capacity = schedules.get(capacity), schedules.get(class_capacity)
        self.most = sum(math.log(k) for k in classes)

    def objective(self, x, y=None, training=False):
        q = self.posterior(x, training)
        z = self.draw(q, temperature=self.temperature(self.step) if training else None)
        distortion = -self.likelihood(z, training).log_prob(x)
        rate, class_rate = self.prior.rates(q)
        away = excess(rate, self.capacity(self.step))
        class_away = excess(class_rate, tf.minimum(self.class_capacity(self.step), self.most))
        loss = distortion + self.gamma * (away + class_away)
        return loss, {"distortion": distortion, "rate": rate, "class_rate": class_rate}
