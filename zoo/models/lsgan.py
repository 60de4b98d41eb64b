"""Least-squares GAN."""

from ..base import Generator
from ..catalog import register
from ..terms.adversarial import least_squares


@register(family="adversarial", paper="https://arxiv.org/abs/1611.04076")
class LSGAN(Generator):
    """A GAN whose critic regresses real and fake, so that samples far from the data still have a gradient.

    Loss (Mao et al. 2017, with the targets 0 and 1):
        L_G = E_z[1/2 (D(G(z)) - 1)^2],   L_D = E_x[1/2 (D(x) - 1)^2] + E_z[1/2 D(G(z))^2],   z ~ N(0, I)
    """

    parts = ("generator_loss", "critic_loss")

    def objective(self, x, y=None, training=False):
        fake = self.critic(self.fakes(x, "generator", training), training=training)[:, 0]
        loss = least_squares(fake, 1.0)
        return loss, {"generator_loss": loss}

    def critic_objective(self, x, y=None, training=False):
        real = self.critic(x, training=training)[:, 0]
        fake = self.critic(self.fakes(x, "critic", training), training=training)[:, 0]
        loss = least_squares(real, 1.0) + least_squares(fake, 0.0)
        return loss, {"critic_loss": loss}
