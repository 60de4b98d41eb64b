"""Riemannian Hamiltonian VAE."""

from functools import partial

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..distributions.riemannian import Landmarks, Metric, RiemannianPosterior, lower_triangles
from ..domains import Count, Fraction, Positive


@register(
    family="probabilistic",
    paper="https://arxiv.org/abs/2010.11518",
    limits="encode, reconstruct and score take the mean of the normal posterior without the Hamiltonian steps, which "
    "need gradients and a Cholesky factor; sample draws from the normal prior, not along the metric",
)
class RiemannianVAE(Autoencoder):
    """A Hamiltonian VAE whose codes move in a metric that is learned with them, and that is small near the data.

    Loss (Chadebec et al. 2020): z_0 ~ N(m(x), diag(s(x)^2)), r_0 ~ N(0, G(z_0)) / sqrt(beta_0), then K generalised
    leapfrog steps on H(z, r) = -log p(x, z) - log N(r; 0, G(z)), tempered as in the Hamiltonian VAE:
        L(x) = -E[log p(x, z_K) + log N(r_K; 0, G(z_K)) - log q(z_0|x) - log N(sqrt(beta_0) r_0; 0, G(z_0))],
        G^-1(z) = sum_i L_i L_i' exp(-|z - m(x_i)|^2 / T^2) + lambda I,   L_i = L(x_i)

    The x_i are those of the batch in training, and the latest of them after it. `sample` draws codes from N(0, I).

    Args:
        steps: K.
        step_size: of the first leapfrog steps; learned, below twice this.
        rounds: fixed-point iterations for each implicit equation of a step.
        temperature: beta_0 at first, between 0 and 1; learned.
        reach: T, how far a landmark is felt.
        floor: lambda, the metric far from the data.
        landmarks: how many x_i are kept after training.
    """

    parts = ("distortion", "rate")

    def __init__(
        self,
        *,
        steps: Count = 3,
        step_size: Positive = 0.001,
        rounds: Count = 3,
        temperature: Fraction = 0.3,
        reach: Positive = 0.8,
        floor: Positive = 0.01,
        landmarks: Count = 100,
        **kwargs,
    ):
        pace = {"steps": steps, "step_size": step_size, "rounds": rounds, "temperature": temperature}
        super().__init__(posterior=partial(RiemannianPosterior, **pace), **kwargs)
        self.reach, self.floor = reach, floor
        triangle = self.latent_dim * (self.latent_dim + 1) // 2
        self.metric_network = self.network("encoder", self.example_shape, (triangle,), name="metric")
        self.landmarks = Landmarks(landmarks, self.latent_dim, name="landmarks")

    def posterior(self, x, training=False):
        """q(z|x), which moves in the metric."""
        outputs = tf.cast(self.encoder(x, training=training), tf.float32)
        metric = self.metric(x, outputs[:, : self.latent_dim], training)
        return self.posteriors.distribution(outputs, lambda z: self.log_joint(x, z, training), metric)

    def metric(self, x, means, training=False):
        """The metric of a batch in training, which is remembered, or of the landmarks after it."""
        if training:
            factors = lower_triangles(self.metric_network(x, training=True), self.latent_dim)
            matrices = tf.matmul(factors, factors, transpose_b=True)
            self.landmarks.remember(means, matrices)
            return Metric(means, matrices, self.reach, self.floor)
        places, matrices = (tf.convert_to_tensor(w) for w in (self.landmarks.places, self.landmarks.matrices))
        return Metric(places, matrices, self.reach, self.floor)

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        rate = self.prior.kl(q, z)
        return distortion + rate, {"distortion": distortion, "rate": rate}
