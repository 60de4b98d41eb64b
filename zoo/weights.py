"""Weight files: named tensors, written whole or not at all, and read only where they fit.

The only file of the zoo that reads or writes tensors. The format is safetensors: it holds no code.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .errors import InputError, WriteError, nearest

POINTER = b"version https://git-lfs"
HEADER = 1 << 20  # bytes that names, shapes and metadata may take
SCRATCH = ".zoo-"  # how names begin that only a killed process leaves behind


def of_model(model):
    """{name: variable} of all that a model has learned, such as "encoder/conv_1/kernel"."""
    return _unique(
        {variable.path.removeprefix(f"{model.name}/"): variable for variable in model.weights}, model.weights
    )


def of_training(model):
    """{name: variable} of all that the next step depends on: weights, optimizers, running means and counters."""
    named = of_model(model)
    for index, player in enumerate(model.players()):
        for position, variable in enumerate(player.optimizer.variables):
            named[f"optimizer_{index}/{position:03d}_{variable.name}"] = variable
    for mean in model.means.values():
        named |= {f"means/{mean.name}/{variable.name}": variable for variable in mean.variables}
    return named


def _unique(named, variables):
    if len(named) != len(variables):
        raise InputError("two weights of the model have the same name; name its layers")
    return named


def values(named):
    """{name: array} of named variables, copied."""
    return {name: np.array(variable.numpy()) for name, variable in named.items()}


def assign(named, arrays):
    """Sets variables to the arrays of the same names."""
    for name, variable in named.items():
        variable.assign(arrays[name])


def write(path, arrays, metadata=None):
    """Writes named arrays and text metadata to a file that is there whole or not at all.

    Raises:
        WriteError: the folder is missing or not writable, or there is no space.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    metadata = {**(metadata or {}), "digest": digest(arrays)}
    write_bytes(path, save(arrays, metadata={name: str(value) for name, value in metadata.items()}))


def write_bytes(path, content):
    """Writes a file through a temporary one beside it, synced to the disk before it takes the name."""
    path = Path(path)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{SCRATCH}{path.name}-", delete=False) as file:
            temporary = file.name
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary or "")
        raise WriteError(
            f"{path}: cannot write ({error.strerror}); {path.parent} needs to be a folder with space"
        ) from None


def sync_folder(folder):
    """Makes renames in a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_folder(work, target):
    """Gives a folder the name of another, which goes last: one of them is there in full, also where this fails."""
    old = work.with_name(f"{work.name}-old")
    if target.exists():
        target.rename(old)
    try:
        work.rename(target)
    except BaseException:
        if old.exists():
            old.rename(target)
        raise
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def digest(arrays):
    """sha256 of names, types, shapes and contents."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        sha.update(f"{name} {array.dtype} {array.shape}".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def opened(path, limit):
    """A regular file of at most `limit` bytes, open for reading; links are not followed.

    Raises:
        InputError: it is missing, too large or no regular file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise InputError(f"{path}: cannot open ({error.strerror})") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise InputError(f"{path}: is not a regular file")
    file = os.fdopen(descriptor, "rb")
    if status.st_size > limit:
        file.close()
        raise InputError(f"{path}: has {status.st_size:,} bytes; at most {limit:,} are expected")
    return file


def read_bytes(path, limit):
    """Contents of a file, see `opened`; empty ones are refused too."""
    with opened(path, limit) as file:
        content = file.read(limit + 1)
    if content.startswith(POINTER):
        raise InputError(f"{path}: is a Git LFS pointer, not the file; run git lfs pull")
    if not content:
        raise InputError(f"{path}: is empty")
    return content


def require_sealed(path, size, sha256, limit=None):
    """Raises InputError where a file has not the size and the sha256 that its folder's metadata say.

    Args:
        limit: bytes that it may have, whatever the metadata say.
    """
    with opened(path, min(size, size if limit is None else limit)) as file:
        found, length = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
        file.seek(0)
        if file.read(len(POINTER)) == POINTER:
            raise InputError(f"{path}: is a Git LFS pointer, not the file; run git lfs pull")
    if length != size or found != sha256:
        raise InputError(
            f"{path}: damaged: sha256 {found[:12]}... and {length:,} bytes; "
            f"metadata.json says {sha256[:12]}... and {size:,}"
        )


def needed_bytes(named):
    """Bytes that a weight file of these variables may have at most."""
    return sum(int(np.prod(v.shape)) * np.dtype(v.dtype).itemsize for v in named.values()) + HEADER


def read(path, named, finite=True):
    """Arrays of a weight file, when it holds just what the variables need.

    Args:
        named: {name: variable}, from `of_model` or `of_training`.
        finite: whether NaN and infinite values are refused.

    Returns:
        ({name: array}, {metadata}).

    Raises:
        InputError: the file is damaged, or a tensor is missing, unknown, of another shape or type, or not finite.
    """
    read_bytes(path, needed_bytes(named))
    try:
        with safe_open(path, framework="numpy") as file:
            found, metadata = set(file.keys()), file.metadata() or {}
            _check_names(path, found, set(named))
            arrays = {name: _tensor(path, file, name, variable) for name, variable in named.items()}
    except SafetensorError as error:
        raise InputError(f"{path}: not a readable weight file ({str(error).splitlines()[0]})") from None
    if metadata.get("digest") != digest(arrays):
        raise InputError(f"{path}: damaged: its contents do not match the digest in its header")
    for name, array in arrays.items():
        if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"{path}: {name}: holds NaN or infinite values")
    return arrays, metadata


def _check_names(path, found, needed):
    for name in sorted(needed - found):
        raise InputError(f"{path}: tensor {name!r} is missing{_more(needed - found)}: weights of another model?")
    for name in sorted(found - needed):
        hint = nearest(name, needed, 1)
        raise InputError(f"{path}: unknown tensor {name!r}{_more(found - needed)}: weights of another model?{hint}")


def _more(names):
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _tensor(path, file, name, variable):
    described = file.get_slice(name)
    shape, needed = tuple(described.get_shape()), tuple(variable.shape)
    if shape != needed:
        raise InputError(f"{path}: {name}: shape {shape}; the model needs {needed}")
    array = file.get_tensor(name)
    if array.dtype != np.dtype(variable.dtype):
        raise InputError(f"{path}: {name}: type {array.dtype}; the model needs {variable.dtype}")
    return array
