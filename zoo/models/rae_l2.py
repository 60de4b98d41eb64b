"""Regularised autoencoder with weight decay."""

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import Name, NonNegative


@register(
    family="deterministic",
    paper="https://arxiv.org/abs/1903.12436",
    reduces_to=("ae", {"beta": 0.0, "decay": 0.0}),
)
class RAEL2(Autoencoder):
    """Keeps codes small and the decoder smooth, in place of the noise of a VAE.

    Loss (Ghosh et al. 2020):
        L(x) = -log p(x|z) + beta 1/2 |z|^2 + lambda |theta|^2,   z = f(x),   theta the decoder's weights

    Args:
        beta: weight of half the squared length of the code.
        decay: lambda, weight of the squares of the decoder's weights.
    """

    parts = ("distortion", "code_norm", "decoder_norm")

    def __init__(
        self,
        *,
        beta: NonNegative = 0.01,
        decay: NonNegative = 0.0001,
        posterior: Name = "deterministic",
        likelihood: Name = "gaussian",
        **kwargs,
    ):
        super().__init__(posterior=posterior, likelihood=likelihood, **kwargs)
        self.beta, self.decay = beta, decay

    def objective(self, x, y=None, training=False):
        _, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        code_norm = 0.5 * tf.reduce_sum(z**2, -1)
        decoder_norm = tf.add_n([tf.reduce_sum(tf.convert_to_tensor(w) ** 2) for w in self.decoder.trainable_weights])
        return distortion + self.beta * code_norm + self.decay * decoder_norm, {
            "distortion": distortion,
            "code_norm": code_norm,
            "decoder_norm": decoder_norm,
        }
