"""`.csv` files of numbers, with or without a header."""

import array
import csv
import itertools
import math

import numpy as np

from ..errors import InputError
from .source import Part, Source, require_memory

LABELS = ("label", "y", "class", "target")
DELIMITERS = ",;\t"


def from_csv(path):
    """A table of examples, one a line; a column named label, y, class or target holds the labels.

    Every other cell must be a finite number. The delimiter is a comma, semicolon or tab: what the first line has most.
    """
    require_memory(4 * path.stat().st_size, path)  # "1,2," is 4 bytes of text and 16 of numbers
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            delimiter = max(DELIMITERS, key=file.readline().count)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            rows = ((reader.line_num, [cell.strip() for cell in row]) for row in reader)
            return _source(path, ((line, row) for line, row in rows if any(row)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a text table ({error})") from None


def _source(path, rows):
    first = next(rows, None)
    if first is None:
        raise InputError(f"{path}: empty file")
    cells = first[1]
    header = not any(map(_is_number, cells))
    names = cells if header else [str(i + 1) for i in range(len(cells))]
    label = next((i for i, name in enumerate(names) if header and name.lower() in LABELS), None)
    numbers, labels = array.array("d"), []
    for line, row in rows if header else itertools.chain([first], rows):
        if len(row) != len(names):
            raise InputError(f"{path}: line {line} has {len(row)} values, the first line has {len(names)}")
        if label is not None:
            labels.append(row.pop(label))
        columns = names if label is None else names[:label] + names[label + 1 :]
        numbers.extend(_number(cell, path, name, line) for name, cell in zip(columns, row, strict=True))
    features = len(names) - (label is not None)
    if features == 0:
        raise InputError(f"{path}: the only column is {names[0]!r}, which holds labels; need columns of numbers")
    x = np.frombuffer(numbers, np.float64).reshape(-1, features) if numbers else np.empty((0, features))
    notes = [] if label is None else [f"column {names[label]!r} was read as the label"]
    return Source(path.stem, str(path), {"train": Part(x, _labels(labels) if labels else None)}, "table", notes=notes)


def _number(cell, path, column, line):
    if not cell:
        raise InputError(f"{path}: column {column!r} line {line} is empty; fill it or remove the line")
    if not _is_number(cell):
        raise InputError(f"{path}: column {column!r} is text (line {line}: {cell[:40]!r}); remove or encode the column")
    value = float(cell)
    if not math.isfinite(value):
        raise InputError(f"{path}: column {column!r} line {line} is {cell}; need finite numbers")
    return value


def _labels(cells):
    """Numbers where all of them are, else words."""
    return np.array([float(c) for c in cells]) if all(map(_is_number, cells)) else np.array(cells)


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # float("1_000") is Python, not CSV
