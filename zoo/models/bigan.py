"""Bidirectional GAN."""

import tensorflow as tf

from ..base import CRITIC_STYLE, Adversarial, Autoencoder
from ..catalog import register
from ..domains import Count, Name, Widths
from ..networks import pair_critic
from ..terms.adversarial import real_or_fake


@register(family="adversarial", paper="https://arxiv.org/abs/1605.09782")
class BiGAN(Adversarial, Autoencoder):
    """A GAN with an encoder: the critic tells (data, their codes) from (samples, the codes that they were made from).

    Loss (Donahue et al. 2017, Eq. 3; both players by cross-entropy), with E the encoder and G the decoder's mean:
        L_EG = -E_x[log(1 - D(x, E(x)))] - E_z[log D(G(z), z)],   z ~ N(0, I)
        L_D  = -E_x[log D(x, E(x))] - E_z[log(1 - D(G(z), z))]

    With posterior "normal" E(x) is a sample of q(z|x): adversarially learned inference (Dumoulin et al. 2017).

    Args:
        critic_features: numbers that the critic sees of x.
        critic_widths: units of the critic's hidden layers on those and z.
        likelihood: what its mean is, the generator's output: "bernoulli" for data in [0, 1], "gaussian" for any other.
        prior: what samples begin with.
    """

    parts = ("generator_loss", "critic_loss")

    def __init__(
        self,
        *,
        critic_features: Count = 256,
        critic_widths: Widths = (512, 512),
        posterior: Name = "deterministic",
        **kwargs,
    ):
        super().__init__(posterior=posterior, **kwargs)
        seen = self.network("encoder", self.example_shape, (critic_features,), name="critic_of_data", **CRITIC_STYLE)
        self.critic = pair_critic(seen, self.latent_dim, critic_widths)

    def judged(self, x, stream, training):
        """The critic's logits of data with their codes and of samples with theirs, [B] each."""
        q = self.posterior(x, training)
        z = self.prior.transform(**self.random(self.prior.inputs, [q.batch_shape_tensor()[0]], f"{stream} prior"))
        fake = self.likelihood(z, training).mean()
        real_pair, fake_pair = [tf.convert_to_tensor(x), self.draw(q, stream)], [fake, z]
        return self.critic(real_pair, training=training)[:, 0], self.critic(fake_pair, training=training)[:, 0]

    def objective(self, x, y=None, training=False):
        real, fake = self.judged(x, "generator", training)
        loss = real_or_fake(fake, real)
        return loss, {"generator_loss": loss}

    def critic_objective(self, x, y=None, training=False):
        real, fake = self.judged(x, "critic", training)
        loss = real_or_fake(real, fake)
        return loss, {"critic_loss": loss}
