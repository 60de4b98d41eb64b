"""Generative adversarial network."""

from ..base import Generator
from ..catalog import register
from ..terms.adversarial import non_saturating, real_or_fake


@register(family="adversarial", paper="https://arxiv.org/abs/1406.2661")
class GAN(Generator):
    """A generator learns to pass a critic that learns to tell its samples from data.

    Loss (Goodfellow et al. 2014, Sec. 3, non-saturating; with the conv backbone after DCGAN, Radford et al. 2015):
        L_G = -E_z[log D(G(z))],   L_D = -E_x[log D(x)] - E_z[log(1 - D(G(z)))],   z ~ N(0, I)
    """

    parts = ("generator_loss", "critic_loss")

    def objective(self, x, y=None, training=False):
        loss = non_saturating(self.critic(self.fakes(x, "generator", training), training=training))[:, 0]
        return loss, {"generator_loss": loss}

    def critic_objective(self, x, y=None, training=False):
        fake = self.fakes(x, "critic", training)
        loss = real_or_fake(self.critic(x, training=training), self.critic(fake, training=training))[:, 0]
        return loss, {"critic_loss": loss}
