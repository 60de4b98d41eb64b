"""Likelihoods where ours are written otherwise than TFP's."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from zoo.distributions.likelihoods import ContinuousBernoulli

LOGITS = np.concatenate([np.linspace(-30, 30, 241), [-200, 200, -1.0001, -0.9999, 1e-4, 1e-8]]).astype("float32")


def continuous_bernoulli(logits):
    return ContinuousBernoulli(0).values(logits)


def test_continuous_bernoulli_equals_tfp_in_double_precision():
    x = np.random.default_rng(0).random(len(LOGITS), "float32")
    exact = tfp.distributions.ContinuousBernoulli(logits=LOGITS.astype("float64")).log_prob(x.astype("float64"))
    np.testing.assert_allclose(continuous_bernoulli(LOGITS).log_prob(x), exact, atol=2e-6, rtol=1e-6)


def test_mean_of_the_continuous_bernoulli_is_that_of_its_density():
    x, weights = np.polynomial.legendre.leggauss(400)
    x, logits = 0.5 * (x + 1), LOGITS[np.abs(LOGITS) < 50].astype("float64")
    density = np.exp(np.outer(logits, x) - np.maximum(logits, 0)[:, None]) * weights
    mean = (density * x).sum(1) / density.sum(1)
    np.testing.assert_allclose(continuous_bernoulli(tf.constant(logits, tf.float32)).mean(), mean, atol=5e-7)


def test_gradient_of_the_continuous_bernoulli_is_data_less_mean():
    logits, x = tf.constant(LOGITS), 0.3
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = continuous_bernoulli(logits).log_prob(x)
    expected = x - continuous_bernoulli(LOGITS).mean()
    np.testing.assert_allclose(tape.gradient(value, logits), expected, atol=1e-6)
