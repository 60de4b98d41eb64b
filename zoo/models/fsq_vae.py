"""FSQ-VAE."""

import math

import numpy as np
import tensorflow as tf

from ..catalog import register
from ..domains import Widths
from ..errors import InputError
from ..quantized import Quantized
from ..terms.quantization import perplexity, straight_through


@register(family="discrete", paper="https://arxiv.org/abs/2309.15505")
class FSQVAE(Quantized):
    """Discrete codes without a codebook: each number of a code is bounded and rounded to one of a few levels.

    Loss (Mentzer et al. 2023, Sec. 3.1 and Appendix A.1), with L_j levels of number j, h_j = (L_j - 1) / 2:
        L(x) = -log p(x|e),   e_j = round(h_j tanh(z_j + s_j) - o_j) / floor(L_j / 2),
        o_j = 1/2 and s_j = artanh(o_j / h_j) where L_j is even, else 0; rounding passes the gradient on

    Args:
        levels: L_j, how many values each number of a code may have; their count is the length of a code.
    """

    parts = ("distortion", "perplexity")

    def __init__(self, *, levels: Widths = (8, 5, 5, 5), **kwargs):
        if min(levels) < 2:
            raise InputError(f"levels: needs at least 2 of each number, not {min(levels)}", "levels")
        super().__init__(latent_dim=len(levels), **kwargs)
        self.levels, self.size = tuple(levels), math.prod(levels)

    def _constants(self):
        """(levels, places of each level in an index, half widths), [D] each."""
        levels = np.array(self.levels)
        return levels, np.concatenate([[1], np.cumprod(levels[:-1])]), levels // 2

    def bound(self, z):
        """z [..., D] squashed so that rounding gives L_j values."""
        levels, _, _ = self._constants()
        half = (levels - 1) * (1 + 1e-3) / 2
        offset = np.where(levels % 2 == 0, 0.5, 0.0)
        shift = np.arctanh(offset / half).astype("float32")
        return tf.tanh(z + shift) * half.astype("float32") - offset.astype("float32")

    def discretize(self, z):
        _, places, half = self._constants()
        whole = tf.round(self.bound(z))
        indices = tf.reduce_sum((tf.cast(whole, tf.int32) + half.astype("int32")) * places.astype("int32"), -1)
        return whole / half.astype("float32"), indices

    def lookup(self, indices):
        levels, places, half = self._constants()
        digits = (indices[..., None] // places.astype("int32")) % levels.astype("int32")
        return tf.cast(digits - half.astype("int32"), tf.float32) / half.astype("float32")

    def objective(self, x, y=None, training=False):
        z = self.posterior(x, training).mean()
        e, indices = self.discretize(z)
        _, _, half = self._constants()
        distortion = -self.likelihood(straight_through(self.bound(z) / half.astype("float32"), e), training).log_prob(x)
        return distortion, {"distortion": distortion, "perplexity": perplexity(indices, self.size)}
