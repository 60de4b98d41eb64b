"""A second VAE, of the codes of the first (Dai & Wipf 2019, Sec. 4)."""

import tensorflow as tf

from ..base import Autoencoder
from ..domains import Count, Positive, Widths
from .codes import Scale


class TwoStage(Autoencoder):
    """Codes z of the model from codes u of a VAE as large: u ~ N(0, I), z ~ N(g(u), s^2 I) with s learned.

    Loss: -E_q(u|z)[log p(z|u)] + KL(q(u|z) || N(0, I)) of standardised codes, in nats.

    Args:
        stage_widths: units of the hidden layers of its encoder; those of its decoder in reverse order.
        epochs: passes over the codes.
        learning_rate: of Adam.
    """

    parts = ("distortion", "rate")

    def __init__(
        self,
        *,
        model,
        stage_widths: Widths = (256, 256),
        epochs: Count = 100,
        learning_rate: Positive = 1e-3,
    ):
        size = model.latent_dim
        words = {"input_shape": (size,), "latent_dim": size, "backbone": "dense", "seed": model.seed}
        super().__init__(**words, widths=stage_widths, likelihood="sigma")
        self.epochs, self.learning_rate = epochs, learning_rate
        self.scale = Scale(size, name="scale")

    @property
    def inputs(self):
        return {"noise": (2 * self.latent_dim,)}

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(self.scale.apart(x), training)
        distortion, rate = -p.log_prob(self.scale.apart(x)), self.prior.kl(q, z)
        return distortion + rate, {"distortion": distortion, "rate": rate}

    def transform(self, noise):
        p = self.likelihood(noise[:, : self.latent_dim])
        return self.scale.back(
            p.mean() + tf.exp(tf.convert_to_tensor(self.observation.log_sigma)) * noise[:, self.latent_dim :]
        )
