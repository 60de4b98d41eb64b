"""Adversarial autoencoder."""

from typing import Literal

import tensorflow as tf

from ..base import Adversarial, Autoencoder
from ..catalog import register
from ..domains import Name, NonNegative, Widths
from ..networks import code_critic
from ..terms.adversarial import non_saturating, real_or_fake


@register(family="deterministic", paper="https://arxiv.org/abs/1511.05644", reduces_to=("ae", {"weight": 0.0}))
class AAE(Adversarial, Autoencoder):
    """Draws the codes of all data together to the prior, by a critic that tells codes from samples of it.

    Loss (Makhzani et al. 2015), with z = f(x) and D = sigmoid(critic):
        L(x) = -log p(x|z) - weight log D(z)
        L_D  = -E_p(z)[log D(z)] - E_x[log(1 - D(f(x)))]

    Args:
        weight: weight of the encoder's loss against the critic.
        critic_widths: units of the critic's hidden layers.
        prior: "normal"; the critic sees as many of its samples as codes.
    """

    parts = ("distortion", "encoder_loss", "critic_loss")

    def __init__(
        self,
        *,
        weight: NonNegative = 1.0,
        critic_widths: Widths = (1000, 1000),
        posterior: Name = "deterministic",
        prior: Literal["normal"] = "normal",
        likelihood: Name = "gaussian",
        **kwargs,
    ):
        super().__init__(posterior=posterior, prior=prior, likelihood=likelihood, **kwargs)
        self.weight = weight
        self.critic = code_critic(self.latent_dim, critic_widths)

    def objective(self, x, y=None, training=False):
        _, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        encoder_loss = non_saturating(self.critic(z))[:, 0]
        return distortion + self.weight * encoder_loss, {"distortion": distortion, "encoder_loss": encoder_loss}

    def critic_objective(self, x, y=None, training=False):
        z = self.draw(self.posterior(x), "critic")
        loss = real_or_fake(self.critic(self.noise("prior", tf.shape(z))), self.critic(z))[:, 0]
        return loss, {"critic_loss": loss}
