"""Codebooks: learned vectors that codes are replaced by."""

import keras
import tensorflow as tf


class Codebook(keras.layers.Layer):
    """K vectors of length D.

    Args:
        size: K.
        dim: D.
    """

    def __init__(self, size, dim, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.size = size
        start = keras.initializers.RandomUniform(-1.0 / size, 1.0 / size)
        self.vectors = self.add_weight(name="vectors", shape=(size, dim), initializer=start, autocast=False)
        self.built = True

    def nearest(self, z):
        """int32 indices [...] of the vectors nearest to z [..., D]."""
        vectors = tf.convert_to_tensor(self.vectors)
        flat = tf.reshape(z, [-1, vectors.shape[-1]])
        distances = tf.reduce_sum(vectors**2, 1) - 2.0 * tf.matmul(
            flat, vectors, transpose_b=True
        )  # less |z|^2, which all share
        return tf.reshape(tf.argmin(distances, 1, output_type=tf.int32), tf.shape(z)[:-1])

    def lookup(self, indices):
        """Vectors [..., D] of indices [...]."""
        return tf.gather(tf.convert_to_tensor(self.vectors), indices)
