"""Likelihoods of examples with missing values."""

import tensorflow as tf

from ..numerics import is_nan


class Observed:
    """p(x_o|z), of the values of x that are there; what is NaN is left out, which is to integrate over it.

    Args:
        p: an Independent of the values of an example.
        axes: how many axes an example has.
    """

    def __init__(self, p, axes):
        self.p, self.axes = p, axes

    def log_prob(self, x):
        """log p(x_o|z), [..., B], of data [B, *input_shape] with NaN where a value is missing."""
        missing = is_nan(x)
        known = self.p.distribution.log_prob(tf.where(missing, 0.0, x))
        events = len(known.shape) - len(self.p.batch_shape)
        if events < self.axes:  # one-hot values: all of them or none
            missing = tf.reduce_any(missing, -1)
        return tf.reduce_sum(tf.where(missing, 0.0, known), list(range(-events, 0)))

    def mean(self):
        """The mean of whole examples, [..., B, *input_shape]."""
        return self.p.mean()
