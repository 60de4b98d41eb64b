"""Categorical VAE."""

from functools import partial

from .. import schedules
from ..base import Autoencoder
from ..catalog import register
from ..distributions.categories import Categories, CategoriesPrior
from ..domains import Count, Scheduled


@register(family="discrete", paper="https://arxiv.org/abs/1611.01144")
class CategoricalVAE(Autoencoder):
    """A VAE whose code is a few categorical variables, which learn through the Gumbel-softmax relaxation.

    Loss (Jang et al. 2017, Sec. 3; Maddison et al. 2017), with c relaxed at temperature t while it trains:
        L(x) = -E_q(c|x)[log p(x|c)] + sum_i KL(q(c_i|x) || 1/K)

    Args:
        variables: how many categorical variables.
        classes: K, how many values each has.
        temperature: t, a number or a schedule {start, stop, steps}.
    """

    parts = ("distortion", "rate")

    def __init__(self, *, variables: Count = 20, classes: Count = 10, temperature: Scheduled = 0.5, **kwargs):
        sizes = (classes,) * variables
        super().__init__(
            latent_dim=variables * classes,
            posterior=partial(Categories, classes=sizes),
            prior=partial(CategoriesPrior, classes=sizes),
            **kwargs,
        )
        self.temperature = schedules.get(temperature)

    def objective(self, x, y=None, training=False):
        q = self.posterior(x, training)
        z = self.draw(q, temperature=self.temperature(self.step) if training else None)
        distortion = -self.likelihood(z, training).log_prob(x)
        rate = self.prior.kl(q, z)
        return distortion + rate, {"distortion": distortion, "rate": rate}
