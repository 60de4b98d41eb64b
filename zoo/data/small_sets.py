"""Small data sets without a file: the tables that scikit-learn carries, and points drawn from known shapes."""

import numpy as np

from ..errors import InputError, nearest
from .source import Part, Source
from .tables import from_columns

TABLES = ("breast_cancer", "diabetes", "iris", "linnerud", "wine")
SYNTHETIC = ("blobs", "circles", "moons", "s_curve", "swiss_roll")
COUNT, MOST = 2000, 1_000_000
LICENCE = "CC BY 4.0 (UCI Machine Learning Repository)"


def from_sklearn(name):
    """A table of `sklearn.datasets.load_NAME`; its target is the label where it is a class."""
    from sklearn import datasets

    if name not in TABLES:
        raise InputError(f"'sklearn:{name}': there are digits, {', '.join(TABLES)}{nearest(name, ('digits', *TABLES))}")
    found = getattr(datasets, f"load_{name}")()
    source = from_columns(dict(zip(map(str, found.feature_names), found.data.T, strict=True)), name, f"sklearn:{name}")
    if name not in ("diabetes", "linnerud"):
        source.parts["train"].y = found.target
        source.classes = tuple(map(str, found.target_names))
        source.licence = LICENCE
    return source


def from_synthetic(text):
    """Points of two or three coordinates, drawn by scikit-learn with seed 0: NAME or NAME:COUNT."""
    from sklearn import datasets

    name, _, count = text.partition(":")
    if name not in SYNTHETIC:
        raise InputError(f"'synthetic:{text}': there are {', '.join(SYNTHETIC)}{nearest(name, SYNTHETIC)}")
    if count and not (count.isdecimal() and 2 <= int(count) <= MOST):
        raise InputError(f"'synthetic:{text}': the count must be from 2 to {MOST:,}, such as synthetic:{name}:{COUNT}")
    count = int(count or COUNT)
    words = {"circles": {"noise": 0.05, "factor": 0.5}, "moons": {"noise": 0.05}, "blobs": {"centers": 5}}
    x, y = getattr(datasets, f"make_{name}")(count, random_state=0, **words.get(name, {"noise": 0.05}))
    labels = y if np.asarray(y).dtype.kind in "iu" else None  # a place along the curve is no class
    return Source(name, f"synthetic:{name}:{count}", {"train": Part(x.astype(np.float32), labels)}, "table")
