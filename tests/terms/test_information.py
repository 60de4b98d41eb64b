"""The bounds against the information of joint distributions that are small enough to enumerate or to integrate."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import norm

from zoo.terms.information import of_choice, of_position

RANDOM = np.random.default_rng(0)
GIVEN = RANDOM.dirichlet(np.ones(5), size=3)  # p(x|c) of 3 equally likely choices and 5 values of x
JOINT = GIVEN / 3
EXACT = JOINT / JOINT.sum(0)  # p(c|x)
INFORMATION = np.sum(JOINT * np.log(JOINT / (JOINT.sum(0) * JOINT.sum(1, keepdims=True))))


def bound(q):
    """The mean over the joint of what q(c|x), [3, 5], gives."""
    pairs = [(c, x) for c in range(3) for x in range(5)]
    logits = np.log(np.stack([q[:, x] for _, x in pairs])).astype("float32")
    return float(
        np.sum([JOINT[pair] for pair in pairs] * of_choice(logits, np.eye(3, dtype="float32")[[c for c, _ in pairs]]))
    )


def test_the_exact_posterior_gives_the_information_of_a_choice():
    assert np.isclose(bound(EXACT), INFORMATION, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_any_other_gives_less(seed):
    other = np.random.default_rng(seed).dirichlet(np.ones(3), size=5).T
    missing = np.sum(JOINT.sum(0) * np.sum(EXACT * np.log(EXACT / other), 0))
    assert missing > 0 and np.isclose(bound(other), INFORMATION - missing, atol=1e-5)


def test_the_bound_for_positions_is_their_differential_entropy_and_log_q():
    means, raw, position = (RANDOM.normal(size=(7, 2)).astype("float32") for _ in range(3))
    scale = np.log1p(np.exp(raw)) + 1e-2
    expected = np.sum(np.log(2) + norm(means, scale).logpdf(position), 1)
    assert np.allclose(of_position(tf.constant(means), tf.constant(raw), position), expected, rtol=1e-5)
