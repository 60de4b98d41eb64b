"""Examples that are in memory already: arrays, (x, y) pairs, named arrays, `tf.data` sets."""

import numpy as np

from ..errors import InputError
from .source import Part, Source, require_memory

ROLES = {"x": "x", "images": "x", "image": "x", "data": "x", "y": "y", "labels": "y", "label": "y", "targets": "y"}
SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}


def from_array(x):
    """x [N, ...] without labels."""
    return Source("array", "array", {"train": Part(x)})


def as_array(x):
    """An array of nested lists or of a tensor."""
    try:
        return np.asarray(x)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{type(x).__name__}: cannot become an array ({str(error).splitlines()[0][:120]})") from None


def from_pair(pair):
    """(x, y), or ((x_train, y_train), (x_test, y_test)) as Keras returns its data sets."""
    if len(pair) != 2:
        raise InputError(f"data: a tuple of {len(pair)}; need (x, y) or ((x_train, y_train), (x_test, y_test))")
    if all(isinstance(p, tuple) and len(p) == 2 for p in pair):
        return Source("array", "array", {name: _part(*p) for name, p in zip(("train", "test"), pair, strict=True)})
    return Source("array", "array", {"train": _part(*pair)})


def from_named(arrays, name, where):
    """Arrays by name: x and y, x_train y_train x_test y_test, train and test, or a single one of any name.

    Args:
        arrays: a mapping from names to arrays.
    """
    roles = {key: role for key in arrays if (role := _role(key))}
    if not any(role == "x" for role, _ in roles.values()):
        if len(arrays) != 1:
            known = "x and y, x_train y_train x_test y_test, or train and test"
            raise InputError(f"{where}: the arrays are {sorted(arrays)}; need {known}, or a single array")
        roles = {next(iter(arrays)): ("x", "train")}
    ignored = sorted(set(arrays) - set(roles))
    found = {}
    for key, (role, split) in roles.items():
        if role in found.setdefault(split, {}):
            raise InputError(f"{where}: the arrays {sorted(arrays)} name the {role} of {split} twice")
        found[split][role] = arrays[key]
    orphans = [split for split, part in found.items() if "x" not in part]
    if orphans:
        raise InputError(f"{where}: the arrays {sorted(arrays)} have labels but no examples for {orphans[0]}")
    notes = [f"the arrays {ignored} were not read"] if ignored else []
    return Source(name, where, {split: _part(**part) for split, part in found.items()}, notes=notes)


def from_dataset(dataset):
    """A `tf.data.Dataset` of x or (x, y), batched or not.

    Labels tell whether it is batched. Without them rank 4 is a batch of images and rank 3 is one image if its last
    axis is 1, 3 or 4; otherwise the first axis is a batch where its length is left open.
    """
    where = "tf.data"
    x, y = _element(dataset.element_spec)
    if int(dataset.cardinality()) == -1:
        raise InputError(f"{where}: the data set is infinite; end it with take(n), or leave out repeat()")
    batches = dataset.as_numpy_iterator() if _batched(x, y) else dataset.batch(1).as_numpy_iterator()
    xs, ys, size = [], [], 0
    for batch in _each(batches, where):
        part = batch if isinstance(batch, tuple) else (batch,)
        size += part[0].nbytes
        require_memory(size, where)
        xs.append(part[0])
        ys.extend(part[1:2])
    return _joined(xs, ys, "tf.data", where)


def from_batches(dataset):
    """A `keras.utils.PyDataset` of batches x or (x, y); sample weights are not read."""
    where, xs, ys = type(dataset).__name__, [], []
    batches = map(dataset.__getitem__, range(_length(dataset, where)))
    for index, batch in enumerate(_each(batches, where)):
        part = batch if isinstance(batch, tuple | list) else (batch,)
        if not 1 <= len(part) <= 3 or not all(hasattr(p, "shape") for p in part[:2] if p is not None):
            raise InputError(f"{where}: batch {index} is {type(batch).__name__}; need x, (x, y) or (x, y, weights)")
        xs.append(np.asarray(part[0]))
        if len(part) > 1 and part[1] is not None:
            ys.append(np.asarray(part[1]))
        require_memory(sum(x.nbytes for x in xs), where)
    return _joined(xs, ys, "batches", where)


def _each(batches, where):
    """The batches that a program of the user's makes, which may fail."""
    count = 0
    try:
        for batch in batches:
            yield batch
            count += 1
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0][:200]
        raise InputError(f"{where}: batch {count} cannot be read ({type(error).__name__}: {reason})") from error


def _length(dataset, where):
    count = dataset.num_batches
    if count is None:
        raise InputError(f"{where}: the data set is infinite; give it a length (__len__)")
    return count


def _joined(xs, ys, name, where):
    """The Source of batches of examples, and of labels where all of them have some."""
    if not xs:
        raise InputError(f"{where}: 0 samples; at least 2 are needed")
    shapes = sorted({a.shape[1:] for a in xs})
    if len(shapes) > 1:
        raise InputError(
            f"{where}: examples of {len(shapes)} shapes ({shapes[0]}, {shapes[1]}, ...); resize them to one"
        )
    return Source(name, where, {"train": Part(np.concatenate(xs), np.concatenate(ys) if ys else None)})


def _part(x, y=None):
    return Part(as_array(x), None if y is None else as_array(y))


def _role(key):
    """('x' | 'y', split) of an array called `key`, or None: 'x_train', 'test_labels', 'X', 'train'."""
    role, split = None, None
    for word in key.lower().split("_"):
        if word in ROLES and role is None:
            role = ROLES[word]
        elif word in SPLITS and split is None:
            split = SPLITS[word]
        else:
            return None
    return role or "x", split or "train"


def _element(spec):
    parts = spec if isinstance(spec, tuple) else (spec,)
    if len(parts) > 2 or not all(hasattr(p, "shape") and hasattr(p, "dtype") for p in parts):
        raise InputError(f"tf.data: elements are {spec}; need x or (x, y), map() to them first")
    if any(p.shape.rank is None for p in parts):
        raise InputError("tf.data: elements of unknown rank; give them one with tf.ensure_shape")
    return parts[0], parts[1] if len(parts) == 2 else None


def _batched(x, y):
    if y is not None:
        return y.shape.rank > 0
    if x.shape.rank == 3:
        return x.shape[-1] not in (1, 3, 4)
    return x.shape.rank == 4 or (x.shape.rank > 1 and x.shape[0] is None)
