"""VQ-VAE."""

from typing import Literal

import tensorflow as tf

from ..base import Autoencoder, Signature
from ..catalog import register
from ..domains import Count, Name, NonNegative
from ..networks.codebook import Codebook
from ..terms.quantization import perplexity, squared_distance, straight_through


@register(family="discrete", paper="https://arxiv.org/abs/1711.00937")
class VQVAE(Autoencoder):
    """Discrete codes: each vector that the encoder gives is replaced by the nearest of a codebook.

    Loss (van den Oord et al. 2017, Eq. 3):
        L(x) = -log p(x|e) + |sg[z] - e|^2 + beta |z - sg[e]|^2,   e = nearest vector to z

    Args:
        codes: K, the number of vectors in the codebook.
        beta: weight of the commitment of the encoder to its code.
        positions: codes for one example on the dense backbone; conv has one for each place of its coarsest grid.
    """

    parts = ("distortion", "codebook", "commitment", "perplexity")

    def __init__(
        self,
        *,
        codes: Count = 512,
        beta: NonNegative = 0.25,
        positions: Count = 16,
        posterior: Literal["deterministic", "normal"] = "deterministic",
        likelihood: Name = "gaussian",
        **kwargs,
    ):
        self.positions = positions
        super().__init__(posterior=posterior, likelihood=likelihood, **kwargs)
        self.codes, self.beta = codes, beta
        self.codebook = Codebook(codes, self.latent_dim, name="codebook")

    def shape_of_code(self):
        return self.backbone.code_shape(self.example_shape, self.latent_dim, self.widths, self.positions)

    def signatures(self):
        uniform = {"uniform": self.code_shape[:-1]}
        return super().signatures() | {"sample": Signature(self.sample_tensors, uniform)}

    def encode_tensors(self, x):
        indices = self.codebook.nearest(self.posterior(x).mean())
        return {"z": self.codebook.lookup(indices), "indices": indices}

    def sample_tensors(self, uniform):
        """Codes drawn alike: the uniform prior that the paper trains with."""
        indices = tf.minimum(tf.cast(uniform * self.codes, tf.int32), self.codes - 1)
        return {"x": self.decode_tensors(self.codebook.lookup(indices))["x_hat"]}

    def score_tensors(self, x):
        return {"score": -self.likelihood(self.encode_tensors(x)["z"]).log_prob(x)}

    def call(self, x, training=False):
        return self.likelihood(self.encode_tensors(x)["z"], training).mean()

    def objective(self, x, y=None, training=False):
        z = self.posterior(x, training).mean()
        indices = self.codebook.nearest(z)
        e = self.codebook.lookup(indices)
        distortion = -self.likelihood(straight_through(z, e), training).log_prob(x)
        codebook = squared_distance(tf.stop_gradient(z), e)
        commitment = squared_distance(z, tf.stop_gradient(e))
        return distortion + codebook + self.beta * commitment, {
            "distortion": distortion,
            "codebook": codebook,
            "commitment": commitment,
            "perplexity": perplexity(indices, self.codes),
        }
