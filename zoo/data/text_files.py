"""Text files, `text:FILE`: every line an example, or windows of the whole."""

import unicodedata
from pathlib import Path

from ..errors import InputError
from .source import Source, require_memory
from .tokens import Piece


def from_text(name):
    """The lines of a UTF-8 file that hold anything, without spaces around them, in Unicode's composed form (NFC)."""
    path = Path(name)
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(f"'text:{name}': this file {found}; need text:FILE")
    try:
        require_memory(8 * path.stat().st_size, path)
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); convert it") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from None
    if "\0" in text:
        raise InputError(f"{path}: not a text: it holds a zero byte")
    lines = enumerate(unicodedata.normalize("NFC", text).splitlines(), 1)
    pieces = [Piece(line.strip(), f"line {number}") for number, line in lines if line.strip()]
    return Source(path.stem, f"text:{name}", {}, "tokens", pieces=pieces)
