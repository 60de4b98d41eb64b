"""Posteriors q(z|x): from the encoder's output to a distribution over codes."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow_probability as tfp

from ..numerics import softplus

tfd = tfp.distributions


class Posterior(NamedTuple):
    """A family of posteriors.

    Attributes:
        parameters: numbers that the encoder gives for each dimension of the code.
        distribution: encoder output [B, n D] -> q with batch [B] and event [D].
        transform: (q, noise) -> z: a sample of q from standard normal noise [..., B, D], differentiable in q.
    """

    parameters: int
    distribution: Callable
    transform: Callable


def normal(outputs):
    """[..., 2 D] -> N(mean, diag(scale^2)); an output of 0 is the standard normal."""
    size = outputs.shape[-1] // 2
    mean, scale = outputs[..., :size], softplus(outputs[..., size:] + 0.5413) + 1e-4
    return tfd.Independent(tfd.Normal(mean, scale), 1)


def deterministic(outputs):
    """[B, ...] -> a point mass over all axes but the first."""
    return tfd.Independent(tfd.Deterministic(outputs), len(outputs.shape) - 1)


POSTERIORS = {
    "normal": Posterior(2, normal, lambda q, noise: q.mean() + q.stddev() * noise),
    "deterministic": Posterior(1, deterministic, lambda q, noise: q.mean()),
}
