"""Codes of which most numbers are zero."""

import tensorflow as tf


def keep_largest(z, k):
    """The k largest numbers of each code, [B, D], in their places, and zeros elsewhere (Makhzani & Frey 2013).

    The gradient reaches the numbers that are kept. Of equal ones the first are kept, so that there are never more.

    Args:
        z: [B, D].
        k: from 1 to D.
    """
    kept = tf.math.top_k(z, k).indices
    return z * tf.reduce_sum(tf.one_hot(kept, z.shape[-1], dtype=z.dtype), 1)
