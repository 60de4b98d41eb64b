"""k-sparse autoencoder."""

from typing import Literal

from ..base import Autoencoder
from ..catalog import register
from ..domains import Count, Name
from ..errors import InputError
from ..terms.sparsity import keep_largest


@register(family="deterministic", paper="https://arxiv.org/abs/1312.5663")
class KSparseAE(Autoencoder):
    """Keeps the k largest numbers of a code and makes the rest zero, without any penalty.

    Loss (Makhzani & Frey 2013, with any encoder and decoder):
        L(x) = -log p(x|z),   z = f(x) where f(x) is among its k largest numbers, else 0

    Args:
        active: k, from 1 to D; with k = D it is the autoencoder.
    """

    parts = ("distortion",)

    def __init__(
        self,
        *,
        active: Count = 4,
        posterior: Literal["deterministic"] = "deterministic",
        likelihood: Name = "gaussian",
        **kwargs,
    ):
        super().__init__(posterior=posterior, likelihood=likelihood, **kwargs)
        if active > self.latent_dim:
            raise InputError(
                f"k_sparse_ae: active must not exceed latent_dim {self.latent_dim}, the length of a code; got {active}",
                key="active",
            )
        self.active = active

    def posterior(self, x, training=False):
        """The sparse code of data [B, *input_shape]."""
        return self.posteriors.distribution(keep_largest(super().posterior(x, training).mean(), self.active))

    def objective(self, x, y=None, training=False):
        _, _, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        return distortion, {"distortion": distortion}
