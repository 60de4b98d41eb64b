import numpy as np
import pytest
import tensorflow as tf

from zoo.terms.moments import covariance, diagonal, distance_from_identity

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(50, 4), (3, 5), (1, 2)])
def test_covariance_equals_numpy(shape):
    z = RANDOM.normal(size=shape) + 3.0
    expected = np.cov(z.T, ddof=0) if len(z) > 1 else np.zeros((2, 2))
    assert np.allclose(covariance(tf.constant(z)), expected, atol=1e-12)


def test_distance_from_identity_equals_the_sums():
    matrix = covariance(tf.constant(RANDOM.normal(size=(20, 4)) * 2.0)).numpy()
    pairs = [(i, j) for i in range(4) for j in range(4)]
    between, diagonal = distance_from_identity(tf.constant(matrix))
    assert np.isclose(between, sum(matrix[i, j] ** 2 for i, j in pairs if i != j), rtol=1e-9)
    assert np.isclose(diagonal, sum((matrix[i, j] - 1.0) ** 2 for i, j in pairs if i == j), rtol=1e-9)


def test_the_identity_costs_nothing():
    assert np.allclose(distance_from_identity(tf.eye(5)), 0.0)


def test_whitened_codes_cost_nothing():
    z = RANDOM.normal(size=(200, 3)) @ RANDOM.normal(size=(3, 3))
    white = (z - z.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T, ddof=0))).T
    assert np.allclose(distance_from_identity(covariance(tf.constant(white))), 0.0, atol=1e-12)


def test_a_diagonal():
    np.testing.assert_array_equal(diagonal(tf.constant([1.0, 2.0, 3.0])), np.diag([1.0, 2.0, 3.0]))
