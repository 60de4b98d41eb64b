"""A distribution that is known by its samples."""

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class Drawn(tfd.Distribution):
    """A distribution over vectors that remembers the log-density of the samples that it made.

    Some samples are made by a map that cannot be undone in closed form, or only with a loss of digits. The density
    of such a sample is known when it is made, and only then.

    Args:
        like: a tensor [B, ..., D] of the shape of one sample.
    """

    def __init__(self, like):
        super().__init__(tf.float32, tfd.FULLY_REPARAMETERIZED, validate_args=False, allow_nan_stats=True)
        vars(self)["like"] = like
        vars(self)["known"] = []  # tf.Module would wrap a list, and a tensor must stay the same object in it

    def keep(self, z, log_prob):
        """Remembers log q(z), [...], of a sample z, [..., D], and returns the sample."""
        self.known.append((z, log_prob))
        return z

    def density(self, z):
        """log q of any point, where there is a way to it."""
        raise NotImplementedError(f"{type(self).__name__} knows the density of its own samples only")

    def _log_prob(self, z):
        kept = [log_prob for sample, log_prob in self.known if sample is z]
        return kept[0] if kept else self.density(z)

    def _batch_shape_tensor(self):
        return tf.shape(self.like)[:-1]

    def _batch_shape(self):
        return self.like.shape[:-1]

    def _event_shape_tensor(self):
        return tf.shape(self.like)[-1:]

    def _event_shape(self):
        return self.like.shape[-1:]
