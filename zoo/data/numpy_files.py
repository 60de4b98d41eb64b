"""`.npy` and `.npz` files, never with pickled objects."""

import zipfile

import numpy as np

from ..errors import InputError
from .arrays import from_named
from .source import Part, Source, require_memory

PICKLED = "holds pickled Python objects, which can run code; save plain number arrays"


def from_npy(path):
    """One array of examples."""
    try:
        with open(path, "rb") as file:
            start = file.read(8)
        if not start.startswith(b"\x93NUMPY"):
            raise InputError(f"{path}: not a .npy file")
        header = np.load(path, mmap_mode="r", allow_pickle=False)
        require_memory(header.nbytes, path)
        x = np.array(header)
    except (ValueError, EOFError, OSError) as error:
        raise _reading_error(path, error) from None
    return Source(path.stem, str(path), {"train": Part(x)})


def from_npz(path):
    """Arrays by name, see `from_named`."""
    try:
        with zipfile.ZipFile(path) as archive:
            require_memory(sum(info.file_size for info in archive.infolist()), path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile, NotImplementedError) as error:
        raise _reading_error(path, error) from None
    return from_named(arrays, path.stem, str(path))


def _reading_error(path, error):
    if isinstance(error, InputError):
        return error
    text = str(error)
    if "allow_pickle" in text or "Object arrays" in text or "Python objects" in text:
        return InputError(f"{path}: {PICKLED}")
    if path.stat().st_size == 0:
        return InputError(f"{path}: empty file")
    return InputError(f"{path}: damaged, or not a {path.suffix} file ({text.splitlines()[0] if text else 'no end'})")
