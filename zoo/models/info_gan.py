"""InfoGAN."""

import tensorflow as tf

from ..base import Generator, Signature
from ..catalog import register
from ..domains import Count, NonNegative
from ..terms.adversarial import non_saturating, real_or_fake
from ..terms.information import of_choice, of_position


@register(family="adversarial", paper="https://arxiv.org/abs/1606.03657")
class InfoGAN(Generator):
    """A GAN some of whose codes stay legible in what it makes: a choice, such as the class, and a few positions.

    Loss (Chen et al. 2016, Eq. 6), with c a choice and positions, and Q a second head of the critic:
        L_G = -E_z,c[log D(G(z, c))] - lambda L_I,   L_I = H(c) + E_z,c[log Q(c|G(z, c))] <= I(c; G(z, c))
        L_D = -E_x[log D(x)] - E_z,c[log(1 - D(G(z, c)))] - lambda L_I

    Args:
        choices: K, of the one categorical code.
        positions: how many codes are uniform in (-1, 1).
        weight: lambda, for the choice.
        position_weight: lambda, for the positions.
    """

    parts = ("generator_loss", "critic_loss", "information")

    def __init__(
        self,
        *,
        choices: Count = 10,
        positions: Count = 2,
        weight: NonNegative = 1.0,
        position_weight: NonNegative = 0.1,
        **kwargs,
    ):
        self.choices, self.positions = choices, positions
        super().__init__(**kwargs)
        self.weight, self.position_weight = weight, position_weight

    def size_of_code(self):
        return self.latent_dim + self.choices + self.positions

    def size_of_verdict(self):
        return 1 + self.choices + 2 * self.positions

    def signatures(self):
        inputs = {"noise": (self.latent_dim,), "uniform": (1 + self.positions,)}
        return {"sample": Signature(lambda noise, uniform: {"x": self(self.code(noise, uniform)[0])}, inputs)}

    def code(self, noise, uniform):
        """The generator's input, the choice as one-hot and the positions, of noise [B, D] and uniform [B, 1 + C]."""
        index = tf.minimum(tf.cast(uniform[:, 0] * self.choices, tf.int32), self.choices - 1)
        choice, position = tf.one_hot(index, self.choices), 2.0 * uniform[:, 1:] - 1.0
        return tf.concat([noise, choice, position], -1), choice, position

    def judged(self, stream, x, training):
        """Of as many samples as x has examples: the critic's logits, lambda L_I, and L_I; [B] each."""
        inputs = {"noise": (self.latent_dim,), "uniform": (1 + self.positions,)}
        z, choice, position = self.code(**self.random(inputs, [tf.shape(x)[0]], stream))
        verdict = self.critic(self(z, training=training), training=training)
        logit, logits, means, raw = tf.split(verdict, [1, self.choices, self.positions, self.positions], -1)
        chosen, placed = of_choice(logits, choice), of_position(means, raw, position)
        return logit[:, 0], self.weight * chosen + self.position_weight * placed, chosen + placed

    def objective(self, x, y=None, training=False):
        fake, legible, information = self.judged("generator", x, training)
        loss = non_saturating(fake)
        return loss - legible, {"generator_loss": loss, "information": information}

    def critic_objective(self, x, y=None, training=False):
        fake, legible, _ = self.judged("critic", x, training)
        loss = real_or_fake(self.critic(x, training=training)[:, 0], fake)
        return loss - legible, {"critic_loss": loss}
