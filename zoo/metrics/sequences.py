"""How well sequences of tokens are told."""

import math

import numpy as np

from .summary import mean


def token_accuracy(tokens, again, counts):
    """The share of tokens that are the same again, the mean over sequences.

    Args:
        tokens, again: numbers, [N, T].
        counts: how many tokens of each sequence are looked at, from the first on, [N].
    """
    looked_at = np.arange(tokens.shape[1]) < np.asarray(counts)[:, None]
    return mean(((tokens == again) & looked_at).sum(1) / counts)


def bits_per_token(nll, counts):
    """Negative log-likelihoods of sequences [N] in nats, as bits for each of their tokens: the sum over the number.

    The standard error is that of a ratio of means (Cochran 1977, Eq. 2.46).
    """
    nats, counts = np.asarray(nll, np.float64) / math.log(2.0), np.asarray(counts, np.float64)
    ratio = nats.sum() / counts.sum()
    error = mean((nats - ratio * counts) / counts.mean())["standard_error"]
    return {"value": float(ratio), "standard_error": error}


def perplexity(nll, counts):
    """exp of the negative log-likelihood of a token: how many tokens as likely as each other leave one as unsure."""
    bits = bits_per_token(nll, counts)
    value, error = 2.0 ** bits["value"], bits["standard_error"]
    return {"value": value, "standard_error": error and value * math.log(2.0) * error}
