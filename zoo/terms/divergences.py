"""Bounds and divergences between distributions, from samples."""

import tensorflow as tf


def log_mean_exp(values, axis):
    """log of the mean of exp(values) along an axis, without overflow."""
    count = tf.cast(tf.shape(values)[axis], values.dtype)
    return tf.reduce_logsumexp(values, axis) - tf.math.log(count)


def permute_dimensions(z, order):
    """Samples of prod_j q(z_j) from samples of q(z): every column is permuted by itself.

    Source: Kim & Mnih 2018, Algorithm 1.

    Args:
        z: codes, [B, D].
        order: independent random numbers, [B, D]; the ranks of a column are its permutation.

    Returns:
        Codes, [B, D], whose columns hold the same values as those of z.
    """
    columns, ranks = tf.transpose(z), tf.argsort(tf.transpose(order), axis=1)
    return tf.transpose(tf.gather(columns, ranks, batch_dims=1))
