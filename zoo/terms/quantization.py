"""Vector quantization: the gradient that passes it and what is measured of it."""

import tensorflow as tf


def straight_through(z, e):
    """The value of e with the gradient of z (van den Oord et al. 2017, Sec. 3.2)."""
    return z + tf.stop_gradient(e - z)


def squared_distance(a, b):
    """Sum of squares over all but the first axis: [B, ...] -> [B]."""
    return tf.reduce_sum((a - b) ** 2, tf.range(1, tf.rank(a)))


def perplexity(indices, size):
    """exp of the entropy of the codes in use: 1 when one code serves all, `size` when all serve alike."""
    share = tf.reduce_mean(tf.one_hot(tf.reshape(indices, [-1]), size), 0)
    return tf.exp(-tf.reduce_sum(share * tf.math.log(share + 1e-10)))
