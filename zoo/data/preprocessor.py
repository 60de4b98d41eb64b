"""The way from raw values to model values and back; the same numbers serve Python, phone and browser."""

import dataclasses
import json
import math
import sys

import numpy as np

from ..errors import InputError
from .stored import Stored
from .tables import Column
from .tables import decode as columns_of
from .tokens import Vocabulary

KINDS = ("image", "sequence", "table", "tokens")
STORED = ("uint8", "int32", "float32")
OPTIONAL = {"columns": None, "vocabulary": None}  # what preprocessor.json leaves out where there is none


@dataclasses.dataclass(frozen=True)
class Preprocessor:
    """Model value = (raw - shift) * scale; of tokens the one-hot vector of the raw number.

    Args:
        shape: of one example as the model takes it, without the batch: (H, W, C), (T, C) or (F,); (T, V) of tokens,
            whose raw examples are numbers, (T,).
        kind: "image", "sequence", "table" or "tokens".
        dtype: of raw values as the data set keeps them: "uint8", "float32", or for many different tokens "int32".
        low, high: the smallest and largest raw value there may be; None where there is no bound.
        shift, scale: a number, or one number for each entry of the last axis.
        columns: what the entries of a table are, `zoo.data.tables.Column` each; None where they have no names.
        vocabulary: what the numbers of tokens stand for, a `zoo.data.tokens.Vocabulary`; None for other kinds.
    """

    shape: tuple
    kind: str
    dtype: str
    low: float | None
    high: float | None
    shift: float | tuple
    scale: float | tuple
    columns: tuple | None = None
    vocabulary: Vocabulary | None = None

    def __post_init__(self):
        for field in ("shape", "shift", "scale"):
            value = getattr(self, field)
            if isinstance(value, list):
                object.__setattr__(self, field, tuple(value))
        if self.columns is not None:
            object.__setattr__(self, "columns", tuple(map(_column, self.columns)))
        if self.vocabulary is not None:
            object.__setattr__(self, "vocabulary", _vocabulary(self.vocabulary))
        problem = _problem(self)
        if problem:
            raise InputError(f"preprocessor: {problem}")

    @classmethod
    def from_pixels(cls, shape, dtype, low, high):
        """Images: [low, high] becomes [0, 1]."""
        return cls(tuple(shape), "image", dtype, float(low), float(high), float(low), 1.0 / (high - low))

    @classmethod
    def from_tokens(cls, x, vocabulary):
        """Tokens: numbers x [N, T] become one-hot vectors."""
        size = len(vocabulary)
        shape, dtype = (x.shape[1], size), "uint8" if size <= 256 else "int32"
        return cls(shape, "tokens", dtype, 0.0, size - 1.0, 0.0, 1.0, vocabulary=vocabulary)

    @classmethod
    def standard(cls, x, kind, dtype, columns=None):
        """Tables and sequences: mean 0 and standard deviation 1 in x; constant columns and categories have scale 1.

        Args:
            x: raw examples [N, F] or [N, T, C]; NaN values are left out.
            columns: the `Column`s of a table; those of words stay as they are, 0 or 1.
        """
        axes = tuple(range(x.ndim - 1))
        mean, sd = np.nanmean(x, axis=axes, dtype=np.float64), np.nanstd(x, axis=axes, dtype=np.float64)
        constant = np.nanmax(x, axis=axes) == np.nanmin(x, axis=axes)
        scale = 1.0 / np.where(constant | (sd == 0), 1.0, sd)
        if columns:
            hot = np.concatenate([np.full(c.width, c.words is not None) for c in columns])
            mean, scale = np.where(hot, 0.0, mean), np.where(hot, 1.0, scale)
        return cls(x.shape[1:], kind, dtype, None, None, tuple(mean.tolist()), tuple(scale.tolist()), columns)

    @property
    def raw_shape(self):
        """Of one raw example."""
        return self.shape[:1] if self.kind == "tokens" else self.shape

    def apply(self, x):
        """Raw values [..., *raw_shape] to model values, float32. Takes NumPy arrays and TensorFlow tensors."""
        if self.kind == "tokens":
            return _one_hot(x, self.shape[-1])
        return (_float32(x) - np.float32(self.shift)) * np.float32(self.scale)

    def invert(self, x):
        """Model values [..., *shape] to raw values: float32, neither rounded nor clipped; tokens, the most probable."""
        if self.kind == "tokens":
            return np.argmax(x, axis=-1).astype(self.dtype)
        return _float32(x) / np.float32(self.scale) + np.float32(self.shift)

    def picture(self, x):
        """Model values of images as what is drawn: in [0, 1]; standardised ones from -3 to 3."""
        return np.clip(_float32(x) if self.low is not None else _float32(x) / 6 + 0.5, 0, 1)

    def table(self, x):
        """Model values [N, F] as {column: raw numbers or words [N]}, for a preprocessor with columns."""
        return columns_of(self.columns, self.invert(x))

    def raw_columns(self, x):
        """Raw examples [N, F] of a table as {column: the numbers or words that are known, at most N}."""
        columns, known = self.columns or [Column(str(i), None, 0.0) for i in range(self.shape[0])], {}
        for column, values in zip(
            columns, np.split(x, np.cumsum([c.width for c in columns])[:-1], axis=1), strict=True
        ):
            known[column.name] = column.decode(values[~np.isnan(values).any(axis=1)])
        return known

    def check(self, x, where="data", masked=False):
        """Raises InputError, in one line, where raw examples x [N, *raw_shape] are not what the model takes.

        Args:
            masked: whether NaN may stand for missing values.
        """
        x = x if isinstance(x, Stored) else np.asarray(x)
        if x.shape[1:] != self.raw_shape:
            raise InputError(f"{where}: {self._mismatch(x.shape)}")
        if isinstance(x, Stored):
            if x.dtype == np.uint8 and (self.low, self.high) == (0, 255):
                return
            for piece in x.pieces():
                self.check(piece, where, masked)
            return
        require_finite(x, where, masked)
        low, high = (-math.inf if self.low is None else self.low), (math.inf if self.high is None else self.high)
        if x.size and (x.min() < low or x.max() > high):
            raise InputError(
                f"{where}: values run from {x.min():g} to {x.max():g}; the model takes {self.low:g} to {self.high:g}"
            )

    def _mismatch(self, found):
        """The sentence for examples [N, ...] of another shape than the model's."""
        wanted = self.raw_shape
        if found == wanted:
            return f"one example of shape {found} without a batch axis; give x[None]"
        if self.kind == "image" and len(found) == 4:
            if found[-1] != wanted[-1]:
                return f"images have {found[-1]} channels, the model takes {wanted[-1]}; channels={wanted[-1]} converts"
            return (
                f"images are {size_text(found[1:3])}, the model takes {size_text(wanted[:2])}; "
                f"resize=({wanted[0]}, {wanted[1]}) converts"
            )
        if self.kind == "table" and len(found) == 2:
            return f"the table has {found[1]} columns, the model takes {wanted[0]}"
        return f"shape {tuple(found)}; the model takes [N, {', '.join(map(str, wanted))}]"

    def to_json(self):
        """One JSON object as text; `from_json` gives an equal preprocessor."""
        fields = dataclasses.asdict(self)
        for name in OPTIONAL:
            if fields[name] is None:
                del fields[name]
        return json.dumps(fields, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text):
        """The preprocessor that `to_json` wrote. Raises InputError where the text is not one."""
        fields = read_json(text, "preprocessor")
        names = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(fields, dict) or sorted({**OPTIONAL, **fields}) != sorted(names):
            found = sorted(fields) if isinstance(fields, dict) else type(fields).__name__
            raise InputError(f"preprocessor: needs the keys {names}; found {found}")
        return cls(**fields)


def read_json(text, where):
    """Plain data of JSON text or bytes: finite numbers, no key twice, not nested beyond reason."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite_float, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {str(error)[:200]}") from None


def _refuse(constant):
    raise ValueError(f"{constant} is not a number of JSON")


def _finite_float(text):
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:20]} is too large")
    return value


def _once(pairs):
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"the key {twice!r} stands there twice")
    return mapping


def require_finite(x, where, masked=False):
    """Raises InputError with the count and the first position of NaN (unless `masked`) and infinite values in x."""
    if x.dtype.kind != "f":
        return
    bad = np.isinf(x) if masked else ~np.isfinite(x)
    count = int(bad.sum())
    if count:
        first = [int(i) for i in np.unravel_index(np.argmax(bad), x.shape)]
        found = "NaN" if np.isnan(x[bad]).all() else "infinite" if np.isinf(x[bad]).all() else "NaN or infinite"
        raise InputError(f"{where}: {count} {found} value{'s' * (count > 1)} (first at {first}); remove or fill them")


def size_text(size):
    """(H, W) as people say it: '28x32'."""
    return "x".join(str(int(n)) for n in size)


def _float32(x):
    tensorflow = sys.modules.get("tensorflow")  # a tensor cannot exist before the import
    if tensorflow is not None and tensorflow.is_tensor(x):
        return tensorflow.cast(x, tensorflow.float32)
    return np.asarray(x, np.float32)


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _column(fields):
    """A Column, or one out of what JSON says of it."""
    if isinstance(fields, Column):
        return fields
    if not isinstance(fields, dict) or sorted(fields) != ["fill", "name", "words"]:
        raise InputError(f"preprocessor: columns: each needs fill, name and words; found {str(fields)[:60]}")
    return Column(**fields)


def _vocabulary(fields):
    """A Vocabulary, or one out of what JSON says of it."""
    if isinstance(fields, Vocabulary):
        return fields
    if not isinstance(fields, dict) or sorted(fields) != ["unit", "voices", "words"]:
        raise InputError(f"preprocessor: vocabulary: needs unit, voices and words; found {str(fields)[:60]}")
    return Vocabulary(**fields)


def _one_hot(x, size):
    """Numbers of tokens [...] as vectors [..., size]."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and tensorflow.is_tensor(x):
        return tensorflow.one_hot(tensorflow.cast(x, tensorflow.int32), size)
    return np.eye(size, dtype=np.float32)[np.asarray(x, np.int64)]


def _problem(p):
    """What is wrong with the fields, or None."""
    if not (isinstance(p.shape, tuple) and p.shape and all(type(n) is int and n > 0 for n in p.shape)):
        return f"shape must be positive integers, not {p.shape!r}"
    if p.kind not in KINDS or len(p.shape) != {"image": 3, "sequence": 2, "table": 1, "tokens": 2}[p.kind]:
        return f"kind {p.kind!r} does not go with shape {p.shape}"
    if p.dtype not in STORED:
        return f"dtype must be one of {STORED}, not {p.dtype!r}"
    for name in ("low", "high"):
        if not (getattr(p, name) is None or _number(getattr(p, name))):
            return f"{name} must be a number or null, not {getattr(p, name)!r}"
    if (p.low is None) != (p.high is None) or (p.low is not None and p.low >= p.high):
        return f"needs low < high, or neither; found {p.low} and {p.high}"
    for name in ("shift", "scale"):
        value = getattr(p, name)
        entries = value if isinstance(value, tuple) else (value,)
        if not all(_number(v) for v in entries) or (isinstance(value, tuple) and len(value) != p.shape[-1]):
            return f"{name} must be a number, or {p.shape[-1]} numbers"
        if name == "scale" and any(v == 0 for v in entries):
            return "scale must not be 0"
    if p.columns is not None and (p.kind != "table" or sum(c.width for c in p.columns) != p.shape[0]):
        return f"columns take {sum(c.width for c in p.columns)} values, which does not go with shape {p.shape}"
    if (p.kind == "tokens") != (p.vocabulary is not None):
        return f"kind {p.kind!r} {'needs a' if p.kind == 'tokens' else 'has no'} vocabulary"
    if p.vocabulary is not None and len(p.vocabulary) != p.shape[-1]:
        return f"the vocabulary has {len(p.vocabulary)} words, which does not go with shape {p.shape}"
    return None
