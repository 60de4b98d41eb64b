"""Moves what one model has learned into another of other sizes: loaded, adapted, or fresh, tensor by tensor."""

import math
from typing import NamedTuple

import numpy as np

from . import weights
from .errors import InputError

KEPT = 0.5  # share of the numbers that must come from the source


class Move(NamedTuple):
    """What happened to one tensor: `how` is "loaded", "adapted" or "fresh"."""

    name: str
    how: str
    source: tuple
    target: tuple


def transfer(source, target):
    """Gives `target` every weight of `source` that fits, or can be made to.

    A tensor of the same name and shape is loaded. Kernels whose image channels differ are adapted by sums and
    repetition, and those between a grid of places and a vector are resampled from one grid to the other; both so that
    outputs keep their size. All others keep their fresh values.

    Returns:
        A list of Move, one for each weight of `target`; counters are left out.
    """
    old, moves = weights.values(weights.of_model(source)), []
    for name, variable in weights.of_model(target).items():
        if variable.dtype != "float32":
            continue
        found, shape = old.get(name), tuple(variable.shape)
        value = None if found is None else _fit(name, found, shape, source, target)
        if value is not None:
            variable.assign(value)
        how = "fresh" if value is None else "loaded" if found.shape == shape else "adapted"
        moves.append(Move(name, how, None if found is None else found.shape, shape))
    return moves


def require_kept(moves, name):
    """Raises InputError when less than half of the numbers could be kept: the models have too little in common."""
    kept = sum(np.prod(m.target) for m in moves if m.how != "fresh")
    share = kept / max(1, sum(np.prod(m.target) for m in moves))
    if share < KEPT:
        raise InputError(
            f"only {share:.0%} of the weights of {name} fit these data and settings; train from scratch, "
            "or resize the data to what the preset takes"
        )


def _fit(name, value, shape, source, target):
    """`value` made to fit `shape`, or None."""
    if value.shape == shape:
        return value
    reads = name.startswith(("encoder/", "critic/"))  # sums over its inputs; the others write each output by itself
    old, new = (_places(name, model) for model in (source, target))
    if old and new:
        return _fit_places(value, shape, old, new, axis=0 if reads else -1, scaled=reads)
    return _fit_channels(value, shape, axis=-2 if reads else -1, summed=reads)


def _places(name, model):
    """The grid that a tensor between places and a vector runs over, or None for any other tensor."""
    conv = hasattr(model.backbone, "grid")
    edges = ("encoder/head", "critic/head", "decoder/project", "generator/project")
    if not conv:
        edges = ("encoder/dense_1", "critic/dense_1", "decoder/head", "generator/head")
    if name.rpartition("/")[0] not in edges or (name.endswith("bias") and edges.index(name.rpartition("/")[0]) < 2):
        return None
    return model.backbone.grid(model.example_shape, len(model.widths)) if conv else model.example_shape[:-1]


def _fit_channels(value, shape, axis, summed):
    """Between images of other channels: the sum over channels is kept where they are read, their mean where written."""
    if (
        value.ndim != len(shape)
        or value.ndim < -axis
        or np.delete(value.shape, axis).tolist() != np.delete(shape, axis).tolist()
    ):
        return None
    if max(value.shape[axis], shape[axis]) > 4:
        return None
    shared = value.sum(axis, keepdims=True) / shape[axis] if summed else value.mean(axis, keepdims=True)
    return np.repeat(shared, shape[axis], axis).astype("float32")


def _fit_places(value, shape, old, new, axis, scaled):
    """Resamples the axis that runs over (places x features) from one grid of places to another."""
    import tensorflow as tf

    moved, wanted = np.moveaxis(value, axis, 0), np.moveaxis(np.empty(shape), axis, 0).shape
    features = moved.shape[0] // math.prod(old)
    if wanted != (features * math.prod(new), *moved.shape[1:]):
        return None
    planes = moved.reshape(old[0], math.prod(old[1:]), -1)
    resized = tf.image.resize(planes, (new[0], math.prod(new[1:])), antialias=True).numpy().reshape(wanted)
    scale = math.prod(old) / math.prod(new) if scaled else 1.0
    return np.moveaxis(resized * scale, 0, axis).astype("float32")
