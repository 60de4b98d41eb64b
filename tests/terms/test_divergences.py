import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.special import logsumexp
from scipy.stats import norm

from zoo.terms.divergences import (
    excess,
    free_bits,
    inverse_multiquadratic,
    kl_of_dimensions,
    kl_to_components,
    log_aggregate,
    log_mean_exp,
    maximum_mean_discrepancy,
    permute_dimensions,
)

tfd = tfp.distributions
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


def normals(mean, scale):
    return tfd.Independent(tfd.Normal(mean, scale), 1)


def test_kl_of_dimensions_equals_the_closed_form_and_sums_to_the_kl():
    mean, scale = RANDOM.normal(size=(6, 3)), RANDOM.uniform(0.2, 2.0, size=(6, 3))
    q, p = normals(mean, scale), normals(np.zeros(3), np.ones(3))
    found = kl_of_dimensions(q, p)
    assert np.allclose(found, 0.5 * (mean**2 + scale**2 - 1) - np.log(scale), rtol=1e-9)
    assert np.allclose(tf.reduce_sum(found, 1), tfd.kl_divergence(q, p), rtol=1e-9)


@pytest.mark.parametrize("floor", [0.0, 0.3, 1.0, 50.0])
def test_free_bits_have_the_mean_of_the_formula(floor):
    rates = RANDOM.exponential(size=(40, 5)) * np.array([0.1, 0.5, 1.0, 2.0, 4.0])
    expected = np.maximum(rates.mean(0), floor).sum()
    assert np.isclose(np.mean(free_bits(tf.constant(rates), floor)), expected, rtol=1e-9)


def test_no_free_bits_are_the_rate_of_every_example():
    rates = RANDOM.exponential(size=(8, 3))
    assert np.allclose(free_bits(tf.constant(rates), 0.0), rates.sum(1))


def test_no_gradient_where_bits_are_free():
    rates = tf.constant([[0.1, 2.0], [0.3, 4.0]])
    with tf.GradientTape() as tape:
        tape.watch(rates)
        loss = tf.reduce_mean(free_bits(rates, 0.5))
    assert np.allclose(tape.gradient(loss, rates), [[0.0, 0.5], [0.0, 0.5]])


@pytest.mark.parametrize("capacity", [0.0, 0.7, 50.0])
def test_the_mean_excess_is_the_distance_of_the_mean_from_the_capacity(capacity):
    rates = RANDOM.exponential(size=40)
    shares = excess(tf.constant(rates), capacity)
    assert np.isclose(np.mean(shares), abs(rates.mean() - capacity), rtol=1e-9)
    assert np.allclose(np.abs(shares), np.abs(rates - capacity))  # each example's own, not the mean


def test_log_aggregate_equals_brute_force():
    mean, scale, z = RANDOM.normal(size=(7, 3)), RANDOM.uniform(0.2, 2.0, size=(7, 3)), RANDOM.normal(size=(7, 3))
    joint, marginals = log_aggregate(normals(mean, scale), tf.constant(z), 100)
    for i in range(7):
        densities = np.array([norm(mean[k], scale[k]).pdf(z[i]) for k in range(7)])  # [k, j]
        assert np.isclose(joint[i], np.log(densities.prod(1).sum() / (7 * 100)), rtol=1e-9)
        assert np.isclose(marginals[i], np.log(densities.sum(0) / (7 * 100)).sum(), rtol=1e-9)


def test_log_aggregate_of_one_posterior_is_that_posterior():
    """Where all examples have one posterior, B of them out of N = 1 give its density: no total correlation."""
    mean, scale, z = RANDOM.normal(size=3), RANDOM.uniform(0.2, 2.0, size=3), RANDOM.normal(size=(9, 3))
    q = normals(np.tile(mean, (9, 1)), np.tile(scale, (9, 1)))
    joint, marginals = log_aggregate(q, tf.constant(z), 1)
    assert np.allclose(joint, norm(mean, scale).logpdf(z).sum(1), rtol=1e-9)
    assert np.allclose(marginals, joint, rtol=1e-9)


def test_log_aggregate_is_finite_far_away():
    q = normals(np.zeros((4, 2)), np.full((4, 2), 1e-4))
    assert all(
        np.all(np.isfinite(value)) for value in log_aggregate(q, tf.constant([[50.0, -50.0]] * 4, "float64"), 10)
    )


@pytest.mark.parametrize("size", [10, 100_000])
def test_the_size_of_the_dataset_moves_no_gradient(size):
    mean, z = tf.constant(RANDOM.normal(size=(5, 3)).round(1)), tf.constant(np.linspace(-1, 1, 15).reshape(5, 3))
    gradients = []
    for n in (1, size):
        with tf.GradientTape() as tape:
            tape.watch(mean)
            joint, marginals = log_aggregate(normals(mean, np.ones((5, 3))), z, n)
            total_correlation = tf.reduce_sum(joint - marginals)
        gradients.append(tape.gradient(total_correlation, mean))
    assert np.allclose(*gradients, rtol=1e-9)


def test_kl_to_components_equals_the_sum_over_components():
    shares, means, scales = np.array([0.5, 0.3, 0.2]), RANDOM.normal(size=(3, 2)), RANDOM.uniform(0.5, 2.0, (3, 2))
    mean, scale, z = RANDOM.normal(size=(6, 2)), RANDOM.uniform(0.5, 2.0, size=(6, 2)), RANDOM.normal(size=(6, 2))
    mixture = tfd.MixtureSameFamily(tfd.Categorical(probs=shares), normals(means, scales))
    found = kl_to_components(normals(mean, scale), tf.constant(z), mixture)
    for i in range(6):
        joint = shares * norm(means, scales).pdf(z[i]).prod(1)
        g = joint / joint.sum()
        rates = (np.log(scales / scale[i]) + (scale[i] ** 2 + (mean[i] - means) ** 2) / (2 * scales**2) - 0.5).sum(1)
        assert np.isclose(found[i], (g * (np.log(g / shares) + rates)).sum(), rtol=1e-9)


def brute_force_mmd(a, b, scale):
    def kernel(u, v):
        return scale / (scale + ((u - v) ** 2).sum())

    def within(points):
        return np.mean([kernel(u, v) for i, u in enumerate(points) for j, v in enumerate(points) if i != j])

    return within(a) + within(b) - 2 * np.mean([kernel(u, v) for u in a for v in b])


@pytest.mark.parametrize("sizes", [(6, 6), (5, 9), (2, 2)])
def test_mmd_equals_brute_force(sizes):
    a, b = (RANDOM.normal(size=(n, 3)) for n in sizes)
    found = maximum_mean_discrepancy(tf.constant(a), tf.constant(b), 6.0)
    assert np.isclose(found, brute_force_mmd(a, b, 6.0), rtol=1e-9)


def test_mmd_is_symmetric_and_with_the_diagonal_zero_between_equal_samples():
    """Of equal samples, the estimate is below zero by exactly what the pairs of a point with itself would add."""
    a, b = RANDOM.normal(size=(2, 8, 3))
    one, other = (maximum_mean_discrepancy(tf.constant(u), tf.constant(v), 6.0) for u, v in ((a, b), (b, a)))
    assert np.isclose(one, other, rtol=1e-9)
    same = maximum_mean_discrepancy(tf.constant(a), tf.constant(a), 6.0)
    mean = np.mean(inverse_multiquadratic(tf.constant(a), tf.constant(a), 6.0))
    within = (mean * 64 - 8) / 56
    assert np.isclose(same + 2 * (mean - within), 0.0, atol=1e-12) and same < 0


def test_mmd_has_no_bias():
    """Zero on average between samples of one distribution, and not between others."""
    pairs = RANDOM.normal(size=(1000, 2, 6, 2))
    compiled = tf.function(maximum_mean_discrepancy)
    found = np.array([float(compiled(tf.constant(a), tf.constant(b), 4.0)) for a, b in pairs])
    assert abs(found.mean()) < 4 * found.std() / np.sqrt(len(found))
    assert maximum_mean_discrepancy(tf.constant(pairs[:, 0, 0]), tf.constant(pairs[:, 1, 0] + 1.0), 4.0) > 0.05


def test_mmd_of_a_batch_of_one_is_finite():
    assert np.isclose(maximum_mean_discrepancy(tf.zeros([1, 2]), tf.zeros([1, 2]), 4.0), -2.0)
