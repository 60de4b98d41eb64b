"""Leapfrog steps: reversible, volume-preserving, of second order; and the densities that rest on them."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats

from zoo.distributions.hamiltonian import Hamiltonian, HamiltonianPosterior, coldness, leapfrog
from zoo.distributions.posteriors import Normal
from zoo.distributions.riemannian import Metric, Riemannian, lower_triangles
from zoo.errors import InputError
from zoo.terms.gradients import slope

tfd = tfp.distributions
D, N, REACH, FLOOR = 2, 60, 1.5, 0.7


def noise(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def log_joint(z):
    """A bent ridge: far from normal, with slopes everywhere."""
    return -0.5 * z[..., 0] ** 2 - 0.8 * (z[..., 1] - tf.sin(z[..., 0])) ** 2


def metric():
    factors = lower_triangles(0.4 * noise(5, D * (D + 1) // 2, seed=3), D)
    return Metric(noise(5, D, seed=4), 0.3 * tf.matmul(factors, factors, transpose_b=True), REACH, FLOOR)


def base(n=N):
    return Normal(D).distribution(0.5 * noise(n, 2 * D, seed=5))


def hamiltonian(steps=4, step=0.15, start=0.6):
    return Hamiltonian(base(), log_joint, steps, step, start)


def riemannian(steps=3, step=0.1, start=0.6, rounds=16):
    return Riemannian(base(), log_joint, metric(), steps, step, start, rounds)


MADE = {"hamiltonian": hamiltonian, "riemannian": riemannian}


def jacobian(function, x):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        columns = tf.unstack(tf.concat(function(x), -1), axis=-1)
    return np.stack([tape.gradient(c, x).numpy() for c in columns], 1).astype("float64")


@pytest.mark.parametrize("name", MADE)
def test_steps_are_reversible(name):
    """The momentum turned round leads back."""
    q, z, momentum = MADE[name](start=1.0), noise(N, D), noise(N, D, seed=1)
    there, speed = q.move(z, momentum)
    back, turned = q.move(there, -speed)
    assert np.abs(there - z).max() > 0.1
    assert np.allclose(back, z, atol=1e-3) and np.allclose(-turned, momentum, atol=1e-3)


@pytest.mark.parametrize("start", [1.0, 0.8])
@pytest.mark.parametrize("name", MADE)
def test_the_way_keeps_the_volume(name, start):
    """Cooling undoes what the heat of the start does to it."""
    q = MADE[name](start=start)
    pairs = tf.concat([noise(N, D), noise(N, D, seed=1)], -1)
    matrix = jacobian(lambda v: q.move(v[:, :D], v[:, D:]), pairs)
    assert np.abs(matrix - np.eye(2 * D)).max() > 0.1
    assert np.allclose(np.linalg.slogdet(matrix)[1], 0.0, atol=2e-3)


@pytest.mark.parametrize("name", MADE)
def test_the_error_of_the_energy_falls_with_the_square_of_the_step(name):
    z, momentum, errors = noise(N, D), noise(N, D, seed=1), []
    for steps in (8, 16):
        q = MADE[name](steps=steps, step=0.8 / steps, start=1.0)
        start = log_joint(z) + q.log_momentum(z, momentum)
        there, speed = q.move(z, momentum)
        errors.append(np.median(np.abs(log_joint(there) + q.log_momentum(there, speed) - start)))
    assert 2.5 < errors[0] / errors[1] < 6.0  # four, up to higher orders


def test_a_leapfrog_step_on_a_spring_is_its_matrix():
    z, momentum, e = noise(N, D), noise(N, D, seed=1), 0.3
    there, speed = leapfrog(z, momentum, lambda z: -0.5 * tf.reduce_sum(z**2, -1), e)
    matrix = np.array([[1 - e**2 / 2, e], [-e + e**3 / 4, 1 - e**2 / 2]])
    expected = np.einsum("ij,jnd->ind", matrix, np.stack([z, momentum]))
    assert np.allclose(there, expected[0], atol=1e-6) and np.allclose(speed, expected[1], atol=1e-6)


def test_coldness_goes_from_the_start_to_one_by_squares():
    assert np.isclose(coldness(0.4, 0.0), 0.4) and np.isclose(coldness(0.4, 1.0), 1.0)
    assert np.isclose(1 / coldness(0.4, 0.5), (1 - 1 / 0.4) / 4 + 1 / 0.4)


@pytest.mark.parametrize("name", MADE)
def test_the_remembered_density_is_of_the_pair_over_the_momentum(name):
    """log q(z_0) + log p(r_0) - log |det| - log p(r_K), with the determinant of automatic differentiation."""
    q, eps = MADE[name](), noise(N, 2 * D, seed=2)

    def ends(eps):
        z = q.base.mean() + q.base.stddev() * eps[:, :D]
        return q.move(z, q.momentum(z, eps[:, D:])[0])

    z, momentum = ends(eps)
    matrix = jacobian(ends, eps)
    of_pair = stats.norm.logpdf(eps).sum(-1) - np.linalg.slogdet(matrix)[1]
    assert np.allclose(q.draw(eps), z, atol=1e-5)
    sample = q.draw(eps)
    assert np.allclose(q.log_prob(sample), of_pair - q.log_momentum(z, momentum).numpy(), atol=5e-3)


@pytest.mark.parametrize("name", MADE)
def test_weights_of_samples_have_the_mean_one(name):
    """E[p(z)/q(z)] = 1 for the joint with a momentum: what makes the bound a bound."""
    draws = 20_000
    q = MADE[name](start=0.8)
    q.base = Normal(D).distribution(tf.concat([tf.zeros((1, D)), tf.fill((1, D), 1.5)], -1))
    eps = noise(draws, 1, 2 * D)
    z, log_q = tf.function(lambda: (z := q.draw(eps), q.log_prob(z)), autograph=False)()
    inside = tfd.Independent(tfd.Normal(tf.zeros(D), tf.fill([D], 0.6)), 1)
    weights = np.exp((inside.log_prob(z) - log_q).numpy().astype("float64"))
    assert weights.std() / np.sqrt(draws) < 0.03
    assert abs(weights.mean() - 1.0) < 4 * weights.std() / np.sqrt(draws)


def test_samples_move_to_where_the_joint_is_larger():
    still, moved = (hamiltonian(steps, start=0.9).draw(noise(2000, N, 2 * D)) for steps in (0, 8))
    assert np.mean(log_joint(moved)) > np.mean(log_joint(still)) + 0.1


def test_without_steps_it_is_the_normal_posterior():
    posterior = HamiltonianPosterior(D, steps=0)
    q = posterior.distribution(0.5 * noise(N, 2 * D), log_joint)
    z = posterior.transform(q, noise(N, 2 * D, seed=1))
    assert not posterior.weights and np.allclose(q.log_prob(z), q.base.log_prob(z), atol=1e-5)


def test_the_center_is_the_mean_of_the_start():
    posterior = HamiltonianPosterior(D)
    q = posterior.distribution(0.5 * noise(N, 2 * D), log_joint)
    center = posterior.center(q)
    assert np.allclose(center, q.base.mean()) and np.allclose(q.log_prob(center), q.base.log_prob(center))


def test_pace_is_what_was_asked_for_at_first():
    step, start = HamiltonianPosterior(D, step_size=0.07, temperature=0.25).pace()
    assert np.allclose(step, 0.07) and np.isclose(start, 0.5)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_temperature_at_the_ends_is_refused(temperature):
    with pytest.raises(InputError, match="between 0 and 1"):
        HamiltonianPosterior(D, temperature=temperature)


# The metric


def test_the_metric_is_positive_definite():
    far = tf.concat([noise(200, D), 100.0 + noise(200, D)], 0)
    inverse = metric().inverse(far).numpy()
    values = np.linalg.eigvalsh(inverse)
    assert np.allclose(inverse, inverse.transpose(0, 2, 1)) and values.min() > FLOOR - 1e-5
    assert np.allclose(inverse[-1], FLOOR * np.eye(D), atol=1e-6), "flat far from the data"


def test_the_metric_is_its_formula():
    g, z = metric(), noise(7, D)
    for i in range(7):
        near = np.exp(-((z[i].numpy() - g.places.numpy()) ** 2).sum(-1) / REACH**2)
        assert np.allclose(g.inverse(z)[i], np.tensordot(near, g.matrices.numpy(), 1) + FLOOR * np.eye(D), atol=1e-5)


def test_the_pull_of_the_metric_is_the_slope_of_the_momentum():
    q, z, momentum = riemannian(), noise(N, D), noise(N, D, seed=1)
    expected = slope(lambda z: q.log_momentum(z, momentum), z)
    assert np.abs(expected).max() > 0.1 and np.allclose(q.metric.pull(z)(momentum), expected, atol=1e-4)


def test_momenta_have_the_covariance_of_the_metric():
    q, z, n = riemannian(), noise(1, D), 100_000
    momentum, log_prob = q.momentum(z, noise(n, 1, D))
    expected = np.linalg.inv(q.metric.inverse(z)[0].numpy())
    assert np.allclose(np.cov(momentum[:, 0].numpy().T), expected, rtol=0.05, atol=0.02)
    exact = stats.multivariate_normal(np.zeros(D), expected).logpdf(momentum[:, 0])
    assert np.allclose(log_prob[:, 0], exact, atol=1e-3)
    assert np.allclose(q.log_momentum(z, momentum)[:, 0], exact, atol=1e-3)


def test_a_flat_metric_is_the_hamiltonian():
    flat = Metric(tf.zeros((1, D)), tf.zeros((1, D, D)), 1.0, 1.0)
    eps = noise(N, 2 * D)
    q = Riemannian(base(), log_joint, flat, 4, 0.1, 0.6, 1)
    plain = hamiltonian(step=0.1)
    z, expected = q.draw(eps), plain.draw(eps)
    assert np.allclose(z, expected, atol=1e-5) and np.allclose(q.log_prob(z), plain.log_prob(expected), atol=1e-4)
