import numpy as np
import pytest
import tensorflow as tf

from zoo.terms.sparsity import keep_largest

Z = np.random.default_rng(0).normal(size=(20, 7)).astype("float32")


@pytest.mark.parametrize("k", [1, 3, 7])
def test_the_k_largest_stay_in_their_places(k):
    found = keep_largest(Z, k).numpy()
    for row, kept in zip(Z, found, strict=True):
        largest = np.sort(row)[-k:]
        assert np.array_equal(kept, np.where(np.isin(row, largest), row, 0.0))


def test_of_equal_numbers_no_more_than_k_stay():
    assert np.count_nonzero(keep_largest(tf.ones([2, 5]), 3), axis=1).tolist() == [3, 3]


def test_the_gradient_reaches_what_is_kept():
    z = tf.constant([[1.0, -2.0, 3.0, 0.5]])
    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = tf.reduce_sum(keep_largest(z, 2) ** 2)
    assert np.allclose(tape.gradient(loss, z), [[2.0, 0.0, 6.0, 0.0]])
