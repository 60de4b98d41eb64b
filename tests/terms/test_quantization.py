import numpy as np
import pytest
import tensorflow as tf

from zoo.terms.quantization import perplexity, squared_distance, straight_through

RANDOM = np.random.default_rng(0)


def test_straight_through_has_the_value_of_e_and_the_gradient_of_z():
    z, e, weight = (tf.constant(RANDOM.normal(size=(4, 3))) for _ in range(3))
    with tf.GradientTape() as tape:
        tape.watch([z, e])
        out = straight_through(z, e)
        loss = tf.reduce_sum(weight * out)
    to_z, to_e = tape.gradient(loss, [z, e])
    assert np.allclose(out, e)
    assert np.allclose(to_z, weight)
    assert to_e is None


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 4), (5, 2, 3, 4)])
def test_squared_distance_equals_numpy(shape):
    a, b = RANDOM.normal(size=(2, *shape))
    expected = ((a - b) ** 2).reshape(5, -1).sum(1)
    assert np.allclose(squared_distance(tf.constant(a), tf.constant(b)), expected)


@pytest.mark.parametrize(
    "indices, expected", [([3] * 10, 1.0), (list(range(8)), 8.0), ([0, 0, 1, 1], 2.0), ([0, 0, 0, 1], 1.7547654)]
)
def test_perplexity(indices, expected):
    assert np.isclose(perplexity(tf.constant(indices), 8), expected, rtol=1e-5)


def test_perplexity_lies_between_one_and_the_size():
    for seed in range(5):
        indices = np.random.default_rng(seed).zipf(1.5, size=(6, 4, 4)) % 16
        assert 1.0 <= perplexity(tf.constant(indices), 16) <= 16.0
