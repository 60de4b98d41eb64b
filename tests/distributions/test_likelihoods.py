import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from scipy.integrate import quad
from scipy.special import expit, log_softmax

from zoo.distributions.likelihoods import LIKELIHOODS, MOMENTUM, LogCosh, Sigma

RANDOM = np.random.default_rng(0)
SHAPES = [(4, 3, 2), (5, 3), (6,)]
SIGMA = 0.37


def continuous_bernoulli(outputs, x):
    """log p(x) with its normalising constant (Loaiza-Ganem & Cunningham 2019, Eq. 5-6)."""
    rate = expit(outputs)
    return x * np.log(rate) + (1 - x) * np.log1p(-rate) + np.log(2 * np.arctanh(1 - 2 * rate) / (1 - 2 * rate))


def log_cosh(outputs, x, a=10.0):
    """-1/a log cosh(a t), less the logarithm of its integral by quadrature."""

    def density(t):
        return np.exp(-(np.logaddexp(a * t, -a * t) - np.log(2)) / a)

    return np.log(density(x - outputs)) - np.log(2 * quad(density, 0, 60)[0])


LOG_PROBS = {  # of single values
    "bernoulli": lambda outputs, x: stats.bernoulli.logpmf(x, expit(outputs)),
    "gaussian": lambda outputs, x: stats.norm.logpdf(x, outputs, 1.0),
    "laplace": lambda outputs, x: stats.laplace.logpdf(x, outputs, 1.0),
    "sigma": lambda outputs, x: stats.norm.logpdf(x, outputs, SIGMA),
    "log_cosh": log_cosh,
    "continuous_bernoulli": continuous_bernoulli,
    "categorical": lambda outputs, x: x * log_softmax(outputs, -1),
    "columns": lambda outputs, x: stats.norm.logpdf(x, outputs, 1.0),
}
DATA = {
    "bernoulli": lambda shape: RANDOM.integers(0, 2, shape),
    "gaussian": lambda shape: RANDOM.normal(size=shape),
    "laplace": lambda shape: RANDOM.normal(size=shape),
    "sigma": lambda shape: RANDOM.normal(size=shape),
    "log_cosh": lambda shape: RANDOM.normal(size=shape),
    "continuous_bernoulli": lambda shape: RANDOM.uniform(size=shape),
    "columns": lambda shape: RANDOM.normal(size=shape),
    "categorical": lambda shape: np.eye(shape[-1])[RANDOM.integers(0, shape[-1], shape[:-1])],
}


def made(name, shape):
    likelihood = LIKELIHOODS[name](len(shape))
    if name == "sigma":
        likelihood.log_sigma.assign(np.log(SIGMA))
    return likelihood


def test_every_likelihood_is_tested():
    assert set(LOG_PROBS) == set(DATA) == set(LIKELIHOODS)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("leading", [(3,), (2, 3)], ids=["batch", "samples"])
@pytest.mark.parametrize("name", LIKELIHOODS)
def test_log_prob_equals_scipy_summed_over_values(name, shape, leading):
    outputs, x = RANDOM.normal(size=(*leading, *shape)).astype("float32"), DATA[name]((3, *shape)).astype("float32")
    expected = LOG_PROBS[name](outputs.astype("float64"), x)
    p = made(name, shape).distribution(tf.constant(outputs))
    found = p.log_prob(tf.constant(x))
    assert found.shape == leading and p.mean().shape == (*leading, *shape)
    assert np.allclose(found, expected.sum(tuple(range(len(leading), expected.ndim))), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_mean_equals_scipy(name):
    outputs = RANDOM.normal(size=(3, 4)).astype("float32")
    rate = expit(outputs.astype("float64"))
    expected = {
        "bernoulli": rate,
        "continuous_bernoulli": rate / (2 * rate - 1) + 1 / (2 * np.arctanh(1 - 2 * rate)),
        "categorical": np.exp(log_softmax(outputs, -1)),
    }.get(name, outputs)
    assert np.allclose(made(name, (4,)).distribution(outputs).mean(), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["gaussian", "laplace", "sigma", "log_cosh", "continuous_bernoulli"])
@pytest.mark.parametrize("output", [-4.0, -0.01, 0.0, 0.3, 4.0])
def test_densities_integrate_to_one(name, output):
    low, high = (0.0, 1.0) if LIKELIHOODS[name].unit_range else (-30.0, 30.0)
    x = np.linspace(low, high, 60001, dtype="float32")[:, None]
    p = made(name, (1,)).distribution(tf.fill([len(x), 1], output))
    assert np.isclose(np.trapezoid(np.exp(p.log_prob(x)), x[:, 0]), 1.0, atol=2e-3)


@pytest.mark.parametrize("name", ["bernoulli", "continuous_bernoulli", "categorical"])
def test_extreme_outputs_give_finite_values_and_gradients(name):
    outputs, x = tf.constant([[-200.0, 0.0, 200.0]]), tf.constant([[1.0, 0.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        log_prob = made(name, (3,)).distribution(outputs).log_prob(x)
    assert np.all(np.isfinite(log_prob)) and np.all(np.isfinite(tape.gradient(log_prob, outputs)))


def test_bernoulli_of_grey_values_is_the_cross_entropy():
    outputs, x = RANDOM.normal(size=(3, 7)).astype("float32"), RANDOM.uniform(size=(3, 7)).astype("float32")
    expected = (x * np.log(expit(outputs)) + (1 - x) * np.log1p(-expit(outputs))).sum(1)
    assert np.allclose(made("bernoulli", (7,)).distribution(outputs).log_prob(x), expected, rtol=1e-5)


def test_log_cosh_of_sharpness_one_is_the_hyperbolic_secant():
    """Its density is sech(t) / pi: scipy's hypsecant."""
    x = RANDOM.normal(size=(9, 1)).astype("float32") * 3
    found = LogCosh(1, sharpness=1.0).distribution(tf.zeros([9, 1])).log_prob(x)
    assert np.allclose(found, stats.hypsecant.logpdf(x[:, 0]), rtol=1e-5)


def test_log_cosh_of_large_errors_is_their_size():
    errors = tf.constant([[100.0], [-100.0], [1e6]])
    p = LogCosh(1).distribution(tf.zeros([3, 1]))
    assert np.allclose(p.log_prob(errors), p.log_prob([[1.0]]) + 1.0 - np.abs(errors)[:, 0], rtol=1e-4)


def test_the_optimal_sigma_has_the_largest_likelihood_and_is_followed():
    x, mean = (RANDOM.normal(size=(8, 5, 3)).astype("float32") for _ in range(2))
    likelihood = Sigma(2)
    p = likelihood.follow(x, tf.constant(mean))
    best = np.sqrt(((x - mean) ** 2).mean())
    log_prob = p.log_prob(x).numpy()
    assert np.isclose(log_prob.mean(), -0.5 * 15 * (1 + np.log(2 * np.pi * best**2)), rtol=1e-5)
    for other in (0.9 * best, 1.1 * best):
        assert stats.norm.logpdf(x, mean, other).sum() < log_prob.sum()
    assert np.isclose(likelihood.log_sigma, (1 - MOMENTUM) * np.log(best), rtol=1e-5)
    for _ in range(200):
        likelihood.follow(x, tf.constant(mean))
    assert np.isclose(likelihood.log_sigma, np.log(best), rtol=1e-4)


def test_the_optimal_sigma_of_no_error_is_its_floor():
    x = tf.ones([2, 3])
    with tf.GradientTape() as tape:
        tape.watch(x)
        log_prob = Sigma(1).follow(tf.ones([2, 3]), x).log_prob(tf.ones([2, 3]))
    assert np.allclose(log_prob, 3 * stats.norm.logpdf(0.0, 0.0, np.exp(-6.0)), rtol=1e-5)
    assert np.all(np.isfinite(tape.gradient(log_prob, x)))


def test_columns_are_normal_or_categorical_value_by_value():
    """A table with a number, a category of three words, a number and one of two: the sum over its columns."""
    outputs = RANDOM.normal(size=(2, 5, 7)).astype("float32")
    words = [np.eye(3)[RANDOM.integers(0, 3, 5)], np.eye(2)[RANDOM.integers(0, 2, 5)]]
    numbers = RANDOM.normal(size=(2, 5, 1))
    x = np.concatenate([numbers[0], words[0], numbers[1], words[1]], -1).astype("float32")
    p = LIKELIHOODS["columns"](1, columns=(1, 3, 1, 2)).distribution(tf.constant(outputs))
    expected = stats.norm.logpdf(x[:, [0, 4]], outputs[..., [0, 4]]).sum(-1)
    for start, stop in ((1, 4), (5, 7)):
        expected += (x[:, start:stop] * log_softmax(outputs[..., start:stop].astype("float64"), -1)).sum(-1)
    assert np.allclose(p.log_prob(x), expected, rtol=1e-5, atol=1e-5)
    mean = p.mean().numpy()
    assert np.array_equal(mean[..., [0, 4]], outputs[..., [0, 4]])
    assert np.allclose(mean[..., 1:4].sum(-1), 1, atol=1e-6) and np.allclose(mean[..., 5:].sum(-1), 1, atol=1e-6)
    assert np.allclose(mean[..., 5], expit((outputs[..., 5] - outputs[..., 6]).astype("float64")), atol=1e-6)
