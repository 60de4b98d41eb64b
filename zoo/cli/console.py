"""What the commands print: results to stdout, everything else to stderr."""

import contextlib
import json
import logging
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def start_tensorflow():
    """Imports TensorFlow without the lines that it prints of devices it does not find; a command calls it first."""
    from ..catalog import require_tensorflow

    require_tensorflow()
    with quiet_stderr():
        import tensorflow

        tensorflow.config.list_physical_devices()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextlib.contextmanager
def quiet_stderr():
    """Keeps what C++ prints to stderr to itself, unless it ends in an error."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as said:
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def report(data, as_json, show=None):
    """Prints a result: one JSON object with `as_json`, else as `show(data)` does, else one `key: value` a line."""
    if as_json:
        print(json.dumps(data, default=plain, allow_nan=False))
    elif show is not None:
        show(data)
    else:
        facts(data)


def plain(value):
    """What JSON has no word for."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    return list(value)


def facts(data):
    """Prints a mapping, one entry a line."""
    width = max(map(len, data), default=0) if out.is_terminal else 0
    for key, value in data.items():
        print(f"{key + ':':{width + 1}} {text(value)}".rstrip())


def rows(records, columns):
    """Prints mappings as a table; on a pipe as tab-separated lines, so that `cut` and `grep` see whole names."""
    if not out.is_terminal:
        for record in [dict(zip(columns, columns, strict=True)), *records]:
            print("\t".join(text(record[column]) for column in columns))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column == columns[0])
    for record in records:
        table.add_row(*(text(record[column]) for column in columns))
    out.print(table)


def text(value):
    """A value on one line."""
    if isinstance(value, list | tuple):
        return ", ".join(map(text, value))
    return "" if value is None else str(value)
