"""Generative adversarial network."""

from typing import Literal

import tensorflow as tf

from ..base import Adversarial, GenerativeModel, Signature
from ..catalog import register
from ..terms.adversarial import non_saturating, real_or_fake


@register(family="adversarial", paper="https://arxiv.org/abs/1406.2661")
class GAN(Adversarial, GenerativeModel):
    """A generator learns to pass a critic that learns to tell its samples from data.

    Loss (Goodfellow et al. 2014, Sec. 3, non-saturating; with the conv backbone after DCGAN, Radford et al. 2015):
        L_G = -E_z[log D(G(z))],   L_D = -E_x[log D(x)] - E_z[log(1 - D(G(z)))],   z ~ N(0, I)

    Args:
        output: "sigmoid" for data in [0, 1], "linear" for any other.
    """

    parts = ("generator_loss", "critic_loss")
    exports = ("sample",)

    def __init__(
        self,
        *,
        output: Literal["sigmoid", "linear"] = "sigmoid",
        normalization: Literal["none", "batch", "layer", "group"] = "batch",
        **kwargs,
    ):
        super().__init__(normalization=normalization, **kwargs)
        self.squash = {"sigmoid": tf.sigmoid, "linear": tf.identity}[output]
        self.generator = self.network("decoder", (self.latent_dim,), self.example_shape, name="generator")
        self.critic = self.network(
            "encoder", self.example_shape, (1,), name="critic", activation="leaky_relu", normalization="none"
        )
        self.built = True

    def build(self, input_shape=None):
        """Everything is built by the constructor."""

    def call(self, z, training=False):
        return self.squash(self.generator(z, training=training))

    def fakes(self, x, stream, training):
        """As many samples as x has examples."""
        return self(self.noise(stream, [tf.shape(x)[0], self.latent_dim]), training=training)

    def signatures(self):
        return {"sample": Signature(lambda noise: {"x": self(noise)}, {"noise": (self.latent_dim,)})}

    def objective(self, x, y=None, training=False):
        loss = non_saturating(self.critic(self.fakes(x, "generator", training), training=training))[:, 0]
        return loss, {"generator_loss": loss}

    def critic_objective(self, x, y=None, training=False):
        fake = self.fakes(x, "critic", training)
        loss = real_or_fake(self.critic(x, training=training), self.critic(fake, training=training))[:, 0]
        return loss, {"critic_loss": loss}
