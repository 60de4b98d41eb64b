"""Regularised autoencoder with gradient penalty."""

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import Name, NonNegative
from ..terms.gradients import projected_jacobian


@register(
    family="deterministic",
    paper="https://arxiv.org/abs/1903.12436",
    reduces_to=("ae", {"beta": 0.0, "penalty": 0.0}),
)
class RAEGP(Autoencoder):
    """Keeps codes small and the slope of the decoder low, in place of the noise of a VAE.

    Loss (Ghosh et al. 2020):
        L(x) = -log p(x|z) + beta 1/2 |z|^2 + lambda |dg(z)/dz|_F^2,   z = f(x),   g(z) the mean of p(x|z)

    The squared Jacobian is estimated without bias, from its product with one standard normal direction an example.

    Args:
        beta: weight of half the squared length of the code.
        penalty: lambda, weight of the squared Jacobian of the decoder.
    """

    parts = ("distortion", "code_norm", "decoder_slope")

    def __init__(
        self,
        *,
        beta: NonNegative = 0.01,
        penalty: NonNegative = 0.0001,
        posterior: Name = "deterministic",
        likelihood: Name = "gaussian",
        **kwargs,
    ):
        super().__init__(posterior=posterior, likelihood=likelihood, **kwargs)
        self.beta, self.penalty = beta, penalty

    def objective(self, x, y=None, training=False):
        _, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        code_norm = 0.5 * tf.reduce_sum(z**2, -1)
        directions = self.noise("direction", tf.shape(x))
        decoder_slope = projected_jacobian(lambda codes: self.likelihood(codes, training).mean(), z, directions)
        return distortion + self.beta * code_norm + self.penalty * decoder_slope, {
            "distortion": distortion,
            "code_norm": code_norm,
            "decoder_slope": decoder_slope,
        }
