"""One resolver of data specs: whatever the user names becomes a `Bundle`."""

import os
import stat
import sys
import warnings
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import InputError, nearest
from . import arrays, csv_files, image_files, numpy_files, parquet_files, pixels, splits, tables, text_files, tokens
from .bundle import Bundle, Split, fingerprint
from .preprocessor import KINDS, Preprocessor, require_finite
from .source import Source, counted, one_each, require_memory
from .stored import Stored, chosen_rows, each, pieces

FORMS = (
    "digits, sprites, tunes, chorales, tfds:NAME[/CONFIG], sklearn:NAME, synthetic:NAME, text:FILE, a folder of "
    "images, a .npy, .npz, .csv, .parquet or .tfrecord file, an array, (x, y), a data frame, a tf.data.Dataset, or a "
    "keras.utils.PyDataset"
)
READERS = {
    ".npy": numpy_files.from_npy,
    ".npz": numpy_files.from_npz,
    ".csv": csv_files.from_csv,
    ".parquet": parquet_files.from_parquet,
}
RECORDS = (".tfrecord", ".tfrecords")
FRAMES = ("pandas", "polars", "pyarrow")
MOST_TOKENS = 100_000  # different ones
MISSING = ("refuse", "mean", "drop", "mask")
RANKS = {"table": (2,), "sequence": (3,), "image": (3, 4), "tokens": (2,)}


def load(
    spec,
    *,
    validation=0.1,
    test=0.1,
    seed=0,
    resize=None,
    channels=None,
    skip_bad=False,
    limit=None,
    preprocessor=None,
    name=None,
    kind=None,
    missing="refuse",
    stream=None,
    length=None,
    unit="characters",
    cut="lines",
):
    """Reads a data set, checks it, and cuts it into train, validation and test.

    [N, H, W, C] and [N, H, W] (one channel is added) are images, [N, F] is a table; [N, T, C] is read as sequences only
    when asked for by `kind="sequence"` or by the preprocessor. Images become [0, 1]; tables and sequences are
    standardised with the mean and standard deviation of the training split. Texts, tunes and with `kind="tokens"` whole
    numbers [N, T] become one-hot vectors [N, T, V].

    Args:
        spec: "digits", "sprites", "tunes", "tfds:NAME[/CONFIG][:VERSION]", "sklearn:NAME", "synthetic:NAME" or
            "text:FILE"; the path of a folder of images, an image, or a `.npy`, `.npz`, `.csv`, `.parquet` or
            `.tfrecord` file (a path that exists goes before a name); an array, a tensor or a list; (x, y); a mapping
            of arrays; a pandas, Polars or PyArrow table, or (table, y); a `tf.data.Dataset`; a `keras.utils.PyDataset`.
        validation, test: fractions in [0, 1) to cut out where the source has no such split, in expectation, see
            `zoo.data.splits`. With 0 the split is empty.
        seed: of the assignment to splits; the same examples and seed give the same splits everywhere.
        resize: (H, W) of images, bilinear and antialiased; how, "fit", "crop" or "pad" (see `zoo.data.pixels.Size`), to
            bring mixed sizes to the most frequent one; or (H, W, how).
        channels: 1 or 3, to turn images grey or give them three channels.
        skip_bad: leave image files out that cannot be read, and say so in the notes, rather than fail.
        limit: at most so many examples in all, taken by the hash of their contents.
        preprocessor: of a pretrained model, which the data are then brought to; shapes must agree. A single example is
            enough then.
        name: for titles; the spec's own by default.
        kind: "image", "sequence", "table" or "tokens" where the rule above is wrong.
        missing: what becomes of missing cells in tables: "refuse" them; "mean" puts the column's mean or most frequent
            word there; "drop" leaves such examples out; "mask" keeps them as NaN, for models that can learn from that.
        stream: whether the examples of an image folder or a `.npy` file stay on the disk, decoded once into the cache,
            and are read when they are needed: x is then a `zoo.data.Stored`. None: when they would take more than half
            of the free memory. Splits, order and results are the same.
        length: of a text in its units or of a tune in sixteenths; None: of the longest line, of 64 characters or 16
            words in a window, of 32 sixteenths.
        unit: what the tokens of a text are, "characters" or "words".
        cut: "lines" makes every line of a text an example; "windows" cuts running text.

    Returns:
        A `Bundle`.

    Raises:
        InputError: anything wrong with the data or the arguments.
        WriteError: the cache cannot be written.
    """
    splits.check_fractions({"test": test, "validation": validation})
    _check_arguments(channels, limit, seed, kind)
    tokens.check_arguments(length, unit, cut)
    resize = pixels.size_from(resize)
    if missing not in MISSING:
        raise InputError(f"missing={missing!r}: need one of {', '.join(MISSING)}")
    source = read(spec, resize, channels, skip_bad, stream)
    if source.columns is not None:
        source = tables.encode(source, missing, preprocessor.columns if preprocessor else None)
    if source.pieces is not None:
        source = tokens.encode(source, length, unit, cut, preprocessor)
    where, notes = source.source, list(source.notes)
    parts = _parts(source, 1 if preprocessor else 2)
    kind = _kind(source, kind, preprocessor)
    classes, labels = _labels(parts, source.classes, where)
    raw = {name: _numbers(part.x, where, missing) for name, part in parts.items()}
    keys = {name: _keys(raw[name]) if part.keys is None else part.keys for name, part in parts.items()}
    chosen = _chosen(keys, {"test": test, "validation": validation}, seed, limit, where, notes)
    if kind == "image":
        raw, preprocessor = _images(raw, resize, channels, preprocessor, where, notes)
    elif resize or channels:
        raise InputError(f"{where}: resize and channels are for images; this is a {kind}")
    elif any(isinstance(x, Stored) for x in raw.values()):
        raise InputError(
            f"{where}: too large for the memory, and only images are read from the disk; take fewer examples"
        )
    if kind == "tokens":
        raw, preprocessor = _tokens(raw, source.vocabulary, preprocessor, where)
    else:
        raw = {name: _stored(x) for name, x in raw.items()}
    cut = {name: _split(raw[home], labels[home], parts[home].factors, rows) for name, (home, rows) in chosen.items()}
    if preprocessor is None:
        preprocessor = _standardised(cut["train"].x, kind, source.columns, notes)
    for split in cut.values():
        preprocessor.check(split.x, where, missing == "mask")
    return Bundle(
        name=name or source.name,
        source=where,
        kind=kind,
        shape=preprocessor.shape,
        **cut,
        preprocessor=preprocessor,
        classes=classes,
        licence=source.licence,
        notes=tuple(notes),
        fingerprint=fingerprint(cut),
        factors=source.factors,
    )


def read(spec, resize=None, channels=None, skip_bad=False, stream=None) -> Source:
    """The examples of a spec as they are, see `load`. Streams of images are resized on the way."""
    if isinstance(spec, np.ndarray):
        return arrays.from_array(spec)
    if isinstance(spec, tuple):
        return tables.from_frame(*spec) if len(spec) == 2 and is_frame(spec[0]) else arrays.from_pair(spec)
    if isinstance(spec, dict):
        return arrays.from_named(spec, "array", "array")
    tensorflow = sys.modules.get("tensorflow")  # its data sets cannot exist before the import
    if tensorflow is not None and isinstance(spec, tensorflow.data.Dataset):
        return arrays.from_dataset(spec)
    keras = sys.modules.get("keras")
    if keras is not None and isinstance(spec, keras.utils.PyDataset):
        return arrays.from_batches(spec)
    if is_frame(spec):
        return tables.from_frame(spec)
    if isinstance(spec, list) or hasattr(spec, "__array__"):
        return arrays.from_array(arrays.as_array(spec))
    if not isinstance(spec, (str, os.PathLike)):
        raise InputError(f"data: {type(spec).__name__} is no data; accepted are {FORMS}")
    if _exists(spec):
        return _read_path(Path(spec), resize, channels, skip_bad, stream)
    return _read_name(str(spec), resize, channels)


def _read_path(path, resize, channels, skip_bad, stream):
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: cannot be opened (permission denied)")
    if path.is_dir():
        return image_files.from_folder(path, resize, channels, skip_bad, stream)
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputError(f"{path}: not a regular file")
    suffix = path.suffix.lower()
    if suffix in image_files.EXTENSIONS:
        return image_files.from_image(path, resize, channels)
    if suffix in RECORDS:
        from . import tfrecord_files

        return tfrecord_files.from_tfrecord(path, resize, channels)
    if suffix not in READERS:
        raise InputError(f"{path}: files ending in {suffix or 'nothing'!r} are not read; accepted are {FORMS}")
    return READERS[suffix](path, stream) if suffix == ".npy" else READERS[suffix](path)


def _read_name(spec, resize, channels):
    from . import small_sets, tfds

    scheme, _, rest = spec.partition(":")
    if spec in ("digits", "sklearn:digits", "tfds:digits"):
        return tfds.from_digits(resize, channels)
    if scheme in ("tunes", "chorales"):
        return tfds.from_scores(spec)
    if scheme == "text":
        return text_files.from_text(rest)
    if spec == "sprites":
        return tfds.from_sprites(resize, channels)
    if scheme == "tfds":
        return tfds.from_tfds(rest, resize, channels)
    if scheme == "sklearn":
        return small_sets.from_sklearn(rest)
    if scheme == "synthetic":
        return small_sets.from_synthetic(rest)
    if "/" in spec or os.sep in spec or Path(spec).suffix:
        kind = "file" if Path(spec).suffix else "folder"
        raise InputError(f"{spec}: this {kind} does not exist; accepted are {FORMS}")
    own = {f"sklearn:{name}" for name in small_sets.TABLES} | {f"synthetic:{name}" for name in small_sets.SYNTHETIC}
    own |= {"digits", "sklearn:digits", "sprites", "tunes", "chorales", "chorales:soprano"}
    known = sorted({*own, *(f"tfds:{name}" for name in tfds.names())})
    guess = f"; did you mean 'tfds:{spec}'?" if f"tfds:{spec}" in known else nearest(spec, known)
    raise InputError(f"{spec!r} is neither a path nor a data set{guess}; accepted are {FORMS}")


def is_frame(spec):
    """Whether it is a pandas, Polars or PyArrow table, or a column of one."""
    return type(spec).__module__.partition(".")[0] in FRAMES


def _exists(spec):
    try:
        return Path(spec).exists()
    except (OSError, ValueError):  # a name too long, or with a zero byte
        return False


def _check_arguments(channels, limit, seed, kind):
    if channels not in (None, 1, 3):
        raise InputError(f"channels={channels!r}: need 1 (grey) or 3 (colour)")
    if limit is not None and not (_whole(limit) and limit >= 1):
        raise InputError(f"limit={limit!r}: need a whole number of examples, at least 1")
    if not (_whole(seed) and seed >= 0):
        raise InputError(f"seed={seed!r}: need a whole number, 0 or more")
    if kind not in (None, *KINDS):
        raise InputError(f"kind={kind!r}: need one of {', '.join(KINDS)}")


def _whole(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _parts(source, least):
    """The parts of the source that have examples, one of them "train", each of numbers and all of one shape."""
    where = source.source
    for part in source.parts.values():
        if part.x.ndim == 0 or part.x.dtype.kind not in "biuf":
            raise InputError(
                f"{where}: an array of dtype {part.x.dtype} and shape {part.x.shape}; need numbers [N, ...]"
            )
    parts = {name: part for name, part in source.parts.items() if len(part.x)}
    found = sum(len(part.x) for part in parts.values())
    if found < least:
        verb = "is" if least == 1 else "are"
        raise InputError(f"{where}: {counted(found, 'sample')}; at least {least} {verb} needed")
    shapes = sorted({part.x.shape[1:] for part in parts.values()})
    if len(shapes) > 1:
        raise InputError(f"{where}: the splits hold examples of different shapes, {shapes[0]} and {shapes[1]}")
    if "train" not in parts:
        raise InputError(
            f"{where}: there is {' and '.join(parts)} but no train; rename one, or give its array or folder alone"
        )
    return parts


def _kind(source, asked, preprocessor):
    """What the examples are, by the rule in `load`."""
    shape = source.parts["train"].x.shape
    where = source.source
    kind = (
        asked
        or (preprocessor.kind if preprocessor else source.kind)
        or {2: "table", 3: "image", 4: "image"}.get(len(shape))
    )
    if kind is None or len(shape) not in RANKS[kind]:
        needed = {"table": "[N, F]", "tokens": "[N, T]", "sequence": "[N, T, C]", "image": "[N, H, W, C] or [N, H, W]"}
        forms = f"a {kind} is {needed[kind]}" if kind else "need [N, F], [N, H, W], or [N, H, W, C]"
        raise InputError(f"{where}: shape {shape}; {forms}")
    if 0 in shape[1:]:
        raise InputError(f"{where}: shape {shape} has an empty axis")
    if kind == "image" and asked is None and len(shape) == 3 and shape[-1] in (1, 3, 4):
        raise InputError(f"{where}: shape {shape} is one image, or sequences; need [N, H, W, C], or kind='sequence'")
    if kind == "image" and len(shape) == 4 and shape[1] in (1, 3) and shape[-1] > 4:
        raise InputError(f"{where}: shape {shape} has its channels first; transpose it to [N, H, W, C]")
    return kind


def _labels(parts, classes, where):
    """(names of the classes or None, {part: int64 [N] or None}); words are numbered in their order."""
    found = {name: one_each(part.y, len(part.x), where) for name, part in parts.items() if part.y is not None}
    for name, y in found.items():
        if y.dtype.kind == "O" and all(isinstance(value, str) for value in y):
            found[name] = y = y.astype(str)
        if y.dtype.kind not in "biufUS":
            raise InputError(f"{where}: labels of dtype {y.dtype}; need whole numbers or words")
        if y.dtype.kind == "f" and not (np.isfinite(y).all() and (y == np.rint(y)).all()):
            raise InputError(f"{where}: labels must be whole numbers; found {y[~(y == np.rint(y))][0]:g}")
    if any(y.dtype.kind in "US" for y in found.values()):
        words = np.unique(np.concatenate([y.astype(str) for y in found.values()]))
        found = {name: np.searchsorted(words, y.astype(str)) for name, y in found.items()}
        classes = tuple(words.tolist())
    return classes, {name: found[name].astype(np.int64) if name in found else None for name in parts}


def _numbers(x, where, missing):
    """x with every value finite (or masked), as it is where its dtype tells the range of pixels, else as float32."""
    if isinstance(x, Stored):
        return _checked(x, where)
    require_memory(x.size * (1 if x.dtype == np.uint8 else 4), where)
    if x.dtype.kind == "f":
        with np.errstate(over="ignore"):  # too large for float32 is infinite, and found below
            x = x.astype(np.float32, copy=False)
        require_finite(x, where, missing == "mask")
    return x


def _checked(x, where):
    """Examples on the disk, every value finite."""
    if x.dtype.kind == "f":
        x = x.map(partial(np.asarray, dtype=np.float32))
        for piece in x.pieces():
            require_finite(piece, where)
    return x


def _keys(x):
    """Content digests [N]."""
    return np.concatenate([splits.content_keys(piece) for piece in pieces(x)])


def _chosen(keys, fractions, seed, limit, where, notes):
    """{split: (the part it lies in, the rows)} of the three splits."""
    place = {name: splits.places(k, seed) for name, k in keys.items()}
    rows = {name: np.arange(len(k)) for name, k in keys.items()}
    total = sum(map(len, keys.values()))
    if limit is not None and limit < total:
        owner = np.concatenate([np.full(len(k), i) for i, k in enumerate(keys.values())])
        row = np.concatenate(list(rows.values()))
        kept = splits.first_by_order(np.concatenate([p[:, 1] for p in place.values()]), limit)
        rows = {name: row[kept][owner[kept] == i] for i, name in enumerate(keys)}
        notes.append(f"{limit} of {total} examples were taken (limit)")
    if not len(rows["train"]):
        raise InputError(f"{where}: limit={limit} leaves no example to train on")
    missing = {name: fraction for name, fraction in fractions.items() if name not in keys}
    pieces, ranked = splits.cut(place["train"][rows["train"], 0], missing)
    wanted = [f"{name} ({fraction:.0%})" for name, fraction in missing.items() if fraction]
    if wanted:
        how = (
            "by the rank of a hash of their contents, since there are few" if ranked else "by a hash of their contents"
        )
        notes.append(f"examples for {' and '.join(wanted)} were taken out of train {how}")
    _note_overlap(keys, notes)
    cut = {name: ("train", rows["train"][piece]) for name, piece in pieces.items()}
    given = {name: (name, kept) for name, kept in rows.items() if name != "train"}
    return {name: (cut | given)[name] for name in ("train", "validation", "test")}


def _note_overlap(keys, notes):
    """Says how many examples of the source's own splits stand in its train split too."""
    for name in set(keys) - {"train"}:
        shared = int(np.isin(keys[name].view("S16"), keys["train"].view("S16")).sum())
        if shared:
            notes.append(
                f"{shared} of {counted(len(keys[name]), 'example')} of the source's {name} split stand in train too"
            )


def _images(raw, resize, channels, preprocessor, where, notes):
    """({part: [N, H, W, C] as uint8 or float32}, the preprocessor): converted as asked and to the model's range."""
    if next(iter(raw.values())).ndim == 3:
        raw = {name: each(x, _with_channel) for name, x in raw.items()}
        notes.append("images without a channel axis were given one channel")
    found, note = pixels.pixel_range(list(raw.values()), where)
    if note:
        notes.append(note)
    if found is None and preprocessor is not None and preprocessor.low is not None:
        raise InputError(f"{where}: {note}; the model takes {preprocessor.low:g} to {preprocessor.high:g}")
    raw = {name: each(x, partial(pixels.convert, resize=resize, channels=channels)) for name, x in raw.items()}
    x = raw["train"]
    if preprocessor is None and found is None:
        return raw, Preprocessor(x.shape[1:], "image", "float32", None, None, 0.0, 1.0)
    if preprocessor is None:
        return raw, Preprocessor.from_pixels(x.shape[1:], "uint8" if x.dtype == np.uint8 else "float32", *found)
    wanted = (preprocessor.low, preprocessor.high)
    if wanted != (None, None) and wanted != found:
        raw = {name: each(x, partial(pixels.rescale, found=found, wanted=wanted)) for name, x in raw.items()}
        notes.append(f"pixel values were brought from {list(found)} to the model's [{wanted[0]:g}, {wanted[1]:g}]")
    return raw, preprocessor


def _tokens(raw, vocabulary, preprocessor, where):
    """({part: numbers [N, T] of the preprocessor's dtype}, the preprocessor)."""
    for x in raw.values():
        if x.dtype.kind not in "iu" and not np.all(x == np.rint(x)):
            raise InputError(f"{where}: tokens must be whole numbers; found {x[x != np.rint(x)][0]:g}")
        if x.min(initial=0) < 0 or x.max(initial=0) > MOST_TOKENS:
            raise InputError(f"{where}: tokens run from {x.min():g} to {x.max():g}; need 0 to {MOST_TOKENS:,}")
    if preprocessor is None:
        size = max(2, 1 + int(max(x.max(initial=0) for x in raw.values())))
        vocabulary = vocabulary or tokens.Vocabulary("numbers", tuple(map(str, range(size))))
        preprocessor = Preprocessor.from_tokens(raw["train"], vocabulary)
    for x in raw.values():
        preprocessor.check(x, where)
    return {name: x.astype(preprocessor.dtype) for name, x in raw.items()}, preprocessor


def _with_channel(x):
    return x[..., None]


def _stored(x):
    return x if x.dtype == np.uint8 else each(x, partial(np.asarray, dtype=np.float32))


def _standardised(x, kind, columns, notes):
    """The preprocessor of tables and sequences, from training examples x [N, ..., F]."""
    axes = tuple(range(x.ndim - 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a column without a value in train has the mean NaN, and is refused below
        constant = np.flatnonzero(np.nanmax(x, axis=axes) == np.nanmin(x, axis=axes))
    if len(constant):
        notes.append(f"{counted(len(constant), 'column')} constant in train, kept unscaled: {constant[:8].tolist()}")
    return Preprocessor.standard(x, kind, str(x.dtype), columns)


def _split(x, y, factors, rows):
    everything = len(rows) == len(x)
    return Split(*(part if part is None or everything else chosen_rows(part, rows) for part in (x, y, factors)))
