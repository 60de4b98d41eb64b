"""RQ-VAE."""

import tensorflow as tf

from .. import numerics
from ..catalog import register
from ..domains import Count, Fraction, NonNegative
from ..errors import InputError
from ..networks.codebook import Codebook
from ..quantized import Quantized
from ..terms.quantization import perplexity, squared_distance, straight_through


@register(family="discrete", paper="https://arxiv.org/abs/2203.01941", reduces_to=("vq_vae", {"depth": 1}))
class RQVAE(Quantized):
    """Discrete codes in several steps: each codebook stands for what the ones before it left over.

    Loss (Lee et al. 2022, Eq. 7 and 8; the codebooks by gradient, or with `decay` by moving averages as there):
        L(x) = -log p(x|e_1 + ... + e_M) + sum_m |sg[r_m] - e_m|^2 + beta |z - sg[e_1 + ... + e_m]|^2,
        r_m = z - e_1 - ... - e_(m-1),   e_m = nearest vector to r_m

    Args:
        codes: K, the number of vectors in each codebook.
        depth: M, how many codebooks.
        beta: weight of the commitment of the encoder to its code.
        decay, restart: see `vq_vae`.
    """

    parts = ("distortion", "codebook", "commitment", "perplexity")

    def __init__(
        self,
        *,
        codes: Count = 512,
        depth: Count = 4,
        beta: NonNegative = 0.25,
        decay: Fraction = 0.0,
        restart: NonNegative = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if restart and not decay:
            raise InputError("restart: needs decay, the moving averages that say which vectors are in use", "restart")
        self.size, self.depth, self.beta, self.decay, self.restart = codes, depth, beta, decay, restart
        self.codebooks = [Codebook(codes, self.latent_dim, decay, name=f"codebook_{m}") for m in range(1, depth + 1)]

    @property
    def index_shape(self):
        return (*self.code_shape[:-1], self.depth)

    def steps(self, z):
        """[(residual before the step, its vectors, their indices)] of each codebook; no gradient passes a residual."""
        found, rest = [], tf.stop_gradient(z)
        for book in self.codebooks:
            indices = book.nearest(rest)
            found.append((rest, book.lookup(indices), indices))
            rest = rest - tf.stop_gradient(found[-1][1])
        return found

    def discretize(self, z):
        steps = self.steps(z)
        return sum(e for _, e, _ in steps), tf.stack([indices for _, _, indices in steps], -1)

    def lookup(self, indices):
        return sum(book.lookup(indices[..., m]) for m, book in enumerate(self.codebooks))

    def objective(self, x, y=None, training=False):
        z, total, codebook, commitment, use = self.posterior(x, training).mean(), 0.0, 0.0, 0.0, []
        for book, (rest, e, indices) in zip(self.codebooks, self.steps(z), strict=True):
            total += tf.stop_gradient(e)
            codebook += squared_distance(rest, e)
            commitment += squared_distance(z, total)
            use.append(perplexity(indices, self.size))
            if self.decay and training:
                stream = f"restart {book.name}"
                book.follow(rest, indices, self.restart, numerics.uniform([1, self.size], self.key(stream))[0])
        distortion = -self.likelihood(straight_through(z, total), training).log_prob(x)
        learned = 0.0 if self.decay else codebook
        return distortion + learned + self.beta * commitment, {
            "distortion": distortion,
            "codebook": codebook,
            "commitment": commitment,
            "perplexity": tf.reduce_mean(use),
        }
