"""Columns of numbers and of words: their types, their missing cells, and the vectors that models take.

A number takes one value of the vector, a category one for each of its words (one-hot). `Preprocessor.columns` keeps the
columns, so that new data are encoded as the training data were and outputs become columns again.
"""

import array
import dataclasses
import math

import numpy as np

from ..errors import InputError, nearest
from .source import Part, Source, counted, one_each

LABELS = ("label", "y", "class", "target")
MISSING = ("", "na", "n/a", "nan", "nat", "null", "none", "<na>", "?")
MAX_WORDS = 100  # different words that a column may hold before it is taken for text


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        name: its heading.
        words: what it may hold, in order; None for numbers.
        fill: what stands for a missing cell where it has to be filled: the mean, or the most frequent word.
    """

    name: str
    words: tuple | None
    fill: float | str | None

    def __post_init__(self):
        if isinstance(self.words, list):
            object.__setattr__(self, "words", tuple(self.words))
        problem = self._problem()
        if problem:
            raise InputError(f"preprocessor: columns: {problem}")

    @property
    def width(self):
        """Values of the vector that it takes."""
        return 1 if self.words is None else len(self.words)

    def encode(self, values, missing):
        """Numbers or numbers of words [N], NaN where missing, as [N, width], float64.

        Args:
            missing: "mean" fills; with any other NaN stays, in all values of a category.
        """
        values = np.asarray(values, np.float64)
        if missing == "mean" and self.fill is not None:
            fill = self.fill if self.words is None else self.words.index(self.fill)
            values = np.where(np.isnan(values), fill, values)
        if self.words is None:
            return values[:, None]
        hot = (values[:, None] == np.arange(len(self.words))).astype(np.float64)
        hot[np.isnan(values)] = np.nan
        return hot

    def decode(self, values):
        """[N, width] as numbers, or as the most probable words [N]."""
        return values[:, 0] if self.words is None else np.array(self.words)[np.argmax(values, axis=1)]

    def _problem(self):
        if not isinstance(self.name, str):
            return f"a name must be text, not {self.name!r}"
        if self.words is None:
            return None if _finite(self.fill) else f"{self.name!r}: fill must be a number, not {self.fill!r}"
        if not (isinstance(self.words, tuple) and self.words and all(isinstance(w, str) for w in self.words)):
            return f"{self.name!r}: words must be a list of texts"
        return None if self.fill in self.words else f"{self.name!r}: fill must be one of its words"


class Cells:
    """A column while it is read: numbers, or words by their number; never both.

    Args:
        place: "line" or "row", for messages.
    """

    def __init__(self, name, where, place="line"):
        self.name, self.where, self.place = name, where, place
        self.values, self.words, self.gap = array.array("d"), {}, None
        self.number_at, self.word_at = None, None

    def add(self, text, at):
        text = text.strip()
        if text.lower() in MISSING:
            self.gap = self.gap or (at, text)
            self.values.append(math.nan)
        elif is_number(text):
            self.number_at = self.number_at or (at, text)
            self._one_kind()
            value = float(text)
            if math.isinf(value):
                raise InputError(f"{self.where}: column {self.name!r} {self.place} {at} is {text}; need finite numbers")
            self.values.append(value)
        else:
            self.word_at = self.word_at or (at, text)
            self._one_kind()
            self.values.append(self.words.setdefault(text, len(self.words)))
            if len(self.words) > MAX_WORDS:
                raise InputError(
                    f"{self.where}: column {self.name!r} is text ({self.place} {at}: {text[:40]!r}), with more than "
                    f"{MAX_WORDS} different values; remove or encode the column"
                )

    def _one_kind(self):
        if self.number_at and self.word_at:
            (at, text), (_, number) = self.word_at, self.number_at
            raise InputError(
                f"{self.where}: column {self.name!r} is text ({self.place} {at}: {text[:40]!r}) beside numbers "
                f"({number[:20]}); mend the cell, or remove or encode the column"
            )

    def done(self):
        """(values [N] with words numbered in their alphabetical order, the Column, where the first gap is or None)."""
        values = np.array(self.values)
        if not len(values):  # no rows: complained about where all sources are
            return values, Column(self.name, None, 0.0), None
        gap = self.gap and f"{self.place} {self.gap[0]} is {self.gap[1] or 'empty'}"
        if np.isnan(values).all():
            raise InputError(f"{self.where}: column {self.name!r} has no value; remove it")
        known = values[~np.isnan(values)]
        if not self.words:
            return values, Column(self.name, None, float(known.mean())), gap
        order = np.argsort(np.argsort(list(self.words)))
        words = tuple(sorted(self.words))
        fill = list(self.words)[int(np.bincount(known.astype(int)).argmax())]
        values[~np.isnan(values)] = order[known.astype(int)]
        return values, Column(self.name, words, fill), gap


def from_frame(frame, labels=None):
    """A pandas, Polars or PyArrow table, or a single column of one.

    Args:
        labels: of the rows, [N], where they are no column of it.
    """
    where = f"{type(frame).__module__.split('.')[0]} {type(frame).__name__}"
    frame = frame.to_frame() if hasattr(frame, "to_frame") else frame  # a Series
    if hasattr(frame, "collect") and not hasattr(frame, "to_pandas"):
        frame = frame.collect()  # a Polars LazyFrame
    if not hasattr(frame, "columns"):
        raise InputError(f"{where}: is no table; need a data frame, or an array by numpy.asarray")
    names = [str(name) for name in getattr(frame, "column_names", None) or frame.columns]
    columns = getattr(frame, "columns", None) if hasattr(frame, "column_names") else [frame[n] for n in frame.columns]
    require_different(names, where)
    source = from_columns(dict(zip(names, map(_array, columns), strict=True)), "table", where, labels is None)
    if labels is not None:
        source.parts["train"].y = _labels(_array(labels))
    return source


def from_columns(columns, name, where, labelled=True):
    """Columns by name: arrays [N] of numbers, booleans or words; one named label, y, class or target is the label.

    Args:
        labelled: whether such a column is looked for.
    """
    read, labels = [], None
    for heading, values in columns.items():
        if labelled and heading.lower() in LABELS and labels is None:
            labels = heading
            continue
        read.append(_read(heading, values, where))
    y = None if labels is None else _labels(columns[labels])
    return as_source(read, y, name, where, labels)


def as_source(read, y, name, where, label):
    """The Source of [(values [N], Column, first gap)] and labels."""
    if not read:
        raise InputError(f"{where}: the only column is {label!r}, which holds labels; need columns of numbers")
    x = np.stack([values for values, *_ in read], axis=1)
    notes = [] if label is None else [f"column {label!r} was read as the label"]
    columns, gaps = tuple(column for _, column, _ in read), {column.name: gap for _, column, gap in read if gap}
    return Source(name, where, {"train": Part(x, y)}, "table", notes=notes, columns=columns, gaps=gaps)


def encode(source, missing, known=None):
    """The source with vectors in place of columns, and the columns that say what they are.

    Args:
        missing: "refuse", "mean", "drop" or "mask", see `zoo.data.load`.
        known: the columns of a model that the data are for; those of the source by default.

    Raises:
        InputError: a column of the model is not there or of another kind, a word is new, or a cell is missing.
    """
    columns, part = known or source.columns, source.parts["train"]
    found = {column.name: (part.x[:, i], column) for i, column in enumerate(source.columns)}
    ignored = [name for name in found if name not in {column.name for column in columns}]
    if ignored:
        source.notes.append(f"{counted(len(ignored), 'column')} that the model does not take: {', '.join(ignored[:5])}")
    chosen = [_as_known(found, column, source.source) for column in columns]
    gaps = np.isnan(np.stack(chosen, axis=1)) if len(part.x) else np.zeros((0, len(columns)), bool)
    if gaps.any() and missing == "refuse":
        index = int(np.flatnonzero(gaps.any(axis=0))[0])
        name, count = columns[index].name, int(gaps[:, index].sum())
        raise InputError(
            f"{source.source}: column {name!r} {source.gaps[name]} ({counted(count, 'missing cell')}); fill it or "
            "remove the line; or missing=mean fills, missing=drop leaves such examples out (--missing mean)"
        )
    x = np.concatenate([c.encode(v, missing) for c, v in zip(columns, chosen, strict=True)], axis=1)
    y = None if part.y is None else one_each(part.y, len(part.x), source.source)
    if gaps.any():
        kept = ~gaps.any(axis=1) if missing == "drop" else np.ones(len(x), bool)
        source.notes.append(_said(gaps, kept, missing))
        x, y = x[kept], None if y is None else y[kept]
    words = [f"{c.name!r} ({c.width})" for c in columns if c.words]
    if words:
        source.notes.append(f"{counted(len(words), 'column')} of categories, one-hot: {', '.join(words[:8])}")
    return dataclasses.replace(source, parts={"train": Part(x, y)}, columns=tuple(columns))


def decode(columns, x):
    """{name: numbers or words [N]} of vectors x [N, F] as `encode` makes them."""
    edges = np.cumsum([column.width for column in columns])[:-1]
    return {c.name: c.decode(values) for c, values in zip(columns, np.split(x, edges, axis=1), strict=True)}


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # float("1_000") is Python, not a table


def require_different(names, where):
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise InputError(f"{where}: two columns are named {twice!r}; rename one")


def _said(gaps, kept, missing):
    cells = counted(int(gaps.sum()), "missing cell")
    how = {"mean": "filled by the mean or the most frequent word", "mask": "masked"}
    if missing == "drop":
        return f"{counted(int((~kept).sum()), 'example')} with missing cells left out"
    return f"{cells} {how[missing]}"


def _as_known(found, column, where):
    """The values of a column [N] as a model's column takes them: its words, its order of words."""
    if column.name not in found:
        raise InputError(
            f"{where}: column {column.name!r} is missing, which the model takes{nearest(column.name, found)}"
        )
    values, own = found[column.name]
    if own.words == column.words or np.isnan(values).all():
        return values
    if column.words is None or own.words is None:
        kind = "words" if own.words else "numbers"
        raise InputError(f"{where}: column {column.name!r} holds {kind}, the model takes the other")
    new = [word for word in own.words if word not in column.words]
    if new:
        raise InputError(
            f"{where}: column {column.name!r} holds {new[0]!r}; the model knows {', '.join(column.words[:10])}"
        )
    order = np.array([column.words.index(word) for word in own.words], np.float64)
    moved = values.copy()
    moved[~np.isnan(values)] = order[values[~np.isnan(values)].astype(int)]
    return moved


def _array(column):
    """A column of a frame as a NumPy array."""
    if hasattr(column, "to_numpy"):
        try:
            return np.asarray(column.to_numpy())
        except Exception as error:  # Arrow: a chunked array of words, or lists
            if hasattr(column, "to_pylist"):
                return np.array(column.to_pylist(), dtype=object)
            raise InputError(f"a column cannot be read: {str(error).splitlines()[0]}") from None
    return np.asarray(column)


def _read(name, values, where):
    """(values [N], Column, first gap) of an array."""
    if values.ndim != 1:
        raise InputError(f"{where}: column {name!r} holds arrays of shape {values.shape[1:]}; need one value a cell")
    if values.dtype.kind in "iuf":
        return _numbers(name, values.astype(np.float64), where)
    if values.dtype.kind not in "bOUST":
        raise InputError(f"{where}: column {name!r} is of type {values.dtype}; need numbers, booleans or words")
    cells = Cells(name, where, "row")
    for row, value in enumerate(values.tolist(), 1):
        if isinstance(value, list | tuple | dict | set | np.ndarray):
            kind = type(value).__name__
            raise InputError(f"{where}: column {name!r} row {row} holds a {kind}; need one number or word a cell")
        cells.add(_text(value), row)
    return cells.done()


def _numbers(name, values, where):
    if np.isinf(values).any():
        raise InputError(f"{where}: column {name!r} row {int(np.isinf(values).argmax()) + 1} is infinite")
    if len(values) and np.isnan(values).all():
        raise InputError(f"{where}: column {name!r} has no value; remove it")
    gap = f"row {int(np.isnan(values).argmax()) + 1} is empty" if np.isnan(values).any() else None
    return values, Column(name, None, float(np.nanmean(values)) if len(values) else 0.0), gap


def _text(value):
    if value is None:
        return ""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _labels(values):
    """Numbers where all of them are, else words."""
    if values.dtype.kind in "biuf":
        return values
    return words_or_numbers([_text(value) for value in values.tolist()])


def words_or_numbers(cells):
    """Labels as numbers where all of them are, else as words."""
    return np.array([float(c) for c in cells]) if all(map(is_number, cells)) else np.array(cells)


def _finite(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
