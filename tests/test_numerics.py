"""Counter-based random numbers and arithmetic that is safe to export."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from zoo import numerics

SHAPE = (400, 250)
DRAWS = {"uniform": numerics.uniform, "normal": numerics.normal}
LAWS = {"uniform": stats.uniform(), "normal": stats.norm()}
TOLERANCE = {"uniform": 0.0, "normal": 2e-6}  # log and cos differ in the last bit between engines and vector lengths
ENGINES = {
    "eager": lambda f: f,
    "function": tf.function,
    "xla": lambda f: tf.function(f, jit_compile=True),
}


def drawn(law, *numbers, shape=SHAPE, stream="test"):
    return DRAWS[law](shape, numerics.key(stream, *numbers)).numpy().astype(np.float64)


def same(law, found, expected):
    return np.allclose(found, expected, rtol=TOLERANCE[law], atol=TOLERANCE[law])


@pytest.mark.parametrize("law", DRAWS)
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_numbers_follow_their_law(law, seed):
    x = drawn(law, seed)
    assert stats.kstest(x.ravel(), LAWS[law].cdf).pvalue > 1e-4
    assert stats.kstest(x[:, 0], LAWS[law].cdf).pvalue > 1e-4  # over examples
    assert stats.kstest(x[0], LAWS[law].cdf).pvalue > 1e-4  # within one


@pytest.mark.parametrize("law", DRAWS)
def test_moments(law):
    x, n = drawn(law, 7).ravel(), np.prod(SHAPE)
    mean, variance, _, kurtosis = LAWS[law].stats("mvsk")
    assert abs(x.mean() - mean) < 4 * np.sqrt(variance / n)
    assert abs(x.var() - variance) < 4 * variance * np.sqrt((kurtosis + 2) / n)


def test_uniform_lies_in_the_half_open_interval():
    x = drawn("uniform", 3, shape=(2000, 1000))
    assert x.min() > 0 and x.max() <= 1


@pytest.mark.parametrize("law", DRAWS)
@pytest.mark.parametrize("other", [("test", 0, 1), ("test", 1, 0), ("other", 0, 0)], ids=["step", "seed", "stream"])
def test_keys_are_uncorrelated(law, other):
    stream, *numbers = other
    a, b = drawn(law, 0, 0).ravel(), drawn(law, *numbers, stream=stream).ravel()
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(a.size)


@pytest.mark.parametrize("law", DRAWS)
def test_examples_and_values_are_uncorrelated(law):
    x = drawn(law, 5)
    for matrix in (x, x.T):
        off = np.corrcoef(matrix)[np.triu_indices(len(matrix), 1)]
        assert np.abs(off).max() < 6 / np.sqrt(matrix.shape[1])
        assert abs(off.mean()) < 4 / np.sqrt(off.size * matrix.shape[1])


@pytest.mark.parametrize("law", DRAWS)
def test_neighbours_are_uncorrelated(law):
    x = drawn(law, 5)
    for a, b in ((x[1:], x[:-1]), (x[:, 1:], x[:, :-1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / np.sqrt(a.size)


@pytest.mark.parametrize("law", DRAWS)
def test_an_example_does_not_see_the_batch(law):
    assert same(law, drawn(law, 1, shape=(7, 3, 2)), drawn(law, 1, shape=(100, 3, 2))[:7])


@pytest.mark.parametrize("law", DRAWS)
def test_examples_are_drawn_by_their_index(law):
    whole, key = drawn(law, 1, shape=(10, 4)), numerics.key("test", 1)
    assert same(law, DRAWS[law]((3, 4), key, tf.constant([2, 9, 2])), whole[[2, 9, 2]])
    assert same(law, DRAWS[law]((3, 4), tf.fill([3], key)), whole[:3])


@pytest.mark.parametrize("law", DRAWS)
@pytest.mark.parametrize("engine", ["function", "xla"])
def test_same_numbers_in_every_engine(law, engine):
    def draw(step):
        return DRAWS[law]((16, 5), numerics.key("test", 0, step))

    for step in (0, 1, 2**31 - 1):
        expected = draw(tf.constant(step))
        assert same(law, ENGINES[engine](draw)(tf.constant(step)), expected)


def test_a_key_is_a_function_of_every_number():
    keys = {int(numerics.key(stream, a, b)) for stream in "xy" for a in range(20) for b in range(20)}
    assert len(keys) == 800


X = np.concatenate([np.linspace(-100, 100, 2001), [-1e4, -1e-8, 0.0, 1e-8, 1e4]])


@pytest.mark.parametrize("engine", ENGINES)
def test_softplus_equals_numpy(engine):
    found = ENGINES[engine](numerics.softplus)(tf.constant(X, tf.float64)).numpy()
    assert np.allclose(found, np.logaddexp(0, X), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("x", [-1e4, -100.0, -1.0, 1e-3, 1.0, 100.0, 1e4])
def test_gradient_of_softplus_is_the_sigmoid(x):
    assert np.isclose(gradient(numerics.softplus, x), tf.sigmoid(x), rtol=1e-5, atol=1e-30)


def test_gradient_of_softplus_at_zero():
    assert gradient(numerics.softplus, 0.0) == 0.5


def gradient(f, x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return float(tape.gradient(y, x))


def test_binarize_draws_with_the_grey_value_as_probability():
    p = np.broadcast_to(np.float32([0.0, 0.1, 0.5, 0.9, 1.0]), (20000, 5))
    drawn = numerics.binarize(p, numerics.key("test")).numpy()
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert np.all(np.abs(drawn.mean(0) - p[0]) <= 4 * np.sqrt(p[0] * (1 - p[0]) / 20000))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (2, 2, 3, 4)])
def test_one_bad_value_is_found_wherever_it_is(engine, bad, shape):
    check = ENGINES[engine](lambda *x: numerics.finite(x))
    good = np.random.default_rng(0).normal(size=(4, *shape)).astype("float32")
    assert bool(check(*map(tf.constant, good)))
    for place in np.ndindex(shape):
        damaged = good.copy()
        damaged[(1, *place)] = bad
        assert not bool(check(*map(tf.constant, damaged)))


def test_infinities_of_both_signs_do_not_cancel():
    assert not bool(numerics.finite([tf.constant([np.inf, -np.inf])]))
    assert not bool(numerics.finite([tf.constant([np.inf]), tf.constant([-np.inf])]))


@pytest.mark.parametrize("engine", ENGINES)
def test_log_sinhc_equals_numpy(engine):
    x = np.array([-300.0, -3.0, -0.6, -0.49, -1e-3, 0.0, 1e-6, 0.49, 0.51, 2.0, 88.0, 1000.0])
    size = np.abs(np.where(x == 0, 1.0, x))
    expected = np.where(x == 0, 0.0, size + np.log(-np.expm1(-2 * size)) - np.log(2 * size))
    found = ENGINES[engine](numerics.log_sinhc)(tf.constant(x, tf.float32)).numpy()
    assert np.allclose(found, expected, rtol=1e-5, atol=2e-7)
