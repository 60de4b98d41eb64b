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


def test_moving_averages_equal_numpy():
    book, counts, decay = Codebook(size=5, dim=3, decay=0.9), np.ones(5), 0.9
    book.vectors.assign(RANDOM.normal(size=(5, 3)))
    book.sums.assign(book.vectors)
    sums = book.vectors.numpy().astype("float64")
    for _ in range(4):
        z, indices = RANDOM.normal(size=(6, 2, 3)).astype("float32"), RANDOM.integers(0, 4, size=(6, 2))  # 4 is unused
        book.follow(tf.constant(z), tf.constant(indices, tf.int32))
        for k in range(5):
            counts[k] = decay * counts[k] + (1 - decay) * (indices == k).sum()
            sums[k] = decay * sums[k] + (1 - decay) * z[indices == k].sum(0)
        smooth = (counts + 1e-5) / (counts.sum() + 5e-5) * counts.sum()
        assert np.allclose(book.counts, counts, rtol=1e-5)
        assert np.allclose(book.vectors, sums / smooth[:, None], rtol=1e-4, atol=1e-6)


def test_moving_averages_are_state_and_not_trained():
    assert [w.name for w in Codebook(5, 3).trainable_weights] == ["vectors"]
    book = Codebook(5, 3, decay=0.9)
    assert not book.trainable_weights
    assert [w.name for w in book.weights] == ["vectors", "counts", "sums"]


def test_a_vector_that_nothing_uses_starts_anew_as_a_code():
    book = Codebook(size=3, dim=2, decay=0.5)
    z = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])
    book.follow(z, tf.zeros(4, tf.int32), restart=1.0, uniform=tf.constant([0.1, 0.3, 1.0]))
    assert np.allclose(book.vectors.numpy()[1:], [[3.0, 4.0], [7.0, 8.0]], rtol=1e-3)
    assert np.allclose(book.counts, [2.5, 1.0, 1.0])  # in use by four: 0.5 + 0.5 * 4
    assert np.allclose(book.sums.numpy()[0], 0.5 * z.numpy().sum(0), atol=0.5)
