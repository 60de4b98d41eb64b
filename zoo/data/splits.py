"""Splits by content: equal examples never fall into different splits, and adding data moves no example.

Every example has a place in [0, 1), a hash of its bytes and the seed. Below `test` it is a test example, below
`test + validation` a validation example, otherwise a training example; so fractions hold in expectation. Where that
leaves a wanted split empty or training less than three quarters of its part (small data), the distinct examples are
ranked by their place instead and the ranking is cut at the fractions, one distinct example a split at least; with fewer
distinct examples than splits, all of them train.
"""

import hashlib

import numpy as np

from ..errors import InputError

LEAST = 0.75  # of the examples that are meant for training


def content_keys(x):
    """A 16-byte digest [N] of every example of x [N, ...], equal where the examples are equal."""
    x = np.ascontiguousarray(x)
    tail = f"{x.shape[1:]}{x.dtype.str}".encode()
    digests = b"".join(hashlib.blake2b(row.tobytes() + tail, digest_size=16).digest() for row in x)
    return np.frombuffer(digests, dtype="V16")


def places(keys, seed):
    """Two independent places in [0, 1) for every content key: for the split and for the order. [N, 2], float64."""
    salt = str(int(seed)).encode()
    digests = b"".join(hashlib.blake2b(key.tobytes(), digest_size=16, key=salt).digest() for key in keys)
    words = np.frombuffer(digests, dtype="<u8").reshape(-1, 2)
    return (words >> np.uint64(11)) * 2.0**-53  # 53 bits: below 1 in float64


def cut(place, fractions):
    """Assigns examples to splits.

    Args:
        place: of every example, in [0, 1): [N].
        fractions: {split: fraction} of the splits to cut out; the rest is "train".

    Returns:
        ({split: sorted indices}, whether the ranking was needed).
    """
    wanted = {name: fraction for name, fraction in fractions.items() if fraction > 0}
    chosen = _assign(place, wanted)
    enough = len(chosen["train"]) >= LEAST * len(place) * (1 - sum(wanted.values()))
    if enough and all(len(chosen[name]) for name in (*wanted, "train")):
        return {**{name: np.arange(0) for name in fractions}, **chosen}, False
    distinct, inverse = np.unique(place, return_inverse=True)
    if len(distinct) <= len(wanted):
        wanted = {}
    ranked = _ranked(len(distinct), wanted)[inverse]
    names = ("train", *wanted)
    chosen = {name: np.flatnonzero(ranked == i) for i, name in enumerate(names)}
    return {**{name: np.arange(0) for name in fractions}, **chosen}, True


def first_by_order(order, limit):
    """The indices, ascending, of the `limit` examples that come first in the order of their places."""
    return np.sort(np.argsort(order, kind="stable")[:limit])


def check_fractions(fractions):
    """Raises InputError unless every fraction is in [0, 1) and their sum is below 1."""
    for name, value in fractions.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
            raise InputError(
                f"{name}={value!r}: a fraction of the examples is needed, from 0 up to but not including 1"
            )
    if sum(fractions.values()) >= 1:
        raise InputError(f"{' and '.join(fractions)} take {sum(fractions.values()):g} of the examples; none is left")


def _assign(place, wanted):
    """{split: indices} by thresholds on the place."""
    edges = np.cumsum(list(wanted.values()))
    which = np.searchsorted(edges, place, side="right")
    return {name: np.flatnonzero(which == i) for i, name in enumerate((*wanted, "train"))}


def _ranked(count, wanted):
    """The split number (0 is train) of every rank, with one rank a split at least."""
    which = np.zeros(count, int)
    start = 0
    for i, fraction in enumerate(wanted.values(), 1):
        left_for_others = len(wanted) - i + 1
        size = min(max(1, round(fraction * count)), count - start - left_for_others)
        which[start : start + size] = i
        start += size
    return which
