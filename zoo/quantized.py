"""What models with discrete codes share."""

import tensorflow as tf

from .base import Autoencoder
from .domains import Count, Name


class UniformIndices:
    """Codes whose indices are drawn alike: the uniform prior that the models train with."""

    def __init__(self, model):
        self.model, self.inputs = model, {"uniform": model.index_shape}

    def transform(self, uniform):
        size = self.model.size
        return self.model.lookup(tf.minimum(tf.cast(uniform * size, tf.int32), size - 1))


class Quantized(Autoencoder):
    """An autoencoder whose codes are replaced by the nearest of finitely many.

    Subclasses define `discretize(z)` -> (codes that the decoder takes, their indices) and `lookup(indices)`, its
    inverse, and set `size`: how many values an index has.

    Args:
        positions: codes for one example on the dense backbone; conv has one for each place of its coarsest grid.
    """

    backbones = ("dense", "conv")  # those that give codes with places

    def __init__(
        self, *, positions: Count = 16, posterior: Name = "deterministic", likelihood: Name = "gaussian", **kwargs
    ):
        self.positions = positions
        super().__init__(posterior=posterior, likelihood=likelihood, **kwargs)

    def shape_of_code(self):
        return self.backbone.code_shape(self.example_shape, self.latent_dim, self.widths, self.positions)

    def discretize(self, z):
        """(codes [B, ..., D], indices int32 [B, ...]) nearest to z [B, ..., D]."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it quantizes")

    def lookup(self, indices):
        """Codes [B, ..., D] of indices [B, ...]."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its indices stand for")

    @property
    def index_shape(self):
        """Shape of the indices of one example."""
        return self.code_shape[:-1]

    @property
    def sampler(self):
        return vars(self).get("fitted") or UniformIndices(self)

    def encode_tensors(self, x):
        z, indices = self.discretize(self.posterior(x).mean())
        return {"z": z, "indices": indices}

    def score_tensors(self, x):
        return {"score": -self.likelihood(self.encode_tensors(x)["z"]).log_prob(x)}

    def call(self, x, training=False):
        return self.likelihood(self.encode_tensors(x)["z"], training).mean()
