"""What every reader returns, and what they all check: enough examples, memory and the cache folder."""

import dataclasses
import os
import sys
from pathlib import Path

import numpy as np
import psutil

from ..errors import InputError

FREE_EXPANSION, MOST_EXPANSION = 64 << 20, 200  # bytes, and times the file's own size beyond them


@dataclasses.dataclass
class Part:
    """Examples as they were read.

    Args:
        x: [N, ...], of the source's own dtype.
        y: labels [N], integers or words, or None.
        keys: content digests [N] of the examples as they were before any resizing, or None if x is as it was.
        factors: numbers of the values that the factors of variation have, [N, K], or None where they are not known.
    """

    x: np.ndarray
    y: np.ndarray | None = None
    keys: np.ndarray | None = None
    factors: np.ndarray | None = None


@dataclasses.dataclass
class Source:
    """A data set as it was read.

    Args:
        name, source: see `Bundle`; `source` also begins every error message.
        parts: {"train" | "validation" | "test": Part}; "train" is always there.
        kind: one of `zoo.data.preprocessor.KINDS` where the reader knows, else None.
        columns: of a table, `zoo.data.tables.Column` each; then `x` holds a value a column, until `tables.encode`.
        factors: {name of a factor of variation: its values}, or None.
        gaps: {column: where its first missing cell is}, in words.
        pieces: of sequences of tokens, `zoo.data.tokens.Piece` each; then there are no parts until `tokens.encode`.
        unit, voices: of the tokens, see `zoo.data.tokens.Vocabulary`; unit None: a text, to be cut as asked.
        vocabulary: of the tokens in x.
    """

    name: str
    source: str
    parts: dict
    kind: str | None = None
    classes: tuple | None = None
    licence: str | None = None
    notes: list = dataclasses.field(default_factory=list)
    columns: tuple | None = None
    gaps: dict = dataclasses.field(default_factory=dict)
    factors: dict | None = None
    pieces: list | None = None
    unit: str | None = None
    voices: int = 1
    vocabulary: object = None


def one_each(y, count, where):
    """Labels [N] of `count` examples, from [N] or [N, 1]."""
    y = np.asarray(y)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.shape != (count,):
        raise InputError(
            f"{where}: labels of shape {y.shape} for {counted(count, 'example')}; need one a example, [{count}]"
        )
    return y


def available_memory():
    """Bytes that can be allocated without swapping."""
    return psutil.virtual_memory().available


def require_memory(size, where):
    """Raises InputError where `size` bytes do not fit in half of the available memory."""
    half = available_memory() // 2
    if size > half:
        raise InputError(
            f"{where}: needs {_gigabytes(size)} of memory, half of what is free is {_gigabytes(half)}; "
            "give fewer or smaller examples (resize=)"
        )


def require_expansion(stored, size, where):
    """Raises InputError where a file of `stored` bytes claims to hold `size`: more than compression explains."""
    if size > FREE_EXPANSION and size > MOST_EXPANSION * stored:
        raise InputError(
            f"{where}: {stored:,} bytes that claim to hold {_gigabytes(size)}: damaged, or made to fill the memory"
        )


def cache_folder():
    """$ZOO_CACHE, else the platform's cache folder for zoo. It may not exist yet."""
    if os.environ.get("ZOO_CACHE"):
        return Path(os.environ["ZOO_CACHE"]).expanduser()
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "zoo"


def counted(count, noun):
    """'1 file', '2 files'."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _gigabytes(size):
    return f"{size / 1e9:.3g} GB"
