"""TensorFlow Datasets by name: what is on the disk first, then a download, never a hang.

The only file that reads a TFDS builder.
"""

import contextlib
import errno
import os
import re
import socket
import sys
import threading
from urllib.parse import urlsplit

import numpy as np

from ..errors import InputError, WriteError, nearest
from .pixels import gather
from .source import Part, Source, require_memory
from .tokens import Piece

NAME = re.compile(r"[A-Za-z]\w*(/[\w.+-]+)?(:\d+\.\d+\.\d+)?")
HOST, PORT, PATIENCE = "storage.googleapis.com", 443, 5.0
BATCH = 512


def from_digits(resize, channels):
    """scikit-learn's digits, through the builder in `zoo.data.digits`."""
    from .digits import Digits
    from .prepared import prepared

    return _source(prepared(Digits), "digits", "sklearn:digits", resize, channels)


def from_sprites(resize, channels):
    """Our shapes with known factors, through the builder in `zoo.data.sprites`."""
    from .prepared import prepared
    from .sprites import FACTORS, SIZES, Sprites

    source = _source(prepared(Sprites), "sprites", "sprites", resize, channels)
    source.parts["train"].factors = np.stack(np.unravel_index(np.arange(np.prod(SIZES)), SIZES), axis=1)
    source.factors = FACTORS
    return source


def from_scores(spec):
    """Tunes or chorales, through the builders in `zoo.data.tunes`; chorales:soprano are melodies."""
    from . import tunes
    from .prepared import prepared

    name, _, voice = spec.partition(":")
    builder = prepared({"tunes": tunes.Tunes, "chorales": tunes.Chorales}[name])
    if voice not in ("", "soprano") or (voice and name == "tunes"):
        raise InputError(f"{spec!r}: there are tunes, chorales and chorales:soprano")
    parts = builder.voices
    dataset = builder.as_dataset(split="train", read_config=_read_config())
    pieces = []
    for number, score in enumerate(dataset.as_numpy_iterator(), 1):
        words = [word.decode() for word in score["words"][:: parts if voice else 1]]
        starts = score["bars"] * (1 if voice else parts)
        pieces.append(Piece(words, f"score {number}", starts.tolist(), score["meter"].decode()))
    source = f"{spec}:{builder.version} of music21"
    licence, voices = builder.info.redistribution_info.license, 1 if voice else parts
    return Source(name, source, {}, "tokens", licence=licence, pieces=pieces, unit="steps", voices=voices)


def from_tfds(name, resize, channels):
    """The data set NAME, NAME/CONFIG or NAME:VERSION from $TFDS_DATA_DIR, or TFDS's default folder, or downloaded."""
    if not NAME.fullmatch(name):
        raise InputError(f"'tfds:{name}': need tfds:NAME, tfds:NAME/CONFIG or tfds:NAME:1.2.3")
    os.environ.setdefault("NO_GCE_CHECK", "true")  # TFDS otherwise waits for a cloud's metadata service
    builder = _on_disk(name) or _downloaded(name)
    version = f"tfds:{builder.info.full_name.rsplit('/', 1)[0]}:{builder.version}"
    return _source(builder, name.split(":")[0].replace("/", "_"), version, resize, channels)


def names():
    """All data sets that TFDS knows."""
    import tensorflow_datasets as tfds

    return tfds.list_builders(with_community_datasets=False)


def _on_disk(name):
    import tensorflow_datasets as tfds

    try:
        return tfds.core.read_only_builder.builder_from_files(name, data_dir=_data_dir())
    except tfds.core.DatasetNotFoundError:
        return None


def _downloaded(name):
    import tensorflow_datasets as tfds

    if name.split("/")[0].split(":")[0] not in names():
        close = nearest(name, names()).replace("'", "'tfds:", 1).replace(", '", ", 'tfds:").replace("or '", "or 'tfds:")
        raise InputError(f"'tfds:{name}': TFDS has no data set of this name{close}")
    folder = _data_dir() or tfds.core.constants.DATA_DIR
    if not _reachable():
        raise InputError(
            f"'tfds:{name}' is not prepared in {folder} and {HOST} cannot be reached; "
            "set TFDS_DATA_DIR to a folder that has it, or connect to the network"
        )
    try:
        with contextlib.redirect_stdout(sys.stderr):
            builder = tfds.builder(name, data_dir=_data_dir(), try_gcs=False)
            builder.download_and_prepare()
    except Exception as error:  # TFDS raises whatever the data set's own code raises
        if getattr(error, "errno", None) in (errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT):
            raise WriteError(f"'tfds:{name}': cannot write {folder} ({os.strerror(error.errno)})") from error
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(f"'tfds:{name}' could not be prepared in {folder}: {reason}") from error
    return builder


def _data_dir():
    return os.environ.get("TFDS_DATA_DIR") or None


def _reachable():
    """Whether a connection opens within PATIENCE seconds; in a thread, since looking up a name has no timeout."""
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    target = urlsplit(proxy if "//" in proxy else f"//{proxy}") if proxy else None
    address = (target.hostname, target.port or 80) if target else (HOST, PORT)
    opened = threading.Event()

    def connect():
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=PATIENCE):
            opened.set()

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return opened.is_set()


def _source(builder, name, source, resize, channels):
    info = builder.info
    x_key, y_key = _keys(info, source)
    parts, notes = {}, []
    for split, wanted in _splits(info, source, notes).items():
        parts[split] = _part(builder, split, wanted, x_key, y_key, resize, channels, source)
    classes = tuple(info.features[y_key].names) if y_key and _is_class(info.features[y_key]) else None
    licence = " ".join((info.redistribution_info.license or "").split())
    licence = licence or f"not stated by TFDS; see {info.homepage or 'the data set'}"
    kind = "image" if _is_image(info.features[x_key]) else None
    return Source(name, source, parts, kind, classes, licence, notes)


def _splits(info, source, notes):
    """{our split: names of TFDS splits}."""
    found = list(info.splits)
    if "train" in found:
        return {name: name for name in ("train", "validation", "test") if name in found}
    notes.append(f"TFDS has no train split; {', '.join(found)} were put together and cut anew")
    return {"train": "+".join(found)}


def _part(builder, split, wanted, x_key, y_key, resize, channels, source):
    count = builder.info.splits[wanted].num_examples
    shape, dtype = builder.info.features[x_key].shape, builder.info.features[x_key].np_dtype
    fixed = None not in shape
    if fixed:
        require_memory(count * int(np.prod(shape)) * np.dtype(dtype).itemsize, source)
    labels = []
    batches = _read(builder, wanted, x_key, y_key, BATCH if fixed else 1)

    def images():
        for x, y in batches:
            labels.append(y)
            yield x

    if not fixed:
        x, keys = gather((x[0] for x in images()), count, resize, channels, source)
    else:
        x, keys = np.concatenate(list(images())), None
    return Part(x, np.concatenate(labels) if y_key else None, keys)


def _read(builder, split, x_key, y_key, batch):
    """Yields NumPy batches (x, y or None), in the order of the files."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    wanted = {key: True for key in (x_key, y_key) if key}
    others = set(builder.info.features) - set(wanted)
    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders=tfds.decode.PartialDecoding(wanted) if others else None,
        read_config=_read_config(),
    )
    try:
        for example in dataset.batch(batch).as_numpy_iterator():
            yield example[x_key], example[y_key] if y_key else None
    except tf.errors.OpError as error:
        folder = builder.data_dir
        raise InputError(
            f"{folder}: damaged ({type(error).__name__}); remove this folder to have it made again"
        ) from None


def _read_config():
    import tensorflow_datasets as tfds

    return tfds.ReadConfig(try_autocache=False)


def _keys(info, source):
    """(name of the examples, name of the labels or None)."""
    features = info.features
    x_key, y_key = None, None
    pair = info.supervised_keys
    if pair and all(isinstance(key, str) for key in pair[:2]):
        x_key, y_key = pair[:2]
    if x_key is None or not _is_numeric(features[x_key]):
        images = [key for key in features if _is_image(features[key])]
        x_key = next(iter(images or [key for key in features if _is_numeric(features[key])]), None)
    if x_key is None:
        found = ", ".join(f"{key} ({type(feature).__name__})" for key, feature in features.items())
        raise InputError(f"{source}: no image and no tensor of numbers among the features {found}")
    if y_key is None or not _is_label(features[y_key]):
        y_key = next((key for key in features if _is_class(features[key])), None)
    return x_key, y_key


def _is_image(feature):
    return type(feature).__name__ == "Image"


def _is_numeric(feature):
    tensor = type(feature).__name__ in ("Tensor", "Image")
    return tensor and len(feature.shape) > 0 and np.dtype(feature.np_dtype).kind in "biuf"


def _is_class(feature):
    return type(feature).__name__ == "ClassLabel"


def _is_label(feature):
    return getattr(feature, "shape", None) == () and np.dtype(feature.np_dtype).kind in "iu"
