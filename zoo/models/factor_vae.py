"""FactorVAE."""

import tensorflow as tf

from ..base import Adversarial, Autoencoder
from ..catalog import register
from ..domains import NonNegative, Widths
from ..networks import code_critic
from ..terms.adversarial import real_or_fake
from ..terms.divergences import permute_dimensions


@register(family="probabilistic", paper="https://arxiv.org/abs/1802.05983", reduces_to=("vae", {"gamma": 0.0}))
class FactorVAE(Adversarial, Autoencoder):
    """Penalises the total correlation of the codes, which a critic estimates as a density ratio.

    Loss (Kim & Mnih 2018, Eq. 2 and Algorithm 2), with D = sigmoid(critic):
        L(x) = -E_q[log p(x|z)] + KL(q(z|x) || p(z)) + gamma E_q[log D(z) - log(1 - D(z))]
        L_D  = -E_q(z)[log D(z)] - E_qbar(z)[log(1 - D(z))],   qbar(z) = prod_j q(z_j)

    Args:
        gamma: weight of the total correlation.
        critic_widths: units of the critic's hidden layers.
    """

    parts = ("distortion", "rate", "total_correlation", "critic_loss")

    def __init__(
        self, *, gamma: NonNegative = 10.0, critic_widths: Widths = (1000, 1000, 1000, 1000, 1000, 1000), **kwargs
    ):
        super().__init__(**kwargs)
        self.gamma = gamma
        self.critic = code_critic(self.latent_dim, critic_widths)

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        rate = self.prior.kl(q, z)
        total_correlation = self.critic(z)[:, 0]  # the logit of D is log D - log(1 - D)
        return distortion + rate + self.gamma * total_correlation, {
            "distortion": distortion,
            "rate": rate,
            "total_correlation": total_correlation,
        }

    def critic_objective(self, x, y=None, training=False):
        z = self.draw(self.posterior(x), "critic")
        permuted = permute_dimensions(z, self.noise("permutation", tf.shape(z)))
        loss = real_or_fake(self.critic(z), self.critic(permuted))[:, 0]
        return loss, {"critic_loss": loss}
