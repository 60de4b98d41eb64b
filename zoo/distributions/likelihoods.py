"""Likelihoods p(x|z): from the decoder's output to a distribution over data.

All are independent over values given the code, and sum their log-probability over them: a distortion is in nats
for one whole example. `bernoulli` is what is called the cross-entropy loss, `gaussian` the mean-squared-error loss
(half the sum of squares, plus a constant).
"""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from ..numerics import softplus

tfd = tfp.distributions


class Likelihood(keras.layers.Layer):
    """Makes p(x|z) from decoder outputs [..., *shape]; never called as a layer."""

    unit_range = False  # whether the data must lie in [0, 1]

    def __init__(self, rank, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.rank = rank
        self.built = True

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
        near, square, h = self._halves()
        size = tf.abs(h)
        series = square * (1 / 6 - square * (1 / 180 - square * (1 / 2835 - square / 37800)))
        log_sinhc = size + tf.math.log(1.0 - tf.exp(-2.0 * size)) - tf.math.log(2.0 * size)
        return (x - 0.5) * self.logits - tf.where(near, series, log_sinhc)

    def _mean(self):
        near, square, h = self._halves()
        series = 0.5 * self.logits * (1 / 3 - square * (1 / 45 - square * (2 / 945 - square / 4725)))
        return 0.5 + 0.5 * tf.where(near, series, 1.0 / tf.tanh(h) - 1.0 / h)

    def _halves(self):
        """(whether h is near 0, h^2 where it is, h where it is not): finite gradients on both sides."""
        h = 0.5 * self.logits
        near = tf.abs(h) < 0.5
        return near, tf.where(near, h, 0.0) ** 2, tf.where(near, 1.0, h)


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


LIKELIHOODS = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "laplace": Laplace,
    "sigma": Sigma,
    "continuous_bernoulli": ContinuousBernoulli,
    "categorical": Categorical,
}
