"""VAE/GAN."""

import tensorflow as tf

from ..base import CRITIC_STYLE, Adversarial, Autoencoder
from ..catalog import register
from ..domains import Positive
from ..networks import with_features
from ..terms.adversarial import non_saturating, real_or_fake
from ..terms.gradients import scale_gradient


@register(family="adversarial", paper="https://arxiv.org/abs/1512.09300")
class VAEGAN(Adversarial, Autoencoder):
    """A VAE that measures likeness by what a GAN's critic sees in data, and whose decoder must deceive that critic.

    Loss (Larsen et al. 2016, Algorithm 1), with f the critic's last hidden layer, x~ = G(z) for z ~ q(z|x), and
    x_p = G(z_p) for z_p ~ p(z):
        L_E = KL(q(z|x) || p(z)) + L_f,   L_f = 1/2 |f(x) - f(x~)|^2
        L_G = gamma L_f + L_adv,          L_adv = -log D(x~) - log D(x_p)
        L_D = -log D(x) - log(1 - D(x~)) - log(1 - D(x_p))

    Encoder and decoder are one player whose loss is KL + gamma L_f + L_adv; of it the encoder sees the gradient of L_E.
    The critic has layer normalization, which gives its features a scale beside the KL; normalized over the batch, as in
    the paper, those of data and of decoded codes would not be the same function.
    The score, and what `evaluate` says of likelihoods, are those of the pixels.

    Args:
        gamma: weight of likeness against deception in the decoder's loss.
        likelihood: what its mean is, the decoder's output: "bernoulli" for data in [0, 1], "gaussian" for any other.
    """

    parts = ("likeness", "rate", "deception", "critic_loss")

    def __init__(self, *, gamma: Positive = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.gamma = gamma
        style = {**CRITIC_STYLE, "normalization": "layer"}
        judge = self.network("encoder", self.example_shape, (1,), name="judge", **style)
        self.critic = with_features(judge)

    def generated(self, z, training):
        """x = G(z), the decoder's mean."""
        return self.likelihood(z, training).mean()

    def new(self, q, stream, training):
        """As many samples of the prior, decoded, as there are posteriors."""
        inputs = self.random(self.prior.inputs, [q.batch_shape_tensor()[0]], f"{stream} prior")
        return self.generated(self.prior.transform(**inputs), training)

    def objective(self, x, y=None, training=False):
        q = self.posterior(x, training)
        z = self.draw(q)
        rate = self.prior.kl(q, z)
        seen, _ = self.critic(x, training=training)
        seen_again, _ = self.critic(self.generated(scale_gradient(z, 1.0 / self.gamma), training), training=training)
        _, again = self.critic(self.generated(tf.stop_gradient(z), training), training=training)
        _, new = self.critic(self.new(q, "code", training), training=training)
        likeness = 0.5 * tf.reduce_sum((seen - seen_again) ** 2, range(1, len(seen.shape)))
        deception = (non_saturating(again) + non_saturating(new))[:, 0]
        return rate + self.gamma * likeness + deception, {"likeness": likeness, "rate": rate, "deception": deception}

    def critic_objective(self, x, y=None, training=False):
        q = self.posterior(x, training)
        _, real = self.critic(x, training=training)
        _, again = self.critic(self.generated(self.draw(q, "critic"), training), training=training)
        _, new = self.critic(self.new(q, "critic", training), training=training)
        loss = (real_or_fake(real, again) + non_saturating(-new))[:, 0]  # 1 - D is D of the logit turned round
        return loss, {"critic_loss": loss}
