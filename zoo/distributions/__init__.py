"""Posteriors q(z|x), likelihoods p(x|z) and priors p(z), built on TensorFlow Probability.

Distributions are made anew in every call from tensors: Keras does not track the weights inside a
`tfp.distributions.Distribution`, so weights live in layers here and the distribution is what a method returns.
"""

from .likelihoods import LIKELIHOODS, require_unit_range
from .posteriors import POSTERIORS
from .priors import PRIORS

__all__ = ["LIKELIHOODS", "POSTERIORS", "PRIORS", "require_unit_range"]
