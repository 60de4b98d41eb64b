"""Moments of the codes of a batch."""

import numpy as np
import tensorflow as tf


def covariance(z):
    """Covariance over the batch, [B, D] -> [D, D], divided by B."""
    centered = z - tf.reduce_mean(z, 0)
    return tf.matmul(centered, centered, transpose_a=True) / tf.cast(tf.shape(z)[0], z.dtype)


def diagonal(variances):
    """The matrix with the given diagonal, [D] -> [D, D], in operations that every runtime has."""
    return variances * np.eye(variances.shape[-1], dtype="float32")


def distance_from_identity(matrix):
    """What parts a covariance from the identity: (sum_{i != j} C_ij^2, sum_i (C_ii - 1)^2), as Kumar et al. (2018)."""
    identity = np.eye(matrix.shape[-1], dtype="float32")
    variances = tf.reduce_sum(matrix * identity, 0)
    return tf.reduce_sum((matrix * (1.0 - identity)) ** 2), tf.reduce_sum((variances - 1.0) ** 2)
