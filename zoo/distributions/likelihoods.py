"""Likelihoods p(x|z): from the decoder's output to a distribution over data.

All are independent over values given the code, and sum their log-probability over them: a distortion is in nats
for one whole example. `bernoulli` is what is called the cross-entropy loss, `gaussian` the mean-squared-error loss
(half the sum of squares, plus a constant).
"""

import math

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from ..errors import InputError
from ..numerics import log_sinhc, softplus

tfd = tfp.distributions
MOMENTUM = 0.9  # of a standard deviation that follows the batches, as of the means of normalization layers


def require_unit_range(x, what, key="likelihood"):
    """Raises InputError where data are not in [0, 1]. NaN is not looked at."""
    if np.any((x < 0) | (x > 1)):
        raise InputError(f"{what} takes values in [0, 1]; the data run from {np.nanmin(x):g} to {np.nanmax(x):g}", key)


class Likelihood(keras.layers.Layer):
    """Makes p(x|z) from decoder outputs [..., *shape]; never called as a layer."""

    unit_range = False  # whether the data must lie in [0, 1]
    remark = None  # what to know of data in [0, 1] that are not all 0 or 1

    def __init__(self, rank, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.rank = rank
        self.built = True

    def check(self, x):
        """What to know of these data [N, *shape] under this likelihood, or None.

        Raises:
            InputError: it cannot give such values.
        """
        if self.unit_range:
            require_unit_range(x, f"the {type(self).__name__} likelihood")
        return self.remark if self.remark and np.any((x > 0) & (x < 1)) else None

    def values(self, outputs):
        """The distribution of single values, with the decoder's output as its parameter."""
        raise NotImplementedError(f"{type(self).__name__} does not say how its values are distributed")

    def distribution(self, outputs):
        """p(x|z) with event shape [*shape] and the leading axes as batch."""
        values = self.values(tf.cast(outputs, tf.float32))
        return tfd.Independent(values, self.rank - len(values.event_shape))


class _Bernoulli(tfd.Bernoulli):
    """Bernoulli whose log-probability survives quantization and accepts any x in [0, 1]."""

    def _log_prob(self, x):
        logits = self.logits
        return x * logits - softplus(logits)


class Bernoulli(Likelihood):
    """Values in {0, 1}, or probabilities in [0, 1], from logits."""

    unit_range = True
    remark = (
        "the Bernoulli likelihood takes values between 0 and 1 as probabilities: the loss is a cross-entropy, which "
        "does not reach 0 and is no likelihood; draw them as 0 and 1 (data.binarize) for nats to publish"
    )

    def values(self, outputs):
        return _Bernoulli(logits=outputs, dtype=tf.float32)


class Gaussian(Likelihood):
    """Real values with unit variance around the output."""

    def values(self, outputs):
        return tfd.Normal(outputs, 1.0)


class Laplace(Likelihood):
    """Real values with unit scale around the output: the absolute error."""

    def values(self, outputs):
        return tfd.Laplace(outputs, 1.0)


class Sigma(Likelihood):
    """Real values around the output, with one learned standard deviation (Rybkin et al. 2021, sigma-VAE)."""

    def __init__(self, rank, **kwargs):
        super().__init__(rank, **kwargs)
        self.log_sigma = self.add_weight(name="log_sigma", shape=(), initializer="zeros", autocast=False)

    def values(self, outputs):
        return tfd.Normal(outputs, tf.exp(tf.convert_to_tensor(self.log_sigma)))

    def hold(self, sigma):
        """Keeps the standard deviation where it is put: it is not learned any more."""
        self.log_sigma.assign(math.log(sigma))
        self.trainable = False

    def follow(self, x, mean):
        """p(x|z) with the standard deviation that is best for this batch; the kept one follows it.

        Source: Rybkin et al. 2021, the optimal sigma-VAE, whose floor of -6 the logarithm has here too.

        Args:
            x, mean: data and the decoder's means, [B, *shape].
        """
        sigma = tf.sqrt(tf.maximum(tf.reduce_mean((x - mean) ** 2), math.exp(-12.0)))
        self.log_sigma.assign(MOMENTUM * self.log_sigma + (1.0 - MOMENTUM) * tf.math.log(sigma))
        return tfd.Independent(tfd.Normal(mean, sigma), self.rank)


class ContinuousBernoulli(Likelihood):
    """Values in [0, 1] from logits (Loaiza-Ganem & Cunningham 2019)."""

    unit_range = True

    def values(self, outputs):
        return _ContinuousBernoulli(logits=outputs)


class _ContinuousBernoulli(tfd.ContinuousBernoulli):
    """Continuous Bernoulli in the form log p(x) = (x - 1/2) eta - log(sinh(h) / h), with logits eta = 2 h.

    TFP's form subtracts large numbers near eta = 0 and overflows in TFLite at eta = 89. Series serve where |h| < 1/2.
    """

    def _log_prob(self, x):
        return (x - 0.5) * self.logits - log_sinhc(0.5 * self.logits)

    def _mean(self):
        h = 0.5 * self.logits
        near = tf.abs(h) < 0.5
        square, h = tf.where(near, h, 0.0) ** 2, tf.where(near, 1.0, h)  # finite gradients on both sides
        series = 0.5 * self.logits * (1 / 3 - square * (1 / 45 - square * (2 / 945 - square / 4725)))
        return 0.5 + 0.5 * tf.where(near, series, 1.0 / tf.tanh(h) - 1.0 / h)


class LogCosh(Likelihood):
    """Real values around the output, by 1/a log cosh(a t) of the error t: squares when small, absolute when large.

    Source: Chen et al. 2019, "Log hyperbolic cosine loss improves variational auto-encoder"; here with the constant
    that makes it a density.

    Args:
        sharpness: a.
    """

    def __init__(self, rank, sharpness=10.0, **kwargs):
        super().__init__(rank, **kwargs)
        self.sharpness = sharpness

    def values(self, outputs):
        return _LogCosh(outputs, self.sharpness)


class _LogCosh(tfd.Distribution):
    """Density a G((1 + 1/a)/2) / (sqrt(pi) G(1/(2a))) cosh(a (x - m))^(-1/a), with the Gamma function G."""

    def __init__(self, loc, sharpness):
        words = {"loc": loc, "sharpness": sharpness}
        super().__init__(loc.dtype, tfd.NOT_REPARAMETERIZED, False, True, parameters=words)
        self.loc, self.sharpness = loc, sharpness
        power = 1.0 / sharpness
        self.log_constant = (
            math.log(sharpness) - 0.5 * math.log(math.pi) + math.lgamma(0.5 + power / 2) - math.lgamma(power / 2)
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        return {"loc": properties(), "sharpness": properties()}

    def _event_shape(self):
        return tf.TensorShape([])

    def _log_prob(self, x):
        scaled = self.sharpness * (x - self.loc)
        return self.log_constant - (softplus(2.0 * scaled) - scaled - math.log(2.0)) / self.sharpness

    def _mean(self):
        return self.loc


class Categorical(Likelihood):
    """One-hot vectors along the last axis, from logits: tokens of text and music."""

    unit_range = True

    def values(self, outputs):
        return _OneHot(logits=outputs, dtype=tf.float32)


class _OneHot(tfd.OneHotCategorical):
    """One-hot categorical whose mean is exported as a softmax and whose log-probability accepts soft labels."""

    def _log_prob(self, x):
        return tf.reduce_sum(x * tf.nn.log_softmax(self.logits), -1)

    def _mean(self):
        return tf.nn.softmax(self.logits)


class Columns(Likelihood):
    """Rows of a table: numbers with unit variance around the output, categories one-hot from logits.

    Args:
        columns: how many values each column takes: 1 a number, more a category; None where all are numbers.
    """

    def __init__(self, rank, columns=None, **kwargs):
        super().__init__(rank, **kwargs)
        self.columns = columns

    def values(self, outputs):
        return _Columns(outputs, tuple(self.columns or [1] * outputs.shape[-1]))


class _Columns(tfd.Distribution):
    """Single values, so that any of them can be left out: N(x; m, 1), or the share x log p of a category's words."""

    def __init__(self, outputs, columns):
        super().__init__(
            outputs.dtype, tfd.NOT_REPARAMETERIZED, False, True, parameters={"outputs": outputs, "columns": columns}
        )
        self.outputs, self.columns = outputs, columns
        self.is_number = np.concatenate([np.full(width, width == 1) for width in columns])

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"outputs": tfp.util.ParameterProperties()}

    def _event_shape(self):
        return tf.TensorShape([])

    def _each(self, of_category):
        """The outputs with a function applied to the values of each category."""
        parts = tf.split(self.outputs, self.columns, axis=-1)
        return tf.concat([of_category(p) if n > 1 else p for p, n in zip(parts, self.columns, strict=True)], -1)

    def _log_prob(self, x):
        found = self._each(tf.nn.log_softmax)
        numbers = -0.5 * (x - found) ** 2 - 0.5 * math.log(2.0 * math.pi)
        return tf.where(self.is_number, numbers, x * found)

    def _mean(self):
        return self._each(tf.nn.softmax)


LIKELIHOODS = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "laplace": Laplace,
    "sigma": Sigma,
    "log_cosh": LogCosh,
    "continuous_bernoulli": ContinuousBernoulli,
    "categorical": Categorical,
    "columns": Columns,
}
