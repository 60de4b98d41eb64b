import numpy as np
import pytest
import tensorflow as tf

from zoo.networks.codebook import Codebook

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("leading", [(7,), (7, 5), (2, 3, 4)])
def test_nearest_equals_brute_force(leading):
    book = Codebook(size=11, dim=3)
    book.vectors.assign(RANDOM.normal(size=(11, 3)))
    z = RANDOM.normal(size=(*leading, 3)).astype("float32")
    distances = ((z[..., None, :] - book.vectors.numpy()) ** 2).sum(-1)
    assert np.array_equal(book.nearest(tf.constant(z)), distances.argmin(-1))


def test_every_vector_is_nearest_to_itself():
    book = Codebook(size=16, dim=4)
    book.vectors.assign(RANDOM.normal(size=(16, 4)))
    assert np.array_equal(book.nearest(tf.convert_to_tensor(book.vectors)), np.arange(16))
    assert np.array_equal(book.lookup(tf.constant([[3, 5]]))[0], book.vectors.numpy()[[3, 5]])
