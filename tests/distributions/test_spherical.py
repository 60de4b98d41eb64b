"""Von Mises-Fisher against SciPy and TFP; samples against their distribution function."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import integrate, stats

from zoo import numerics
from zoo.distributions.spherical import UniformSphere, VonMisesFisher, draw_angle
from zoo.errors import InputError

tfd = tfp.distributions
DIMENSIONS = (2, 3, 6, 11, 21, 41)
CONCENTRATIONS = (1.0, 3.0, 25.0, 300.0, 10_000.0)


def directions(n, dim, seed=0):
    z = np.random.default_rng(seed).normal(size=(n, dim))
    return (z / np.linalg.norm(z, axis=-1, keepdims=True)).astype("float32")


def outputs(direction, concentration):
    """What the encoder gives for them: the direction at any length."""
    raw = np.where(concentration > 30, concentration - 1.0, np.log(np.expm1(np.minimum(concentration - 1.0, 30))))
    return np.concatenate([3.0 * direction, np.full((len(direction), 1), np.maximum(raw, -20))], -1).astype("float32")


def q(dim, concentration, n=1, seed=0):
    posterior = VonMisesFisher(dim)
    return posterior, posterior.distribution(tf.constant(outputs(directions(n, dim, seed), concentration)))


@pytest.mark.parametrize("concentration", CONCENTRATIONS)
@pytest.mark.parametrize("dim", DIMENSIONS)
def test_log_prob_equals_scipy(dim, concentration):
    _, found = q(dim, concentration)
    z = directions(50, dim, 1)
    near = directions(1, dim) + 2.0 / np.sqrt(concentration) * z
    z = np.concatenate([z, near / np.linalg.norm(near, axis=-1, keepdims=True)]).astype("float32")
    kappa, mean = float(found.concentration[0]), found.mean_direction[0].numpy().astype("float64")
    assert np.isclose(kappa, concentration, rtol=1e-5)
    expected = stats.vonmises_fisher(mean / np.linalg.norm(mean), kappa).logpdf(
        z.astype("float64") / np.linalg.norm(z.astype("float64"), axis=-1, keepdims=True)
    )
    assert np.allclose(found.log_prob(z), expected, rtol=2e-5, atol=2e-4)


@pytest.mark.parametrize("concentration", [1.0, 3.0, 25.0, 300.0])
@pytest.mark.parametrize("dim", DIMENSIONS)
def test_rate_mean_and_entropy_equal_tfp_and_scipy(dim, concentration):
    _, found = q(dim, concentration)
    reference = tfd.VonMisesFisher(found.mean_direction, found.concentration)
    prior = UniformSphere(dim)
    rate = tfd.kl_divergence(reference, tfd.SphericalUniform(dim))
    assert np.allclose(prior.kl(found, found.mode()), rate, rtol=1e-4, atol=2e-4)
    assert np.allclose(found.mean(), reference.mean(), atol=1e-4)
    exact = stats.vonmises_fisher(directions(1, dim)[0].astype("float64"), concentration).entropy()
    assert np.allclose(found.entropy(), exact, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("dim", [3, 11])
def test_gradient_of_the_rate_equals_finite_differences(dim):
    _, found = q(dim, 5.0)
    with tf.GradientTape() as tape:
        kappa = tf.constant([5.0, 50.0])
        tape.watch(kappa)
        direction = tf.constant(directions(2, dim))
        rate = UniformSphere(dim).kl(type(found)(direction, kappa), direction)
    entropy = [
        [-stats.vonmises_fisher(np.eye(dim)[0], k * (1 + e)).entropy() for e in (-1e-4, 1e-4)] for k in (5.0, 50.0)
    ]
    slopes = [(high - low) / (2e-4 * k) for (low, high), k in zip(entropy, (5.0, 50.0), strict=True)]
    assert np.allclose(tape.gradient(rate, kappa), slopes, rtol=2e-3)


def angle_cdf(dim, kappa):
    """The distribution function of the angle, by SciPy's quadrature."""

    def density(t):
        return np.sin(t) ** (dim - 2) * np.exp(kappa * (np.cos(t) - 1))

    grid = np.linspace(0, min(np.pi, 3 * (np.sqrt(dim) + 6) / np.sqrt(kappa)), 4001)
    cumulated = integrate.cumulative_simpson(density(grid), x=grid, initial=0)
    return lambda t: np.interp(t, grid, cumulated / cumulated[-1])


@pytest.mark.parametrize("concentration", [1.0, 25.0, 1000.0])
@pytest.mark.parametrize("dim", [2, 3, 11, 41])
def test_samples_have_the_angle_of_the_distribution(dim, concentration):
    posterior, found = q(dim, concentration)
    n = 20_000
    noise = numerics.normal((n, dim), numerics.key("noise", dim))
    z = posterior.transform(found, noise, numerics.uniform((n,), numerics.key("uniform", dim))).numpy()
    assert np.allclose(np.linalg.norm(z, axis=-1), 1.0, atol=1e-5)
    mean = found.mean_direction.numpy().astype("float64")[0]
    angle = 2 * np.arcsin(np.minimum(1.0, np.linalg.norm(z - mean, axis=-1) / 2))
    assert stats.kstest(angle, angle_cdf(dim, concentration)).pvalue > 1e-3
    aside = z - (z @ mean)[:, None] * mean
    aside = aside / np.linalg.norm(aside, axis=-1, keepdims=True)
    error = 4.5 / np.sqrt(n * (dim - 1))  # the direction aside is uniform: its mean is zero
    assert np.all(np.abs(aside.mean(0)) < 1.5 * error)


@pytest.mark.parametrize("dim, concentration", [(3, 2.0), (11, 40.0)])
def test_gradient_of_a_sample_is_that_of_the_quantile(dim, concentration):
    """dt/dk = -(dF/dk) / f, with F of SciPy's quadrature."""
    uniform = np.float32([0.02, 0.3, 0.6, 0.95])
    kappa = tf.fill([4], concentration)
    with tf.GradientTape() as tape:
        tape.watch(kappa)
        angle = draw_angle(tf.constant(uniform), kappa, float(dim))
    step = 1e-2 * concentration
    low, middle, high = (angle_cdf(dim, concentration + e)(angle.numpy()) for e in (-step, 0.0, step))
    assert np.allclose(middle, uniform, atol=2e-4)
    near = angle_cdf(dim, concentration)
    density = (near(angle.numpy() + 1e-3) - near(angle.numpy() - 1e-3)) / 2e-3
    assert np.allclose(tape.gradient(angle, kappa), -(high - low) / (2 * step) / density, rtol=0.02)


def test_gradients_are_finite_far_away():
    for raw in (-100.0, 0.0, 1e5):
        values = tf.constant([[1.0, 0.0, 0.0, raw]])
        posterior = VonMisesFisher(3)
        with tf.GradientTape() as tape:
            tape.watch(values)
            found = posterior.distribution(values)
            z = posterior.transform(found, tf.ones((1, 3)), tf.constant([2.0**-25]))
            loss = tf.reduce_sum(found.log_prob(z)) + tf.reduce_sum(UniformSphere(3).kl(found, z))
        assert np.isfinite(loss) and np.all(np.isfinite(tape.gradient(loss, values)))


def test_several_samples_of_a_batch():
    posterior, found = q(4, 5.0, n=3)
    z = posterior.transform(found, tf.random.normal((6, 3, 4), seed=0), tf.random.uniform((6, 3), seed=0))
    assert z.shape == (6, 3, 4) and found.log_prob(z).shape == (6, 3)
    assert np.array_equal(posterior.center(found), found.mean_direction)


@pytest.mark.parametrize("dim", [2, 5])
def test_the_prior_is_uniform_on_the_sphere(dim):
    prior, n = UniformSphere(dim), 20_000
    z = prior.transform(numerics.normal((n, dim), numerics.key("noise", 3))).numpy()
    assert np.allclose(np.linalg.norm(z, axis=-1), 1.0, atol=1e-5)
    share = stats.beta((dim - 1) / 2, (dim - 1) / 2)  # of (1 + z_1) / 2
    assert stats.kstest((1 + z[:, 0]) / 2, share.cdf).pvalue > 1e-3
    assert np.allclose(prior.distribution().log_prob(z), AREA[dim])


AREA = {2: -np.log(2 * np.pi), 5: -np.log(8 * np.pi**2 / 3)}


def test_the_way_between_two_codes_stays_on_the_sphere():
    a, b = directions(5, 4), directions(5, 4, 1)
    prior = UniformSphere(4)
    half = prior.between(a, b, 0.5)
    assert np.allclose(np.linalg.norm(half, axis=-1), 1.0, atol=1e-5)
    assert np.allclose((half * a).sum(-1), (half * b).sum(-1), atol=1e-5)
    assert np.allclose(prior.between(a, b, 0.0), a, atol=1e-6) and np.allclose(prior.between(a, b, 1.0), b, atol=1e-6)
    assert np.allclose(prior.between(a, a, 0.3), a, atol=1e-6)


def test_a_sphere_of_one_dimension_is_refused():
    with pytest.raises(InputError, match="at least 2"):
        VonMisesFisher(1)
