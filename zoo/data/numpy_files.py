"""`.npy` and `.npz` files, never with pickled objects."""

import math
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ..errors import InputError
from .arrays import from_named
from .source import Part, Source, require_expansion, require_memory
from .stored import Stored, wants_disk

DAMAGE = (ValueError, EOFError, OSError, KeyError, TypeError, zipfile.BadZipFile, NotImplementedError, RuntimeError)
DAMAGE += (zlib.error, SyntaxError, OverflowError, struct.error, RecursionError, MemoryError, tokenize.TokenError)
PICKLED = "holds pickled Python objects, which can run code; save plain number arrays"


def from_npy(path, stream=None):
    """One array of examples; it stays in the file where it does not fit into the memory."""
    try:
        with open(path, "rb") as file:
            start = file.read(8)
        if not start.startswith(b"\x93NUMPY"):
            raise InputError(f"{path}: not a .npy file")
        header = np.load(path, mmap_mode="r", allow_pickle=False)
        readable = header.ndim > 2 and header.flags.c_contiguous and header.dtype.isnative and header.size
        if readable and wants_disk(header.nbytes, stream, path):
            x = Stored(path, header.shape, header.dtype, header.offset)
            notes = [f"{header.nbytes / 1e9:.3g} GB of examples stay in the file"]
            return Source(path.stem, str(path), {"train": Part(x)}, notes=notes)
        require_memory(header.nbytes, path)
        x = np.array(header)
    except DAMAGE as error:
        raise _reading_error(path, error) from None
    return Source(path.stem, str(path), {"train": Part(x)})


def from_npz(path):
    """Arrays by name, see `from_named`."""
    return from_named(read_npz(path, path), path.stem, str(path))


def read_npz(file, where, limit=None):
    """{name: array} of an `.npz` file or its bytes; every size is checked before memory is asked for.

    Args:
        limit: bytes that the arrays may take in all; half of the free memory when None.

    Raises:
        InputError: it is damaged, holds objects, or more than compression explains.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            size = sum(info.file_size for info in members)
            if limit is not None and size > limit:
                raise InputError(f"{where}: its arrays take {size:,} bytes; at most {limit:,} are expected")
            require_memory(size, where)
            require_expansion(sum(info.compress_size for info in members), size, where)
            return {info.filename.removesuffix(".npy"): _member(archive, info, where) for info in members}
    except DAMAGE as error:
        raise _reading_error(Path(where), error) from None


def _member(archive, info, where):
    """One array; its header must claim just the bytes that follow it."""
    with archive.open(info) as stream:
        major, _ = np.lib.format.read_magic(stream)
        if major not in (1, 2):
            raise ValueError(f"{info.filename} is of version {major}")
        read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[major]
        shape, fortran, dtype = read(stream)
        if dtype.hasobject:
            raise InputError(f"{where}: {PICKLED}")
        size = math.prod(shape) * dtype.itemsize
        if size > info.file_size:
            raise ValueError(f"{info.filename} claims the shape {shape}, more than it holds")
        content = stream.read(size)
        if len(content) != size or stream.read(1):
            raise ValueError(f"{info.filename} does not hold what its shape {shape} needs")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _reading_error(path, error):
    if isinstance(error, InputError):
        return error
    text = str(error)
    if "allow_pickle" in text or "Object arrays" in text or "Python objects" in text:
        return InputError(f"{path}: {PICKLED}")
    if path.stat().st_size == 0:
        return InputError(f"{path}: empty file")
    return InputError(f"{path}: damaged, or not a {path.suffix} file ({text.splitlines()[0] if text else 'no end'})")
