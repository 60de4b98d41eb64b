"""Evaluation: every number that a model can give on a split of data, and the reasons for those it cannot."""

import time

import numpy as np
import tensorflow as tf

from . import metrics, numerics
from .base import CHUNK, bits_per_dim, chunk
from .data import Bundle
from .errors import InputError

PROBE_EXAMPLES = 10_000  # that the linear probe and the classifier of samples are fitted to
SAMPLES = 500  # whose classes are counted
ROOM = 256 << 20  # bytes of model values that are held for them
TOKENS = ("token_accuracy", "bits_per_token", "perplexity")
METRICS = (
    "mse",
    "psnr",
    "token_accuracy",
    "elbo",
    "distortion",
    "rate",
    "nll",
    "bits_per_dim",
    "bits_per_token",
    "perplexity",
    "effective_samples",
    "active_units",
    "linear_probe",
    "modes",
)


def evaluate(model, bundle, *, split="test", samples=500, limit=None, binarize="none", seed=0, progress=None):
    """Measures a model on a split of a data set.

    Args:
        model: any model of the zoo.
        bundle: of `zoo.data.load`.
        split: "train", "validation" or "test".
        samples: of the code, for the negative log-likelihood of each example.
        limit: the first so many examples of the split only.
        binarize: "none"; "stochastic" draws each value as 0 or 1, the same for the same seed; "threshold" cuts at 0.5.
        seed: start of all random numbers.
        progress: called with (examples done, examples in all) during the longest part.

    Returns:
        What JSON can say: {"metrics": {name: {"value", "standard_error"}}, "skipped": {name: reason}, "per_dimension":
        {name: [D]}, "notes": [...], "n", "seconds", "settings"}. Likelihoods are in nats; `bits_per_dim` is the nll
        in bits for each value; of texts the tokens up to the end are counted, with the end.

    Raises:
        InputError: there is no such split, or it has no examples.
    """
    began = time.perf_counter()
    if not isinstance(bundle, Bundle):
        raise InputError(f"bundle: is a {type(bundle).__name__}; need what zoo.data.load gives", key="bundle")
    if split not in bundle.splits or not len(bundle.splits[split]):
        there = ", ".join(name for name, part in bundle.splits.items() if len(part))
        raise InputError(f"{bundle.name}: the split {split!r} has no examples; there are: {there}", key="split")
    x = binarized(bundle.preprocessor.apply(bundle.splits[split].x[:limit]), binarize, seed)
    found, skipped, details = {}, {}, {}
    if bundle.kind != "tokens":
        skipped |= _reasons(TOKENS, "they are for texts and tunes")
    for measure in (_reconstruction, _likelihood, _codes, _modes):
        values, reasons, more = measure(model, bundle, x, split, samples, binarize, seed, progress)
        found, skipped, details = found | values, skipped | reasons, details | more
    infinite = {name: "is not finite" for name, entry in found.items() if not np.isfinite(entry["value"])}
    return {
        "metrics": {name: found[name] for name in METRICS if name in found and name not in infinite},
        "skipped": skipped | infinite,
        "per_dimension": details,
        "notes": _notes(model, x),
        "n": len(x),
        "seconds": round(time.perf_counter() - began, 3),
        "settings": {"split": split, "samples": samples, "limit": limit, "binarize": binarize, "seed": seed},
    }


def pieces(bundle, x, binarize="none", seed=0, limit=None):
    """Yields the first raw examples as model values, some at a time, so that those on the disk need no memory."""
    size, count = chunk(bundle.shape), min(len(x), len(x) if limit is None else limit)
    for start in range(0, count, size):
        yield binarized(bundle.preprocessor.apply(x[start : min(start + size, count)]), binarize, seed, start)


def binarized(x, how="none", seed=0, first=0):
    """Model values [N, ...] in [0, 1] as 0 and 1: see `evaluate`. Each example is drawn by itself, by its number."""
    if how == "none":
        return x
    if how == "threshold":
        return (x >= 0.5).astype(np.float32)
    key, drawn = numerics.key("evaluation", seed), np.empty_like(x, np.float32)
    for start in range(0, len(x), CHUNK):
        part = x[start : start + CHUNK]
        drawn[start : start + CHUNK] = numerics.binarize(part, key, first + tf.range(start, start + len(part)))
    return drawn


def _reconstruction(model, bundle, x, *_):
    if "reconstruct" not in model.signatures():
        return {}, _reasons(("mse", "psnr", *_of_tokens(bundle, TOKENS[:1])), "the model has no encoder"), {}
    x_hat = model.reconstruct(x)
    if bundle.kind == "tokens":
        tokens, again = bundle.preprocessor.invert(x), bundle.preprocessor.invert(x_hat)
        accuracy = metrics.token_accuracy(tokens, again, bundle.preprocessor.vocabulary.count(tokens))
        return {"token_accuracy": accuracy}, _reasons(("mse", "psnr"), "they are for numbers; these are tokens"), {}
    if bundle.preprocessor.low is None:
        reason = f"it is for images in [0, 1]; this is a {bundle.kind} of standardised values"
        return {"mse": metrics.mse(x, x_hat)}, {"psnr": reason}, {}
    return {"mse": metrics.mse(x, x_hat), "psnr": metrics.psnr(x, x_hat)}, {}, {}


def _likelihood(model, bundle, x, split, samples, binarize, seed, progress):
    names = ("elbo", "distortion", "rate", "nll", "bits_per_dim", "effective_samples")
    every = (*names, *_of_tokens(bundle, TOKENS[1:]))
    if "encode" not in model.signatures():
        return {}, _reasons(every, "the model gives no likelihood"), {}
    if not model.stochastic:
        return {}, _reasons(every, "its codes are points, not distributions"), {}
    found = metrics.importance_weights(model, x, samples, seed, progress=progress)
    found["elbo"] = -(found["distortion"] + found["rate"])
    if bundle.kind == "tokens":
        counts = bundle.preprocessor.vocabulary.count(bundle.preprocessor.invert(x))
        means = {name: metrics.mean(found[name]) for name in names if name != "bits_per_dim"}
        means |= {of: getattr(metrics, of)(found["nll"], counts) for of in TOKENS[1:]}
        return means, _reasons(("bits_per_dim",), "of tokens there are bits_per_token"), {}
    found["bits_per_dim"] = bits_per_dim(found["nll"], bundle.shape)
    return {name: metrics.mean(found[name]) for name in names}, {}, {}


def _codes(model, bundle, x, split, samples, binarize, seed, progress):
    if "encode" not in model.signatures():
        return {}, _reasons(("active_units", "linear_probe"), "the model has no encoder"), {}
    codes = model.run("encode", x=x)
    if model.stochastic:
        found, skipped = {"active_units": metrics.active_units(codes["z"])}, {}
    else:
        found, skipped = {}, {"active_units": "its codes are points, whose scale means nothing"}
    details = {"variance": metrics.codes.variances(codes["z"]).tolist()}
    if codes.get("stddev", codes["z"][:0]).shape == codes["z"].shape:  # all of the code is normal
        details["rate_to_standard_normal"] = metrics.rate_per_dimension(codes["z"], codes["stddev"]).tolist()
    try:
        found["linear_probe"] = _probe(model, bundle, codes["z"], split, binarize, seed)
    except InputError as reason:
        skipped["linear_probe"] = str(reason)
    return found, skipped, details


def _probe(model, bundle, codes, split, binarize, seed):
    """The linear probe of these codes; an InputError says why there is none."""
    x, labels, there = _labelled(bundle, split, binarize, seed)
    return metrics.linear_probe(model.encode(x), labels, codes, there[: len(codes)])


def _modes(model, bundle, x, split, samples, binarize, seed, progress):
    if "sample" not in model.signatures():
        return {}, _reasons(("modes",), "the model has no samples"), {}
    if getattr(model, "conditional", False):
        return {}, _reasons(("modes",), "its samples are of the classes that it is told"), {}
    try:
        train, labels, there = _labelled(bundle, split, binarize, seed)
        if np.isnan(train).any() or np.isnan(x).any():
            raise InputError("values are missing, and its classifier needs all of them")
        found = metrics.mode_coverage(model.sample(SAMPLES, seed=seed), train, labels, x, there[: len(x)])
    except InputError as reason:
        return {}, {"modes": str(reason)}, {}
    return {"modes": found}, {}, {}


def _labelled(bundle, split, binarize, seed):
    """Training examples and their labels to fit a classifier to, and the labels of the split.

    Raises:
        InputError: says why there are none.
    """
    train, there = bundle.train, bundle.splits[split].y
    if there is None or train.y is None:
        raise InputError("the data have no labels")
    if split == "train":
        raise InputError("it is fitted to the train split and needs another one to be tested on")
    if not len(train):
        raise InputError("the train split, which it is fitted to, has no examples")
    most = chunk(bundle.shape, PROBE_EXAMPLES, ROOM)
    return binarized(bundle.preprocessor.apply(train.x[:most]), binarize, seed), train.y[:most], there


def _notes(model, x):
    """What a reader of the numbers must know."""
    observation = getattr(model, "observation", None)
    if type(observation).__name__ == "Bernoulli" and not np.isin(x, (0.0, 1.0)).all():
        return [
            "the Bernoulli likelihood of values between 0 and 1 is not normalised: its nats compare models, not papers"
        ]
    return []


def _of_tokens(bundle, names):
    return names if bundle.kind == "tokens" else ()


def _reasons(names, reason):
    return dict.fromkeys(names, reason)
