"""Posteriors q(z|x), likelihoods p(x|z) and priors p(z), built on TensorFlow Probability.

Distributions are made anew in every call from tensors: Keras does not track the weights inside a
`tfp.distributions.Distribution`, so weights live in layers here and the distribution is what a method returns.
"""

from .flows import FlowPrior, InverseAutoregressive, Planar
from .hyperbolic import WrappedNormal, WrappedStandardNormal
from .likelihoods import LIKELIHOODS, require_unit_range
from .posteriors import Deterministic, Normal
from .priors import Mixture, StandardNormal
from .spherical import UniformSphere, VonMisesFisher

POSTERIORS = {
    "normal": Normal,
    "deterministic": Deterministic,
    "planar": Planar,
    "iaf": InverseAutoregressive,
    "von_mises_fisher": VonMisesFisher,
    "wrapped_normal": WrappedNormal,
}
PRIORS = {
    "normal": StandardNormal,
    "mixture": Mixture,
    "flow": FlowPrior,
    "uniform_sphere": UniformSphere,
    "wrapped_normal": WrappedStandardNormal,
}

__all__ = ["LIKELIHOODS", "POSTERIORS", "PRIORS", "require_unit_range"]
