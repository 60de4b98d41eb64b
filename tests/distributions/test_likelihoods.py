import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from scipy.special import expit, log_softmax

from zoo.distributions.likelihoods import LIKELIHOODS

RANDOM = np.random.default_rng(0)
SHAPES = [(4, 3, 2), (5, 3), (6,)]
SIGMA = 0.37


def continuous_bernoulli(outputs, x):
    """log p(x) with its normalising constant (Loaiza-Ganem & Cunningham 2019, Eq. 5-6)."""
    rate = expit(outputs)
    return x * np.log(rate) + (1 - x) * np.log1p(-rate) + np.log(2 * np.arctanh(1 - 2 * rate) / (1 - 2 * rate))


LOG_PROBS = {  # of single values
    "bernoulli": lambda outputs, x: stats.bernoulli.logpmf(x, expit(outputs)),
    "gaussian": lambda outputs, x: stats.norm.logpdf(x, outputs, 1.0),
    "laplace": lambda outputs, x: stats.laplace.logpdf(x, outputs, 1.0),
    "sigma": lambda outputs, x: stats.norm.logpdf(x, outputs, SIGMA),
    "continuous_bernoulli": continuous_bernoulli,
    "categorical": lambda outputs, x: x * log_softmax(outputs, -1),
}
DATA = {
    "bernoulli": lambda shape: RANDOM.integers(0, 2, shape),
    "gaussian": lambda shape: RANDOM.normal(size=shape),
    "laplace": lambda shape: RANDOM.normal(size=shape),
    "sigma": lambda shape: RANDOM.normal(size=shape),
    "continuous_bernoulli": lambda shape: RANDOM.uniform(size=shape),
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


@pytest.mark.parametrize("name", ["gaussian", "laplace", "sigma", "continuous_bernoulli"])
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
