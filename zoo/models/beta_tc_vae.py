"""beta-TC-VAE."""

from typing import Literal

from ..base import Autoencoder
from ..catalog import register
from ..domains import Count, NonNegative
from ..terms.divergences import log_aggregate


@register(
    family="probabilistic",
    paper="https://arxiv.org/abs/1802.04942",
    reduces_to=("vae", {"alpha": 1.0, "beta": 1.0, "gamma": 1.0}),
)
class BetaTCVAE(Autoencoder):
    """Splits the rate in three and weights the total correlation of the codes, for disentangled codes.

    Loss (Chen et al. 2018, with minibatch-weighted sampling of q(z) and q(z_j)):
        L(x) = E_q(z|x)[-log p(x|z) + alpha (log q(z|x) - log q(z)) + beta (log q(z) - sum_j log q(z_j))
                        + gamma (sum_j log q(z_j) - log p(z))]

    Args:
        alpha: weight of the mutual information of data and code.
        beta: weight of the total correlation.
        gamma: weight of the rate of the dimensions, each by itself.
        dataset_size: N, the number of examples; it moves the values of the parts, not their gradients.
        posterior: "normal"; its dimensions must be independent.
    """

    parts = ("distortion", "mutual_information", "total_correlation", "dimension_rate")

    def __init__(
        self,
        *,
        alpha: NonNegative = 1.0,
        beta: NonNegative = 6.0,
        gamma: NonNegative = 1.0,
        dataset_size: Count = 60_000,
        posterior: Literal["normal"] = "normal",
        **kwargs,
    ):
        super().__init__(posterior=posterior, **kwargs)
        self.alpha, self.beta, self.gamma, self.dataset_size = alpha, beta, gamma, dataset_size

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        joint, marginals = log_aggregate(q, z, self.dataset_size)
        distortion = -p.log_prob(x)
        information = q.log_prob(z) - joint
        correlation = joint - marginals
        dimensions = marginals - self.prior.distribution().log_prob(z)
        rate = self.alpha * information + self.beta * correlation + self.gamma * dimensions
        return distortion + rate, {
            "distortion": distortion,
            "mutual_information": information,
            "total_correlation": correlation,
            "dimension_rate": dimensions,
        }
