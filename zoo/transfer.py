"""Moves what one model has learned into another of other sizes: loaded, adapted, or fresh, tensor by tensor."""

import math
import re
from typing import NamedTuple

import numpy as np

from . import weights
from .errors import InputError

READS_CODES = ("decoder/project", "decoder/dense_1", "generator/project", "generator/dense_1")
CODE_VECTORS = re.compile(r"codebook(_\d+)?/(vectors|sums)|prior/(means|scales)")
MOST_CHANNELS = 4
SIMPLEX = ((0.0, 0.0), (-1.0, 0.0), (0.0, 0.5))  # (log scale, offset) that a calibration begins with
LOG_SCALES = (-4.6, 2.3)  # from 0.01 to 10
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
    outputs keep their size. Where codes differ in length, the layers around them keep the units that the decoder
    listens to most; it does not listen to new ones yet, so that it gives what it gave. All others keep their fresh
    values.

    Returns:
        A list of Move, one for each weight of `target`; counters are left out.
    """
    old, moves = weights.values(weights.of_model(source)), []
    kept = _kept_units(old, source, target)
    for name, variable in weights.of_model(target).items():
        if variable.dtype != "float32":
            continue
        found, shape = old.get(name), tuple(variable.shape)
        value = None if found is None else _fit(name, found, variable.numpy(), source, target, kept)
        if value is not None:
            variable.assign(value)
        how = "fresh" if value is None else "loaded" if found.shape == shape else "adapted"
        moves.append(Move(name, how, None if found is None else found.shape, shape))
    return moves


def calibrate(model, x):
    """Gives the last layer of a decoder the scale and the offset that suit other data best, at the codes they have.

    A decoder that was sure of its own data is wrong about others with the same certainty, which costs many steps to
    unlearn; see docs/use.md for what this saves.

    Args:
        model: whose weights have been transferred.
        x: examples as model values, [N, *input_shape].

    Returns:
        (scale, offset, mean distortion before, after, in nats), or None where there is no such layer.
    """
    import tensorflow as tf
    from scipy.optimize import minimize

    named = weights.of_model(model)
    kernel, bias = (named.get(f"decoder/head/{name}") for name in ("kernel", "bias"))
    z = model.run("encode", x=x)["z"] if "encode" in model.signatures() else None
    if kernel is None or bias is None or model.decoder.input_shape[1:] != z.shape[1:]:
        return None
    outputs = tf.cast(model.decoder(z), tf.float32)

    def distortion(change):
        scale, offset = np.exp(np.clip(change[0], *LOG_SCALES)), change[1]
        return -float(tf.reduce_mean(model.observation.distribution(scale * outputs + offset).log_prob(x)))

    found = minimize(distortion, (0.0, 0.0), method="Nelder-Mead", options={"initial_simplex": SIMPLEX, "maxiter": 100})
    scale, offset = float(np.exp(np.clip(found.x[0], *LOG_SCALES))), float(found.x[1])
    kernel.assign(scale * kernel)
    bias.assign(scale * bias + offset)
    return scale, offset, distortion((0.0, 0.0)), float(found.fun)


def require_kept(moves, name):
    """Raises InputError when less than half of the numbers could be kept: the models have too little in common."""
    kept = sum(np.prod(m.target) for m in moves if m.how != "fresh")
    share = kept / max(1, sum(np.prod(m.target) for m in moves))
    if share < KEPT:
        raise InputError(
            f"only {share:.0%} of the weights of {name} fit these data and settings; train from scratch, "
            "or resize the data to what the preset takes"
        )


def _fit(name, value, fresh, source, target, kept):
    """`value` made to fit the shape of `fresh`, one axis after the other, or None."""
    if value.shape == fresh.shape:
        return value
    reads = name.startswith(("encoder/", "critic/"))  # sums over its inputs; the others write each output by itself
    old, new = (_places(name, model) for model in (source, target))
    channels = _channels(source, target)
    if old and new:
        dense = not hasattr(target.backbone, "grid")
        value = _fit_places(value, old, new, 0 if reads else -1, reads, channels if dense else None)
    elif channels:
        value = _fit_channels(value, -2 if reads else -1, reads, *channels)
    if value is not None and kept is not None:
        value = _fit_codes(name, value, fresh, source, target, kept)
    return value if value is not None and value.shape == fresh.shape else None


def _kept_units(old, source, target):
    """Indices of the code units that the target keeps, in their order: those of the largest weights in the decoder.

    None where codes are of one length, or the encoder gives them with other numbers between them.
    """
    if source.latent_dim == target.latent_dim:
        return None
    heads = [dict(weights.of_model(model)).get("encoder/head/bias") for model in (source, target)]
    if heads[0] is not None and not _blocks(heads[0].shape[0], heads[1].shape[0], source, target):
        return None
    count = min(source.latent_dim, target.latent_dim)
    kernel = next((old[f"{name}/kernel"] for name in READS_CODES if f"{name}/kernel" in old), None)
    if kernel is None or kernel.shape[-2] % source.latent_dim:
        return np.arange(count)
    heard = (kernel.reshape(-1, source.latent_dim, kernel.shape[-1]) ** 2).sum((0, 2))
    return np.sort(np.argsort(-heard, kind="stable")[:count])


def _blocks(size, wanted, source, target):
    """How many blocks of a code's length an axis of `size` has, that would have `wanted` in the target; or None.

    One block may be followed by other numbers.
    """
    blocks, left = divmod(size - wanted, source.latent_dim - target.latent_dim)
    rest = size - blocks * source.latent_dim
    return blocks if not left and blocks > 0 and (rest == 0 or (blocks == 1 and rest > 0)) else None


def _fit_codes(name, value, fresh, source, target, kept):
    """Between codes of other lengths: kept units are copied; new ones are made afresh, and read with a weight of 0."""
    layer = name.rpartition("/")[0]
    reads = layer in READS_CODES and name.endswith("kernel")
    if not (reads or layer == "encoder/head" or CODE_VECTORS.fullmatch(name)) or value.ndim != fresh.ndim:
        return value
    axis = fresh.ndim - 2 if reads else fresh.ndim - 1
    size, wanted = value.shape[axis], fresh.shape[axis]
    blocks = None if size == wanted else _blocks(size, wanted, source, target)
    if blocks is None:
        return value
    value, fitted = np.moveaxis(value, axis, 0), np.moveaxis(fresh, axis, 0).copy()
    if value.shape[1:] != fitted.shape[1:]:
        return None
    if reads:
        fitted[:] = 0.0
    for block in range(blocks):
        theirs, ours = block * source.latent_dim, block * target.latent_dim
        fitted[ours : ours + len(kept)] = value[theirs + kept]
    fitted[blocks * target.latent_dim :] = value[blocks * source.latent_dim :]
    return np.moveaxis(fitted, 0, axis)


def _places(name, model):
    """The grid that a tensor between places and a vector runs over, or None for any other tensor."""
    conv = hasattr(model.backbone, "grid")
    if conv and len(getattr(model, "code_shape", ())) > 1:  # codes keep their places
        return None
    edges = ("encoder/head", "critic/head", "decoder/project", "generator/project")
    if not conv:
        edges = ("encoder/dense_1", "critic/dense_1", "decoder/head", "generator/head")
    if name.rpartition("/")[0] not in edges or (name.endswith("bias") and edges.index(name.rpartition("/")[0]) < 2):
        return None
    return model.backbone.grid(model.example_shape, len(model.widths)) if conv else model.example_shape[:-1]


def _channels(source, target):
    """(old, new) channels of images, where they differ."""
    old, new = source.example_shape, target.example_shape
    images = len(old) == len(new) == 3 and max(old[-1], new[-1]) <= MOST_CHANNELS
    return (old[-1], new[-1]) if images and old[-1] != new[-1] else None


def _fit_channels(value, axis, reads, old, new):
    """Between images of other channels: the sum over channels is kept where they are read, their mean where written.

    A tensor that holds no channels on that axis is given back as it is.
    """
    if value.ndim < -axis or value.shape[axis] != old:
        return value
    shared = value.sum(axis, keepdims=True) / new if reads else value.mean(axis, keepdims=True)
    return np.repeat(shared, new, axis).astype("float32")


def _fit_places(value, old, new, axis, reads, channels):
    """Resamples the axis that runs over (places x features) from one grid of places to another.

    Args:
        channels: (old, new) where the features are channels and these differ.
    """
    import tensorflow as tf

    moved = np.moveaxis(value, axis, 0)
    rest, (features, left) = moved.shape[1:], divmod(moved.shape[0], math.prod(old))
    if left:
        return None
    if old != new:
        planes = moved.reshape(old[0], math.prod(old[1:]), -1)
        moved = tf.image.resize(planes, (new[0], math.prod(new[1:])), antialias=True).numpy()
        moved = moved * (math.prod(old) / math.prod(new) if reads else 1.0)
    if channels:
        moved = _fit_channels(moved.reshape(math.prod(new), features, math.prod(rest)), -2, reads, *channels)
    return np.moveaxis(moved.reshape(-1, *rest), 0, axis).astype("float32")
