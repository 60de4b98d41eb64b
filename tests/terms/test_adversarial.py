import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize
from scipy.special import expit

from zoo.terms.adversarial import least_squares, non_saturating, real_or_fake

LOGITS = np.random.default_rng(0).normal(size=(2, 50)) * 5


def test_real_or_fake_equals_the_cross_entropy():
    real, fake = LOGITS
    expected = -np.log(expit(real)) - np.log1p(-expit(fake))
    assert np.allclose(real_or_fake(tf.constant(real), tf.constant(fake)), expected, rtol=1e-9)


def test_non_saturating_equals_its_closed_form():
    assert np.allclose(non_saturating(tf.constant(LOGITS[0])), -np.log(expit(LOGITS[0])), rtol=1e-9)


@pytest.mark.parametrize("logit", [-1e3, 1e3])
def test_losses_are_finite_far_away(logit):
    assert np.isfinite(real_or_fake(tf.constant(logit), tf.constant(-logit)))
    assert np.isfinite(non_saturating(tf.constant(logit)))


def test_an_undecided_critic_loses_two_log_two():
    assert np.isclose(real_or_fake(tf.constant(0.0), tf.constant(0.0)), 2 * np.log(2))


def test_gradient_of_the_generator_does_not_vanish_while_it_loses():
    fake = tf.constant(-20.0)
    with tf.GradientTape() as tape:
        tape.watch(fake)
        loss = non_saturating(fake)
    assert np.isclose(tape.gradient(loss, fake), -1.0, atol=1e-6)


def test_the_best_critic_is_the_log_density_ratio():
    """For N(m, 1) against N(0, s^2) the ratio is a quadratic of known coefficients: the critic must find them."""
    mean, scale = 0.7, 1.5
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = tf.constant(weights / weights.sum())
    features = [np.stack([np.ones_like(x), x, x**2], 1) for x in (points + mean, scale * points)]

    def loss(w):
        w = tf.constant(w)
        with tf.GradientTape() as tape:
            tape.watch(w)
            real, fake = (tf.linalg.matvec(f, w) for f in features)
            value = tf.reduce_sum(weights * real_or_fake(real, fake))
        return value.numpy(), tape.gradient(value, w).numpy()

    found = minimize(loss, np.zeros(3), jac=True, tol=1e-12).x
    exact = [np.log(scale) - mean**2 / 2, mean, 0.5 / scale**2 - 0.5]
    assert np.allclose(found, exact, atol=1e-4)


def test_the_best_critic_of_least_squares_is_the_share_of_real_data():
    """D = p_real / (p_real + p_fake) for the targets 1 and 0 (Mao et al. 2017), at any mixture of the two."""
    for share in (0.1, 0.5, 0.9):
        critic = tf.constant(np.linspace(0.0, 1.0, 101))
        loss = share * least_squares(critic, 1.0) + (1 - share) * least_squares(critic, 0.0)
        assert np.isclose(critic[np.argmin(loss)], share)


def test_least_squares_equals_its_closed_form():
    assert np.allclose(least_squares(tf.constant(LOGITS[0]), 1.0), (LOGITS[0] - 1) ** 2 / 2, rtol=1e-9)
