"""The codes that samplers are fitted to."""

import keras
import numpy as np
import tensorflow as tf

from .. import numerics
from ..quantized import Quantized

PIECE = 512  # examples at once


def codes_of(model, x, seed=0):
    """A sample of q(z|x) of each example of x [N, *input_shape], [N, D]; or indices [N, ...] where codes are indices.

    Each example has noise of its own, a function of (seed, example): together they are samples of the aggregate
    posterior.
    """
    if isinstance(model, Quantized):
        return model.run("encode", x=x)["indices"]

    @tf.function(reduce_retracing=True)
    def drawn(part, first):
        numbers = first + tf.range(tf.shape(part)[0])
        noise = {
            name: numerics.DRAW[name]([tf.shape(part)[0], *shape], numerics.key(f"sampler {name}", seed), numbers)
            for name, shape in model.code_inputs.items()
        }
        return model.posteriors.transform(model.posterior(part), **noise)

    starts = range(0, len(x), PIECE)
    return np.concatenate([drawn(tf.constant(x[i : i + PIECE], tf.float32), tf.constant(i)).numpy() for i in starts])


class Scale(keras.layers.Layer):
    """Mean and standard deviation of codes [N, D], so that what is learned is of size one."""

    def __init__(self, dim, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.mean = self.add_weight(name="mean", shape=(dim,), initializer="zeros", trainable=False, autocast=False)
        self.sd = self.add_weight(name="sd", shape=(dim,), initializer="ones", trainable=False, autocast=False)
        self.built = True

    def fit(self, codes):
        self.mean.assign(codes.mean(0))
        self.sd.assign(codes.std(0) + 1e-6)  # a code that is not used stays where it is

    def apart(self, z):
        """Standardised codes."""
        return (z - self.mean) / self.sd

    def back(self, z):
        return self.mean + self.sd * z

    def log_determinant(self):
        """log |det| of `apart`, a scalar."""
        return -tf.reduce_sum(tf.math.log(tf.convert_to_tensor(self.sd)))
