"""Examples that stay on the disk: what does not fit into the memory is read row by row, in any order."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from ..errors import InputError, WriteError
from .source import available_memory, cache_folder, require_memory

PIECE = 16 << 20  # bytes that are read at once where all examples are passed over


class Stored:
    """Examples [N, *shape] in a file, used as an array: indexing with numbers, slices or arrays of rows reads them.

    Args:
        path: a file of the examples one after the other, C order.
        shape, dtype: of what is in the file, [M, *shape].
        offset: bytes before the first example.
        rows: which of them, in which order; all when None.
        steps: functions [K, ...] -> [K, ...] that are applied to what was read.
    """

    def __init__(self, path, shape, dtype, offset=0, rows=None, steps=()):
        self.path, self.stored, self.offset, self.steps = (
            Path(path),
            (tuple(shape), np.dtype(dtype)),
            offset,
            tuple(steps),
        )
        self.rows = np.arange(shape[0]) if rows is None else rows
        example = self._through(np.zeros((1, *shape[1:]), dtype))
        self.shape, self.dtype = (len(self.rows), *example.shape[1:]), example.dtype

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape, dtype=np.int64)))
    nbytes = property(lambda self: self.size * self.dtype.itemsize)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        rows = self.rows[key]
        found = self._through(self._read(np.atleast_1d(rows)))
        return found if np.ndim(rows) else found[0]

    def __array__(self, dtype=None, copy=None):
        require_memory(self.nbytes, self.path)
        return self[:].astype(dtype or self.dtype, copy=False)

    def take(self, rows):
        """Some of the examples, not read yet."""
        return Stored(self.path, *self.stored, self.offset, self.rows[rows], self.steps)

    def map(self, step):
        """The examples with a function applied to them when they are read."""
        return Stored(self.path, *self.stored, self.offset, self.rows, (*self.steps, step))

    def pieces(self):
        """Yields all examples, some at a time."""
        count = max(1, PIECE // max(1, self.nbytes // max(1, len(self))))
        for start in range(0, len(self), count):
            yield self[start : start + count]

    def _through(self, x):
        for step in self.steps:
            x = step(x)
        return x

    def _read(self, rows):
        shape, dtype = self.stored
        out = np.empty((len(rows), *shape[1:]), dtype)
        if not out.size:
            return out
        stride, flat = out[0].nbytes, out.reshape(len(rows), -1).view(np.uint8)
        starts = np.flatnonzero(np.diff(rows, prepend=rows[0] - 2) != 1)  # neighbours are read together
        try:
            with open(self.path, "rb", buffering=0) as file:
                for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
                    wanted = flat[start:stop].reshape(-1)
                    if not _filled(file.fileno(), wanted, self.offset + int(rows[start]) * stride):
                        raise InputError(f"{self.path}: became shorter while it was used")
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read any more ({error.strerror})") from None
        return out


def pieces(x):
    """Yields all examples of an array, or of one on the disk some at a time."""
    yield from x.pieces() if isinstance(x, Stored) else (x,)


def each(x, step):
    """A function of examples applied to an array, or to one on the disk when it is read."""
    return x.map(step) if isinstance(x, Stored) else step(x)


def chosen_rows(x, rows):
    """Some of the examples of an array, or of one on the disk, which are not read yet."""
    return x.take(np.flatnonzero(rows) if rows.dtype == bool else rows) if isinstance(x, Stored) else x[rows]


def wants_disk(size, stream, where):
    """Whether `size` bytes of examples stay on the disk.

    Args:
        stream: None for "when they do not fit in half of the free memory", or the answer.

    Raises:
        InputError: they have to be in the memory and do not fit.
    """
    if stream is False:
        require_memory(size, where)
    return bool(stream) or size > available_memory() // 2


class Shelf:
    """A place in the cache for the examples of one source; they are put there once.

    Args:
        name: a digest of all that the examples depend on.
    """

    def __init__(self, name):
        self.folder = cache_folder() / "decoded" / name

    def found(self):
        """(Stored, {name: array}) if the examples are there, else None."""
        if not (self.folder / "facts.npz").is_file():
            return None
        with np.load(self.folder / "facts.npz", allow_pickle=False) as file:
            facts = {name: file[name] for name in file.files}
        return Stored(self.folder / "x.raw", facts.pop("shape").tolist(), str(facts.pop("dtype"))), facts

    @contextlib.contextmanager
    def filling(self, size):
        """An open file to write the examples to, and then `keep`; they are there whole or not at all.

        Raises:
            WriteError: `size` bytes do not fit on the disk, or the cache cannot be written.
        """
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.folder.parent).free
            if size > free:
                raise WriteError(
                    f"{self.folder.parent}: needs {size / 1e9:.3g} GB for decoded images, {free / 1e9:.3g} GB are "
                    "free; set ZOO_CACHE to a folder with space, or give fewer or smaller images (resize=)"
                )
            with tempfile.TemporaryDirectory(dir=self.folder.parent, prefix=".") as scratch:
                with open(Path(scratch) / "x.raw", "wb") as file:
                    yield file
                shutil.rmtree(self.folder, ignore_errors=True)
                os.rename(scratch, self.folder)
                Path(scratch).mkdir()  # for its end
        except OSError as error:
            if isinstance(error, WriteError):
                raise
            raise WriteError(f"{self.folder.parent}: cannot write ({error.strerror}); set ZOO_CACHE") from None

    def keep(self, file, **facts):
        """Writes what `found` gives back beside the examples; `shape` and `dtype` are theirs."""
        np.savez(Path(file.name).parent / "facts.npz", **facts)


def _filled(descriptor, buffer, offset):
    """Whether the whole buffer could be read from there."""
    view = memoryview(buffer)
    while view:
        count = os.preadv(descriptor, [view], offset)
        if not count:
            return False
        view, offset = view[count:], offset + count
    return True
