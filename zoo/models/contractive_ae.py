"""Contractive autoencoder."""

from typing import Literal

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import Name, NonNegative
from ..terms.gradients import squared_jacobian


@register(
    family="deterministic",
    paper="https://icml.cc/2011/papers/455_icmlpaper.pdf",
    reduces_to=("ae", {"weight": 0.0}),
)
class ContractiveAE(Autoencoder):
    """Keeps the code still where the data move in directions that the reconstruction can spare.

    Loss (Rifai et al. 2011), with the whole Jacobian of an encoder of any depth:
        L(x) = -log p(x|z) + lambda |df(x)/dx|_F^2,   z = f(x)

    Args:
        weight: lambda, weight of the squared Jacobian of the encoder.
    """

    parts = ("distortion", "contraction")

    def __init__(
        self,
        *,
        weight: NonNegative = 0.1,
        posterior: Literal["deterministic", "normal"] = "deterministic",
        likelihood: Name = "gaussian",
        **kwargs,
    ):
        super().__init__(posterior=posterior, likelihood=likelihood, **kwargs)
        self.weight = weight

    def objective(self, x, y=None, training=False):
        contraction, z = squared_jacobian(lambda data: self.posterior(data, training).mean(), tf.convert_to_tensor(x))
        distortion = -self.likelihood(z, training).log_prob(x)
        return distortion + self.weight * contraction, {"distortion": distortion, "contraction": contraction}
