"""What `zoo.data.load` returns: three splits, what they are, and how they become model values."""

import dataclasses
import hashlib

import numpy as np

from .preprocessor import Preprocessor
from .stored import Stored, pieces

SHOWN = 3  # examples of tokens that `describe` gives as text


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Examples, raw.

    Args:
        x: [N, *shape], uint8 where the source is uint8, else float32; numbers of tokens, [N, T], uint8 or int32.
        y: labels [N], int64, or None.
        factors: numbers of the values that the factors of variation have, [N, K], int64, or None.
    """

    x: np.ndarray
    y: np.ndarray | None = None
    factors: np.ndarray | None = None

    def __len__(self):
        return len(self.x)


@dataclasses.dataclass(frozen=True, eq=False)
class Bundle:
    """A data set, resolved.

    Args:
        name: short, for titles and file names: "mnist", "photos".
        source: where it came from: "tfds:mnist:3.0.1", "folder photos", "array".
        kind: "image", "sequence", "table" or "tokens".
        shape: of one example: (H, W, C), (T, C) or (F,); of tokens (T, V), as the model takes them.
        train, validation, test: splits; one that was not asked for (fraction 0) has no examples.
        preprocessor: raw values to model values.
        classes: names of the labels 0, 1, ..., or None where there are none.
        licence: as the source states it, or None.
        notes: sentences about what was decided for you: ranges read, files left out, splits cut.
        fingerprint: sha256 of all examples and labels, split by split.
        factors: {name: values} of the factors of variation, where they are known.
    """

    name: str
    source: str
    kind: str
    shape: tuple
    train: Split
    validation: Split
    test: Split
    preprocessor: Preprocessor
    classes: tuple | None
    licence: str | None
    notes: tuple
    fingerprint: str
    factors: dict | None = None

    @property
    def splits(self):
        """{"train": Split, "validation": Split, "test": Split}."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def identify(bundle):
    """What a bundle is and where it is from, ready for JSON."""
    return {
        "name": bundle.name,
        "source": bundle.source,
        "kind": bundle.kind,
        "shape": list(bundle.shape),
        "sizes": {name: len(split) for name, split in bundle.splits.items()},
        "licence": bundle.licence,
        "fingerprint": bundle.fingerprint,
    }


def describe(bundle):
    """The facts of a bundle, ready for JSON.

    Range, mean and sd are of raw training values: one number for images, one for each column of tables and sequences.
    What images were `read_as` is the range that becomes [0, 1], None where they are standardised.
    """
    x = bundle.train.x
    axes = None if bundle.kind == "image" else tuple(range(x.ndim - 1))
    return {
        **identify(bundle),
        **_columns(bundle.preprocessor.columns),
        "classes": _class_counts(bundle),
        **({"factors": {name: list(values) for name, values in bundle.factors.items()}} if bundle.factors else {}),
        "dtype": str(x.dtype),
        **({"read_as": _range(bundle.preprocessor)} if bundle.kind == "image" else {}),
        **(
            _words(bundle)
            if bundle.kind == "tokens"
            else _statistics(x)
            if isinstance(x, Stored)
            else _statistics_by(x, axes)
        ),
        "notes": list(bundle.notes),
    }


def fingerprint(splits):
    """sha256 over names, shapes, dtypes and contents of {name: Split}."""
    digest = hashlib.sha256()
    for name, split in splits.items():
        for part in (split.x, split.y):
            if part is not None:
                digest.update(f"{name} {part.shape} {part.dtype.str} ".encode())
                for piece in pieces(part):
                    digest.update(np.ascontiguousarray(piece).data)
    return digest.hexdigest()


def _range(preprocessor):
    return None if preprocessor.low is None else [preprocessor.low, preprocessor.high]


def _statistics_by(x, axes):
    ends = np.nanmin(x, axis=axes).tolist(), np.nanmax(x, axis=axes).tolist()  # missing cells that are masked are NaN
    mean, sd = np.nanmean(x, axis=axes, dtype=np.float64), np.nanstd(x, axis=axes, dtype=np.float64)
    return {"range": [*ends], "mean": mean.tolist(), "sd": sd.tolist()}


def _statistics(x):
    """The same over all values of examples on the disk."""
    low, high, total, square = np.inf, -np.inf, 0.0, 0.0
    for piece in x.pieces():
        low, high = min(low, piece.min()), max(high, piece.max())
        total, square = total + piece.sum(dtype=np.float64), square + np.square(piece, dtype=np.float64).sum()
    mean = total / x.size
    return {"range": [low.item(), high.item()], "mean": mean, "sd": float(np.sqrt(max(0.0, square / x.size - mean**2)))}


def _words(bundle):
    """What the tokens are, and the first examples as text."""
    vocabulary = bundle.preprocessor.vocabulary
    return {
        "unit": vocabulary.unit,
        **({"voices": vocabulary.voices} if vocabulary.voices > 1 else {}),
        "vocabulary": list(vocabulary.words),
        "examples": [vocabulary.text(tokens) for tokens in bundle.train.x[:SHOWN]],
    }


def _columns(columns):
    """{"columns": {name: "number" or its words}} of a table that has them."""
    return {"columns": {c.name: list(c.words) if c.words else "number" for c in columns}} if columns else {}


def _class_counts(bundle):
    labels = [split.y for split in bundle.splits.values() if split.y is not None]
    if not labels:
        return None
    values, counts = np.unique(np.concatenate(labels), return_counts=True)
    names = dict(enumerate(bundle.classes or ()))
    return {names.get(int(v), str(v)): int(n) for v, n in zip(values, counts, strict=True)}
