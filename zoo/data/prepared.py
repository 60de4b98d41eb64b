"""TFDS data sets of ours, made once in the cache folder."""

import contextlib
import io
import os
import tempfile
from pathlib import Path

from ..errors import WriteError
from .source import cache_folder


def prepared(Builder):
    """A builder of ours with its files in the cache folder; the first call writes them.

    The files are made in a folder beside and renamed into place, so two processes at once do no harm: one of them wins.

    Raises:
        WriteError: the cache folder cannot be written.
    """
    cache = cache_folder() / "tfds"
    place = cache / Builder.name / str(Builder.VERSION)
    if not (place / "dataset_info.json").exists():
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix=f"{Builder.name}.") as scratch:
                _prepare_quietly(Builder(data_dir=scratch))
                _move_unless_there(Path(scratch) / Builder.name / str(Builder.VERSION), place)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else error
            raise WriteError(
                f"cannot write the cache {cache} ({reason}); set ZOO_CACHE to a folder that can be"
            ) from None
    return Builder(data_dir=str(cache))


def _prepare_quietly(builder):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        builder.download_and_prepare()


def _move_unless_there(made, place):
    try:
        os.rename(made, place)
    except OSError:
        if not (place / "dataset_info.json").exists():
            raise
