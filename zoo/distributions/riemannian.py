"""Hamiltonian posteriors in a metric that the data give to the space of codes."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from ..terms.gradients import slope
from .hamiltonian import Hamiltonian, HamiltonianPosterior, log_standard_normal
from .posteriors import Normal


def lower_triangles(numbers, dim):
    """[N, D (D + 1) / 2] -> lower triangular matrices with a positive diagonal, [N, D, D]."""
    matrices = tfp.math.fill_triangular(numbers)
    return tf.linalg.set_diag(matrices, tf.exp(tf.linalg.diag_part(matrices)))


class Landmarks(keras.layers.Layer):
    """The places that the metric is made of: codes of the latest training examples, and a matrix for each.

    Args:
        count: N, how many are kept.
        dim: D.
    """

    def __init__(self, count, dim, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        words = {"initializer": "zeros", "trainable": False, "autocast": False}
        self.places = self.add_weight(name="places", shape=(count, dim), **words)
        self.matrices = self.add_weight(name="matrices", shape=(count, dim, dim), **words)
        self.built = True

    def remember(self, places, matrices):
        """Adds a batch, and lets go of the oldest."""
        for kept, new in ((self.places, places), (self.matrices, matrices)):
            kept.assign(tf.concat([tf.stop_gradient(new), tf.convert_to_tensor(kept)], 0)[: kept.shape[0]])


class Metric:
    """G^-1(z) = sum_i M_i exp(-|z - c_i|^2 / T^2) + lambda I, positive definite (Chadebec et al. 2020, Eq. 9).

    Args:
        places: c, [N, D].
        matrices: M, positive semi-definite, [N, D, D].
        reach: T.
        floor: lambda.
    """

    def __init__(self, places, matrices, reach, floor):
        self.places, self.matrices, self.reach, self.floor = places, matrices, reach, floor

    def nearness(self, z):
        """exp(-|z - c_i|^2 / T^2) of codes [..., D]: [..., N]."""
        return tf.exp(-tf.reduce_sum((z[..., None, :] - self.places) ** 2, -1) / self.reach**2)

    def inverse(self, z):
        """G^-1 at codes [..., D]: [..., D, D]."""
        return tf.einsum("...n,nij->...ij", self.nearness(z), self.matrices) + self.floor * tf.eye(z.shape[-1])

    def factor(self, z):
        """The lower triangular L of G^-1 = L L', [..., D, D]."""
        return tf.linalg.cholesky(self.inverse(z))

    def pull(self, z):
        """A function of a momentum r [..., D]: the slope of log N(r; 0, G(z)) in z, [..., D].

        It is sum_i (r' M_i r - tr(G M_i)) exp(-|z - c_i|^2 / T^2) (z - c_i) / T^2.
        """
        identity = tf.eye(z.shape[-1], batch_shape=tf.shape(z)[:-1])
        metric = tf.linalg.cholesky_solve(self.factor(z), identity)  # numbers that are not finite stay so, silently
        traces = tf.einsum("...ij,nij->...n", metric, self.matrices)
        nearness, away = self.nearness(z), z[..., None, :] - self.places

        def at(momentum):
            squares = tf.einsum("...i,nij,...j->...n", momentum, self.matrices, momentum)
            return tf.einsum("...n,...nd->...d", nearness * (squares - traces), away) / self.reach**2

        return at


def half_log_determinant(factor):
    """1/2 log det G^-1 from its factor, [...]."""
    return tf.reduce_sum(tf.math.log(tf.linalg.diag_part(factor)), -1)


def times(matrix, vector):
    """[..., D, D] times [..., D]."""
    return tf.linalg.matvec(matrix, vector)


class Riemannian(Hamiltonian):
    """Hamiltonian dynamics with momenta from N(0, G(z)), by the generalised leapfrog (Girolami & Calderhead 2011).

    Args:
        metric: a Metric.
        rounds: fixed-point iterations for each implicit equation of a step; the volume is kept as they converge.
    """

    def __init__(self, base, log_joint, metric, steps, step, start, rounds):
        super().__init__(base, log_joint, steps, step, start)
        self.rounds = rounds
        vars(self)["metric"] = metric

    def momentum(self, z, noise):
        factor = self.metric.factor(z)
        raised = tf.linalg.triangular_solve(factor, noise[..., None], lower=True, adjoint=True)[..., 0]
        return raised, log_standard_normal(noise) + half_log_determinant(factor)

    def log_momentum(self, z, momentum):
        factor = self.metric.factor(z)
        return log_standard_normal(tf.linalg.matvec(factor, momentum, adjoint_a=True)) + half_log_determinant(factor)

    def one_step(self, z, momentum):
        force, pull = slope(self.log_joint, z), self.metric.pull(z)
        half, after = momentum, z
        for _ in range(self.rounds):
            half = momentum + 0.5 * self.step * (force + pull(half))
        velocity = times(self.metric.inverse(z), half)
        for _ in range(self.rounds):
            after = z + 0.5 * self.step * (velocity + times(self.metric.inverse(after), half))
        force, pull = slope(self.log_joint, after), self.metric.pull(after)
        return after, half + 0.5 * self.step * (force + pull(half))


class RiemannianPosterior(HamiltonianPosterior):
    """A normal posterior, and K generalised leapfrog steps in a metric; see `Riemannian`."""

    one_size = True

    def __init__(self, latent_dim, rounds=3, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.rounds = rounds

    def distribution(self, outputs, log_joint, metric):
        base, (step, start) = Normal(self.latent_dim).distribution(outputs), self.pace()
        return Riemannian(base, log_joint, metric, self.steps, step, start, self.rounds)
