"""From a model to TFLite: all signatures in one file that shares their weights, with builtin operations only."""

import contextlib
import os
import re
import tempfile
from pathlib import Path

import tensorflow as tf

from .. import weights
from ..errors import GateError
from .saved_model import write_saved_model

MISSING = re.compile(r"tf\.(\w+)(?:' op|\()")  # how the converter names an operation that it cannot translate


def write_tflite(model, path, batch=1):
    """Writes the signatures of a float32 model at a fixed batch.

    A fixed batch runs on every interpreter, C and browser included, and faster: a dynamic one leaves transposed
    convolutions without their fast kernels.

    Raises:
        GateError: an operation has no builtin in TFLite.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        saved = Path(folder) / "saved_model"
        write_saved_model(model, saved, batch)
        weights.write_bytes(path, convert(saved, list(model.signatures())))


def convert(saved, verbs):
    """The bytes of a TFLite file, from a SavedModel and the signatures to take."""
    try:
        return _convert(saved, verbs)
    except Exception as error:  # the converter has no exception of its own that it keeps to
        raise _explained(saved, verbs, error) from None


def _convert(saved, verbs):
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=verbs)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    with quiet():
        return converter.convert()


def _explained(saved, verbs, error):
    """A GateError that names the signature and the operations."""
    for verb in verbs:
        try:
            _convert(saved, [verb])
        except Exception as reason:
            missing = dict.fromkeys(MISSING.findall(str(reason)))
            if missing:
                return GateError(f"no TFLite builtin for {', '.join(missing)} (signature {verb})")
            return GateError(f"TFLite cannot express the signature {verb}: {' '.join(str(reason).split())[:300]}")
    return GateError(f"TFLite cannot express the signatures together: {' '.join(str(error).split())[:300]}")


@contextlib.contextmanager
def quiet():
    """Silences what the converter and the interpreter write to the descriptor of stderr, past Python."""
    with contextlib.ExitStack() as stack:
        try:
            kept = os.dup(2)
        except OSError:  # stderr is closed
            yield
            return
        stack.callback(os.close, kept)
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        stack.callback(os.dup2, kept, 2)
        yield
