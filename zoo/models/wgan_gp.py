"""Wasserstein GAN with gradient penalty."""

import tensorflow as tf

from ..base import Generator
from ..catalog import register
from ..domains import Count, NonNegative
from ..numerics import uniform
from ..terms.gradients import slope_penalty


@register(family="adversarial", paper="https://arxiv.org/abs/1704.00028")
class WGANGP(Generator):
    """A GAN whose critic estimates the Wasserstein distance, kept near slope one by a penalty.

    Loss (Gulrajani et al. 2017), with u uniform in (0, 1) for each example:
        L_G = -E_z[D(G(z))],   z ~ N(0, I)
        L_D = E_z[D(G(z))] - E_x[D(x)] + lambda E[(|grad D(u x + (1 - u) G(z))| - 1)^2]

    Args:
        penalty: lambda, weight of the gradient penalty.
        critic_steps: steps of the critic for each step of the generator.
    """

    parts = ("generator_loss", "wasserstein", "slope")

    def __init__(self, *, penalty: NonNegative = 10.0, critic_steps: Count = 5, **kwargs):
        super().__init__(**kwargs)
        self.penalty, self.critic_steps = penalty, critic_steps

    def objective(self, x, y=None, training=False):
        loss = -self.critic(self.fakes(x, "generator", training), training=training)[:, 0]
        return loss, {"generator_loss": loss}

    def critic_objective(self, x, y=None, training=False):
        fake = self.fakes(x, "critic", training)
        share = uniform([tf.shape(x)[0], *[1] * len(self.example_shape)], self.key("between"))
        between = share * x + (1.0 - share) * fake
        wasserstein = self.critic(x, training=training)[:, 0] - self.critic(fake, training=training)[:, 0]
        slope = slope_penalty(lambda data: self.critic(data, training=training), between)
        return -wasserstein + self.penalty * slope, {"wasserstein": wasserstein, "slope": slope}
