"""Codebooks: vectors that codes are replaced by, learned by gradient or by moving averages."""

import keras
import tensorflow as tf

SMOOTHING = 1e-5  # added to the use of each vector, so that none is divided by zero (van den Oord et al. 2017, A.1)


class Codebook(keras.layers.Layer):
    """K vectors of length D.

    Args:
        size: K.
        dim: D.
        decay: of the moving averages that the vectors follow, in place of a gradient; 0: they are trained.
    """

    def __init__(self, size, dim, decay=0.0, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.size, self.decay = size, decay
        start = keras.initializers.RandomUniform(-1.0 / size, 1.0 / size)
        self.vectors = self.weight("vectors", (size, dim), start, trainable=not decay)
        if decay:
            self.counts = self.weight("counts", (size,), "ones")
            self.sums = self.weight("sums", (size, dim), "zeros")
            self.sums.assign(self.vectors)
        self.built = True

    def weight(self, name, shape, initializer, trainable=False):
        return self.add_weight(name=name, shape=shape, initializer=initializer, trainable=trainable, autocast=False)

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

    def follow(self, z, indices, restart=0.0, uniform=None):
        """Moves every vector to the average of the codes that it stands for.

        N_k <- decay N_k + (1 - decay) n_k,   m_k <- decay m_k + (1 - decay) sum of its z,   e_k = m_k / N_k
        (van den Oord et al. 2017, A.1, with Laplace smoothing of N). A vector whose N_k falls below `restart` becomes
        one of the codes (Dhariwal et al. 2020, Sec. 3.1).

        Args:
            z: codes, [..., D].
            indices: the vectors that stand for them, int32 [...].
            restart: codes in a batch, on average, that a vector must stand for.
            uniform: numbers in (0, 1] that choose the codes to restart from, [K].
        """
        flat = tf.stop_gradient(tf.reshape(z, [-1, z.shape[-1]]))
        chosen = tf.one_hot(tf.reshape(indices, [-1]), self.size)
        counts = self.decay * self.counts + (1.0 - self.decay) * tf.reduce_sum(chosen, 0)
        sums = self.decay * self.sums + (1.0 - self.decay) * tf.matmul(chosen, flat, transpose_a=True)
        if restart:
            size = tf.cast(tf.shape(flat)[0], tf.float32)
            others = tf.gather(flat, tf.cast(tf.math.ceil(uniform * size), tf.int32) - 1)
            dead = counts < restart
            counts = tf.where(dead, restart, counts)
            sums = tf.where(dead[:, None], others * restart, sums)
        self.counts.assign(counts)
        self.sums.assign(sums)
        total = tf.reduce_sum(counts)
        smooth = (counts + SMOOTHING) / (total + self.size * SMOOTHING) * total
        self.vectors.assign(sums / smooth[:, None])
