"""Moments of the codes of a batch."""

import tensorflow as tf


def covariance(z):
    """Covariance over the batch, [B, D] -> [D, D], divided by B."""
    centered = z - tf.reduce_mean(z, 0)
    return tf.matmul(centered, centered, transpose_a=True) / tf.cast(tf.shape(z)[0], z.dtype)


def distance_from_identity(matrix):
    """What parts a covariance from the identity: (sum_{i != j} C_ij^2, sum_i (C_ii - 1)^2), as Kumar et al. (2018)."""
    variances = tf.linalg.diag_part(matrix)
    return tf.reduce_sum(matrix**2) - tf.reduce_sum(variances**2), tf.reduce_sum((variances - 1.0) ** 2)
