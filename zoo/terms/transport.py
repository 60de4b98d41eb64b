"""Optimal transport between samples."""

import tensorflow as tf


def sliced_wasserstein(a, b, directions):
    """Squared sliced 2-Wasserstein distance of two samples of equal size: on a line, sorted points are matched.

    Source: Kolouri et al. 2019, Eq. 11 and Algorithm 1.

    Args:
        a, b: samples, [N, D].
        directions: [L, D], of any length above 0; standard normal ones point everywhere alike.

    Returns:
        A scalar: the mean over directions and points of the squared distances on the line.
    """
    units = tf.math.l2_normalize(directions, -1)
    ours, theirs = (tf.sort(tf.matmul(units, points, transpose_b=True), -1) for points in (a, b))  # [L, N]
    return tf.reduce_mean((ours - theirs) ** 2)
