import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp

from zoo.terms.divergences import log_mean_exp, permute_dimensions

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_log_mean_exp_equals_scipy(axis, shift):
    values = RANDOM.normal(size=(5, 3, 4)) * 20 + shift
    expected = logsumexp(values, axis=axis) - np.log(values.shape[axis])
    assert np.allclose(log_mean_exp(tf.constant(values), axis), expected, rtol=1e-12)


def test_log_mean_exp_of_equal_values_is_the_value():
    assert np.allclose(log_mean_exp(tf.fill([7, 2], -3.5), 0), -3.5)


def correlated(n=5000):
    a = RANDOM.normal(size=(n, 1))
    return np.float32(a + 0.1 * RANDOM.normal(size=(n, 3)))


def test_every_column_is_permuted_by_itself():
    z = correlated()
    permuted = permute_dimensions(z, RANDOM.normal(size=z.shape)).numpy()
    assert np.array_equal(np.sort(permuted, 0), np.sort(z, 0))


def test_no_two_columns_are_permuted_alike():
    z = np.tile(np.arange(100.0)[:, None], 5)
    columns = permute_dimensions(z, RANDOM.normal(size=z.shape)).numpy().T
    assert len({tuple(column) for column in columns}) == 5


def test_permutation_breaks_the_joint():
    z = correlated()
    permuted = permute_dimensions(z, RANDOM.normal(size=z.shape)).numpy()
    upper = np.triu_indices(3, 1)
    assert np.corrcoef(z.T)[upper].min() > 0.95
    assert np.abs(np.corrcoef(permuted.T)[upper]).max() < 4 / np.sqrt(len(z))
