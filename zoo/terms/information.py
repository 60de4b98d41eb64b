"""Lower bounds on how much data tell of the codes that they were made from."""

import math

import tensorflow as tf

from ..numerics import softplus


def of_choice(logits, choice):
    """log K + log q(c|x) of one of K equally likely choices, [B], in nats; its mean is at most I(c; x).

    Source: Barber & Agakov 2003, as in Chen et al. 2016, Eq. 5.

    Args:
        logits: of q(c|x), [B, K].
        choice: c, one-hot, [B, K].
    """
    return math.log(logits.shape[-1]) + tf.reduce_sum(choice * tf.nn.log_softmax(logits), -1)


def of_position(means, raw, position):
    """sum_i log 2 + log q(c_i|x) of positions uniform in (-1, 1), [B], in nats; its mean is at most I(c; x).

    Args:
        means, raw: of q(c_i|x) = N(m_i, s_i^2), [B, C]; raw is s_i before a softplus.
        position: c, [B, C].
    """
    scale = softplus(raw) + 1e-2
    log_q = -0.5 * ((position - means) / scale) ** 2 - tf.math.log(scale) - 0.5 * math.log(2.0 * math.pi)
    return tf.reduce_sum(math.log(2.0) + log_q, -1)
