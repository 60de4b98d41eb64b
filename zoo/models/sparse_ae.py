"""Sparse autoencoder."""

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import Name, NonNegative


@register(family="deterministic", paper="https://arxiv.org/abs/2309.08600", reduces_to=("ae", {"weight": 0.0}))
class SparseAE(Autoencoder):
    """Keeps most of a code near zero, so that each of its numbers says something by itself.

    Loss (Cunningham et al. 2023, with any encoder and decoder):
        L(x) = -log p(x|z) + alpha |z|_1,   z = f(x)

    Args:
        weight: alpha, weight of the sum of absolute values of the code.
    """

    parts = ("distortion", "sparsity")

    def __init__(
        self, *, weight: NonNegative = 0.1, posterior: Name = "deterministic", likelihood: Name = "gaussian", **kwargs
    ):
        super().__init__(posterior=posterior, likelihood=likelihood, **kwargs)
        self.weight = weight

    def objective(self, x, y=None, training=False):
        _, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        sparsity = tf.reduce_sum(tf.abs(z), -1)
        return distortion + self.weight * sparsity, {"distortion": distortion, "sparsity": sparsity}
