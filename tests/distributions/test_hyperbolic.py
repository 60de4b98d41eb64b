"""The Poincare ball and its wrapped normal: against closed forms, quadrature and the geometry of the ball."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from zoo import numerics
from zoo.distributions import hyperbolic as ball
from zoo.distributions.hyperbolic import Gyroplanes, Wrapped, WrappedNormal, WrappedStandardNormal

CURVATURES = (0.5, 1.0, 2.0)


def points(n, dim, c, reach=0.9, seed=0):
    z = np.random.default_rng(seed).normal(size=(n, dim))
    z = z / np.linalg.norm(z, axis=-1, keepdims=True) * np.random.default_rng(seed + 1).uniform(0, reach, (n, 1))
    return (z / np.sqrt(c)).astype("float32")


def distance(x, y, c):
    """By the formula with arccosh (Mathieu et al. 2019), in float64."""
    x, y = (np.asarray(a, "float64") for a in (x, y))
    apart = ((x - y) ** 2).sum(-1) / ((1 - c * (x**2).sum(-1)) * (1 - c * (y**2).sum(-1)))
    return np.arccosh(1 + 2 * c * apart) / np.sqrt(c)


@pytest.mark.parametrize("c", CURVATURES)
def test_exp_and_log_are_inverse_and_give_the_distance(c):
    x, y = points(100, 3, c), points(100, 3, c, seed=5)
    v = ball.log_map(x, y, c)
    assert np.allclose(ball.exp_map(x, v, c), y, atol=2e-5)
    length = ball.conformal_factor(x, c)[:, 0] * np.linalg.norm(v, axis=-1)
    assert np.allclose(length, distance(x, y, c), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("c", CURVATURES)
def test_a_geodesic_has_constant_speed(c):
    a, b = points(20, 2, c), points(20, 2, c, seed=5)
    for t in (0.0, 0.25, 0.5, 1.0):
        z = WrappedStandardNormal(2, curvature=c).between(a, b, np.float32(t))
        assert np.allclose(distance(a, z, c), t * distance(a, b, c), atol=2e-3)
        assert np.allclose(distance(z, b, c), (1 - t) * distance(a, b, c), atol=2e-3)


def test_the_ball_is_flat_where_it_is_small():
    x, v = 1e-3 * points(10, 3, 1.0), 1e-3 * points(10, 3, 1.0, seed=5)
    assert np.allclose(ball.exp_map(x, v, 1.0), x + v, rtol=1e-3, atol=1e-8)


def wrapped(c, mean=(0.5, -0.3), scale=(0.7, 1.2)):
    return Wrapped(tf.constant([mean]) / c**0.5, tf.constant([scale]), c)


@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("make", [wrapped, lambda c: WrappedStandardNormal(2, curvature=c).distribution()])
def test_the_density_integrates_to_one_over_the_ball(c, make):
    """In polar coordinates around the origin, whose element of volume is sinh(sqrt(c) r) / sqrt(c) dr da."""
    radius, angle = np.linspace(0, 12 / np.sqrt(c), 2001)[1:], np.linspace(0, 2 * np.pi, 400, endpoint=False)
    size = np.tanh(np.sqrt(c) * radius / 2) / np.sqrt(c)
    z = size[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    density = np.exp(make(c).log_prob(z.reshape(-1, 1, 2).astype("float32")).numpy().astype("float64"))
    volume = np.sinh(np.sqrt(c) * radius) / np.sqrt(c) * (radius[1] - radius[0]) * (angle[1] - angle[0])
    assert abs((density.reshape(2000, 400) * volume[:, None]).sum() - 1.0) < 3e-3


@pytest.mark.parametrize("c", CURVATURES)
def test_a_sample_has_the_density_of_its_place(c):
    """Once remembered, once from the logarithm."""
    q = wrapped(c)
    z = q.draw(np.random.default_rng(0).normal(size=(200, 1, 2)).astype("float32"))
    assert np.all(c * (z.numpy() ** 2).sum(-1) < 1)
    assert np.allclose(q.log_prob(z), q.log_prob(tf.identity(z)), atol=5e-3)


@pytest.mark.parametrize("dim", [2, 7])
def test_samples_are_as_far_from_the_center_as_a_normal(dim):
    mean, n = points(1, dim, 1.0, 0.7), 20_000
    q = Wrapped(tf.constant(mean), tf.fill([1, dim], 0.8), 1.0)
    z = q.draw(numerics.normal((n, 1, dim), numerics.key("noise", dim)))[:, 0]
    assert stats.kstest(distance(mean, z, 1.0) / 0.8, stats.chi(dim).cdf).pvalue > 1e-3
    pole = ball.log_map(tf.constant(mean), z, 1.0).numpy()
    for d in range(dim):
        scaled = pole[:, d] * ball.conformal_factor(tf.constant(mean), 1.0).numpy()[0, 0] / 0.8
        assert stats.kstest(scaled, "norm").pvalue > 1e-3


def test_the_prior_is_sampled_from_noise():
    prior, n = WrappedStandardNormal(3), 20_000
    z = prior.transform(numerics.normal((n, 3), numerics.key("noise", 1)))
    assert stats.kstest(distance(np.zeros(3), z, 1.0), stats.chi(3).cdf).pvalue > 1e-3


def test_weights_of_samples_have_the_mean_one():
    """E_q[p(z)/q(z)] = 1, with p the prior and q a posterior that covers it."""
    posterior, n = WrappedNormal(3), 100_000
    q = posterior.distribution(tf.constant([[0.2, -0.1, 0.3, 1.2, 1.0, 1.1]]))
    z = posterior.transform(q, numerics.normal((n, 1, 3), numerics.key("noise", 2)))
    weights = np.exp((WrappedStandardNormal(3).distribution().log_prob(z) - q.log_prob(z)).numpy().astype("float64"))
    assert weights.std() / np.sqrt(n) < 0.02
    assert abs(weights.mean() - 1.0) < 4 * weights.std() / np.sqrt(n)


def test_the_center_is_at_the_distance_of_the_output():
    posterior = WrappedNormal(3, curvature=2.0)
    outputs = tf.constant([[0.3, -0.8, 0.5, 0.0, 0.0, 0.0]])
    q = posterior.distribution(outputs)
    assert np.allclose(distance(np.zeros(3), posterior.center(q), 2.0), 2 * np.linalg.norm(outputs[0, :3]), rtol=1e-3)
    expected = stats.norm.logpdf(np.zeros(3), scale=q.scale.numpy()).sum()
    assert np.allclose(q.log_prob(posterior.center(q)), expected, atol=1e-4)


@pytest.mark.parametrize("size", [0.0, 1e-4, 3.0, 100.0])
def test_gradients_are_finite_everywhere(size):
    posterior, prior = WrappedNormal(2), WrappedStandardNormal(2)
    outputs = tf.constant([[size, -size, 0.0, 0.0]])
    for noise in (0.0, 2.0):
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            q = posterior.distribution(outputs)
            z = posterior.transform(q, tf.fill([1, 2], noise))
            loss = prior.kl(q, z) + prior.kl(q, posterior.center(q))
        assert np.isfinite(loss) and np.all(np.isfinite(tape.gradient(loss, outputs)))


def test_a_gyroplane_gives_the_distance_to_its_plane():
    """Against the nearest of many points of the plane through the origin, and zero on the plane itself."""
    c = 1.0
    layer = Gyroplanes(2, 1, c)
    layer.normals.assign([[0.0, 2.0]])
    z = points(20, 2, c)
    line = np.stack([np.linspace(-0.9999, 0.9999, 40_001), np.zeros(40_001)], -1)
    nearest = np.array([distance(each, line, c).min() for each in z])
    found = layer(z).numpy()[:, 0] / (2.0 * 2.0)  # |a| = 2, and the factor of the metric at the origin is 2
    assert np.allclose(np.abs(found), nearest, atol=1e-3) and np.array_equal(np.sign(found), np.sign(z[:, 1]))


def test_a_gyroplane_passes_through_its_point():
    layer = Gyroplanes(3, 4, 1.5)
    layer.points.assign(np.random.default_rng(0).normal(size=(4, 3)))
    there = ball.exp_map(tf.zeros((4, 3)), tf.convert_to_tensor(layer.points), 1.5)
    assert np.allclose(np.diag(layer(there)), 0.0, atol=1e-4)
    assert np.abs(layer(points(4, 3, 1.5)).numpy()).min() > 1e-3
