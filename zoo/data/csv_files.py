"""`.csv` files of numbers and words, with or without a header."""

import csv
import itertools

from ..errors import InputError
from .source import require_memory
from .tables import LABELS, Cells, as_source, is_number, require_different, words_or_numbers

DELIMITERS = ",;\t"


def from_csv(path):
    """A table of examples, one a line; a column named label, y, class or target holds the labels.

    The delimiter is a comma, semicolon or tab: what the first line has most.
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
    header = not any(map(is_number, first[1]))
    names = first[1] if header else [str(i + 1) for i in range(len(first[1]))]
    require_different(names, path)
    label = next((name for name in names if header and name.lower() in LABELS), None)
    columns, labels = {name: Cells(name, path) for name in names if name != label}, []
    for line, row in rows if header else itertools.chain([first], rows):
        if len(row) != len(names):
            raise InputError(f"{path}: line {line} has {len(row)} values, the first line has {len(names)}")
        for name, cell in zip(names, row, strict=True):
            columns[name].add(cell, line) if name != label else labels.append(cell)
    read = [cells.done() for cells in columns.values()]
    y = words_or_numbers(labels) if labels else None
    return as_source(read, y, path.stem, str(path), label)
