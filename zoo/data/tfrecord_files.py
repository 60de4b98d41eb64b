"""`.tfrecord` files of `tf.train.Example`: encoded images or arrays of numbers, with or without labels."""

import io
import re

import numpy as np

from ..errors import InputError
from .image_files import BadImage, pixels_of
from .pixels import gather
from .source import Part, Source, counted, require_memory

X = ("image", "image/encoded", "image_raw", "encoded", "x", "data", "features", "pixels", "img")
Y = ("label", "image/class/label", "labels", "y", "class", "target")
SIDES = (("height", "image/height", "rows"), ("width", "image/width", "cols"), ("depth", "channels", "image/channels"))


def from_tfrecord(path, resize, channels):
    """Examples of one file; the names of their features are found out from the first record.

    Bytes are an encoded image, or raw pixels where height and width stand beside them; a list of numbers is a row.
    """
    first, count, size = None, 0, 0
    for example in _records(path):
        first, count, size = first or example, count + 1, size + example.ByteSize()
    if first is None:
        raise InputError(f"{path}: 0 samples; at least 2 are needed")
    x_key, y_key = _keys(first, path)
    labels, kind = [], first.features.feature[x_key].WhichOneof("kind")

    def examples():
        for number, example in enumerate(_records(path)):
            feature = example.features.feature
            if y_key:
                labels.append(_label(feature[y_key], path, number))
            yield _pixels(feature, x_key, path, number) if kind == "bytes_list" else _row(feature[x_key], path, number)

    if kind == "bytes_list":
        x, keys = gather(examples(), count, resize, channels, str(path))
        return Source(path.stem, str(path), {"train": Part(x, np.array(labels) if y_key else None, keys)}, "image")
    require_memory(size, path)
    rows = list(examples())
    widths = sorted({len(row) for row in rows})
    if len(widths) > 1:
        raise InputError(
            f"{path}: feature {x_key!r} holds {widths[0]} numbers in one record and {widths[1]} in another"
        )
    return Source(path.stem, str(path), {"train": Part(np.stack(rows), np.array(labels) if y_key else None)}, "table")


def _records(path):
    """Yields the Examples of a file, in order."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    read = 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            yield tf.train.Example.FromString(record)
            read += 1
    except DecodeError:
        raise InputError(f"{path}: record {read} is no tf.train.Example") from None
    except tf.errors.OpError as error:
        what = "cut off" if "truncated" in str(error) else "damaged, or not a .tfrecord file"
        raise InputError(f"{path}: {what}, after {counted(read, 'record')}") from None


def _keys(example, path):
    """(name of the feature with the examples, name of the labels or None)."""
    features = example.features.feature
    kinds = {key: features[key].WhichOneof("kind") for key in features}
    listed = [key for key in X if kinds.get(key) in ("bytes_list", "float_list", "int64_list")]
    lists = [key for key, kind in kinds.items() if kind == "float_list" and len(features[key].float_list.value) > 1]
    x_key = next(iter(listed + lists), None)
    if x_key is None:
        found = ", ".join(f"{key} ({str(kind).removesuffix('_list')})" for key, kind in sorted(kinds.items()))
        raise InputError(f"{path}: the records hold {found or 'nothing'}; need a feature image, x or data")
    return x_key, next((key for key in Y if kinds.get(key) in ("int64_list", "bytes_list")), None)


def _pixels(feature, key, path, number):
    """[H, W, C] of encoded or raw bytes."""
    content = feature[key].bytes_list.value
    if len(content) != 1:
        raise InputError(f"{path}: record {number}: feature {key!r} holds {len(content)} values; need one image")
    height, width, depth = (_side(feature, names) for names in SIDES)
    if height and width and len(content[0]) == height * width * (depth or 1):
        return np.frombuffer(content[0], np.uint8).reshape(height, width, depth or 1)
    try:
        return pixels_of(io.BytesIO(content[0]), len(content[0]))
    except BadImage as error:
        raise InputError(f"{path}: record {number}: {key}: {error}") from None


def _row(feature, path, number):
    values = (feature.float_list if feature.WhichOneof("kind") == "float_list" else feature.int64_list).value
    if not values:
        raise InputError(f"{path}: record {number} holds no numbers")
    return np.array(values, np.float32)


def _label(feature, path, number):
    values = feature.int64_list.value or feature.bytes_list.value
    if len(values) != 1:
        raise InputError(f"{path}: record {number} has {len(values)} labels; need one")
    text = values[0]
    return text if isinstance(text, int) else re.sub(r"\s+", " ", text.decode(errors="replace"))


def _side(feature, names):
    found = [feature[name].int64_list.value for name in names if name in feature]
    return int(found[0][0]) if found and found[0] else None
