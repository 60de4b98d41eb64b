"""Samplers: distributions that are fitted to the codes of a trained model, for its samples to begin with.

A sampler is a prior that is learned late. It turns random numbers, `inputs` {name: shape for one example}, into codes
by `transform`, with builtin operations only; `model.use(sampler)` puts it into the model's verb `sample`.
"""

import functools
import inspect
from pathlib import Path

from .. import catalog
from ..base import Autoencoder
from ..checks import complaint_about
from ..errors import InputError, nearest
from ..quantized import Quantized
from .aggregate import Aggregate
from .autoregressive import Autoregressive
from .flow import Flow
from .mixture import Mixture
from .two_stage import TwoStage

SAMPLERS = {
    "mixture": Mixture,
    "flow": Flow,
    "two_stage": TwoStage,
    "aggregate": Aggregate,
    "autoregressive": Autoregressive,
}
PRIOR = "normal"  # stands for the model's own prior
CHOICES = (PRIOR, *SAMPLERS)

__all__ = [
    "CHOICES",
    "PRIOR",
    "SAMPLERS",
    "Aggregate",
    "Autoregressive",
    "Flow",
    "Mixture",
    "TwoStage",
    "copy",
    "create",
]


def create(name, model, **words):
    """A sampler for the codes of a model, not fitted yet.

    Args:
        name: one of SAMPLERS.
        words: of its constructor.

    Raises:
        InputError: no such sampler or word, or the model's codes are not what it takes.
    """
    if name not in SAMPLERS:
        raise InputError(f"unknown sampler {name!r}{nearest(name, CHOICES)} there are: {', '.join(CHOICES)}", "sampler")
    _require_codes(name, model)
    known = words_of(name)
    for word, value in words.items():
        if word not in known:
            takes = ", ".join(known)
            raise InputError(f"{name} has no {word!r}{nearest(word, known)} it takes: {takes}", word)
        if wrong := complaint_about(known[word].annotation, value):
            raise InputError(f"{word}: {wrong[1]}", word)
    sampler = SAMPLERS[name](model=model, **words)
    vars(sampler)["recipe"] = name, words
    return sampler


def copy(sampler, model):
    """The same sampler for another model with equal weights: it draws codes with that model's parts."""
    name, words = sampler.recipe
    again = create(name, model, **words)
    again.set_weights(sampler.get_weights())
    return again


@functools.cache
def words_of(name):
    """{word: catalog.Word} that a sampler's constructor takes."""
    cls = SAMPLERS[name]
    file = Path(inspect.getfile(cls))
    found = catalog.words_of([(file, node) for node in catalog.classes(file) if node.name == cls.__name__])
    return {word: said for word, said in found.items() if word != "model"}


def _require_codes(name, model):
    """Raises unless the model has codes of the kind that the sampler is a distribution over."""
    kind = type(model).__name__
    if not isinstance(model, Autoencoder):
        raise InputError(f"{kind} has no encoder, so no codes that a sampler could be fitted to", "sampler")
    if type(model).sample_tensors is not Autoencoder.sample_tensors or "sample" not in model.signatures():
        raise InputError(f"{kind} draws samples in a way of its own, which no sampler can take the place of", "sampler")
    discrete = isinstance(model, Quantized)
    if name == "autoregressive" and not discrete:
        raise InputError(f"autoregressive: is for codes that are indices; those of {kind} are vectors", "sampler")
    if name in ("mixture", "flow", "two_stage"):
        if discrete:
            raise InputError(
                f"{name}: is for codes that are vectors; those of {kind} are indices: there is autoregressive",
                "sampler",
            )
        if model.prior.space != "all of space" or len(model.code_shape) != 1:
            raise InputError(
                f"{name}: is a distribution over all of space; the codes of {kind}, of shape {model.code_shape}, are "
                f"of {model.prior.space}; aggregate keeps to it",
                "sampler",
            )
