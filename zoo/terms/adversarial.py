"""Losses of two players, from the critic's logits."""

from ..numerics import softplus


def real_or_fake(real, fake):
    """The critic's cross-entropy: -log D(real) - log(1 - D(fake)), with D = sigmoid(logit).

    Its optimum is the log density ratio log p_real - log p_fake (Goodfellow et al. 2014, Proposition 1).

    Args:
        real, fake: logits, [B].

    Returns:
        Loss of every pair, [B], in nats.
    """
    return softplus(-real) + softplus(fake)


def non_saturating(fake):
    """The generator's loss -log D(fake), [B]; its gradient lasts while D wins (Goodfellow et al. 2014, Sec. 3)."""
    return softplus(-fake)


def least_squares(logits, target):
    """Half the squared distance of a critic's output from what it, or its opponent, wants it to be (Mao et al. 2017).

    Args:
        logits: the critic's outputs, [B].
        target: 1 for real, 0 for fake.

    Returns:
        Loss of every example, [B].
    """
    return 0.5 * (logits - target) ** 2
