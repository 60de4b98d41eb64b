"""VQ-VAE."""

import tensorflow as tf

from .. import numerics
from ..catalog import register
from ..domains import Count, Fraction, NonNegative
from ..errors import InputError
from ..networks.codebook import Codebook
from ..quantized import Quantized
from ..terms.quantization import perplexity, squared_distance, straight_through


@register(family="discrete", paper="https://arxiv.org/abs/1711.00937")
class VQVAE(Quantized):
    """Discrete codes: each vector that the encoder gives is replaced by the nearest of a codebook.

    Loss (van den Oord et al. 2017, Eq. 3; with `decay`, without its second term: Appendix A.1):
        L(x) = -log p(x|e) + |sg[z] - e|^2 + beta |z - sg[e]|^2,   e = nearest vector to z

    Args:
        codes: K, the number of vectors in the codebook.
        beta: weight of the commitment of the encoder to its code.
        decay: of the moving averages that the codebook follows, such as 0.99; 0: it learns by gradient.
        restart: codes of a batch that a vector must stand for, on average, or it starts anew as one of them; needs
            `decay`.
    """

    parts = ("distortion", "codebook", "commitment", "perplexity")

    def __init__(
        self,
        *,
        codes: Count = 512,
        beta: NonNegative = 0.25,
        decay: Fraction = 0.0,
        restart: NonNegative = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if restart and not decay:
            raise InputError("restart: needs decay, the moving averages that say which vectors are in use", "restart")
        self.size, self.beta, self.decay, self.restart = codes, beta, decay, restart
        self.codebook = Codebook(codes, self.latent_dim, decay, name="codebook")

    def discretize(self, z):
        indices = self.codebook.nearest(z)
        return self.codebook.lookup(indices), indices

    def lookup(self, indices):
        return self.codebook.lookup(indices)

    def objective(self, x, y=None, training=False):
        z = self.posterior(x, training).mean()
        e, indices = self.discretize(z)
        distortion = -self.likelihood(straight_through(z, e), training).log_prob(x)
        codebook = squared_distance(tf.stop_gradient(z), e)
        commitment = squared_distance(z, tf.stop_gradient(e))
        if self.decay and training:
            self.codebook.follow(z, indices, self.restart, numerics.uniform([1, self.size], self.key("restart"))[0])
        learned = 0.0 if self.decay else codebook
        return distortion + learned + self.beta * commitment, {
            "distortion": distortion,
            "codebook": codebook,
            "commitment": commitment,
            "perplexity": perplexity(indices, self.size),
        }
