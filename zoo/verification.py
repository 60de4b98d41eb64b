"""Whether a preset is what it says: files, weights, golden outputs, exported models."""

from typing import NamedTuple

import numpy as np

from . import presets, sandbox
from .errors import InputError, ZooError
from .export import verify_saved_model, verify_tflite

TOLERANCE = 1e-5  # of golden outputs, relative beyond 1


class Check(NamedTuple):
    """One thing that was looked at: `error` is the largest difference where there is a number, else None."""

    name: str
    passed: bool
    detail: str
    error: float | None = None


def verify(name):
    """Checks a preset or run folder.

    Returns:
        A list of Check: one for each file, for the weights, and for each verb of the golden outputs and of every
        exported model.
    """
    preset = presets.open_preset(name)
    checks = [*_files(preset)]
    if not all(check.passed for check in checks):
        return checks
    try:
        model = presets.load(name)
    except ZooError as error:
        return [*checks, Check("weights", False, str(error))]
    checks.append(Check("weights", True, f"{model.count_params():,} numbers, finite, of the right shapes"))
    checks += _golden(model, preset)
    for file in sorted((preset.path / "tflite").glob("*.tflite")):
        checks += _tflite(f"tflite/{file.name}", file, model)
    if (preset.path / "saved_model").is_dir():
        checks += _rows("saved_model", verify_saved_model(preset.path / "saved_model", model))
    return checks


def _files(preset):
    """Every listed file has its sha256; no file is there that is not listed."""
    listed = set(preset.metadata["files"])
    for name in sorted(listed):
        try:
            preset.check(name)
            yield Check(name, True, f"sha256 {preset.metadata['files'][name]['sha256'][:12]}")
        except InputError as error:
            yield Check(name, False, str(error))
    ignored = {"metadata.json", presets.CHECKPOINT}
    there = {f.relative_to(preset.path).as_posix() for f in preset.path.rglob("*") if f.is_file() or f.is_symlink()}
    for name in sorted(there - listed - ignored):
        yield Check(name, False, "is not listed in metadata.json")


def _golden(model, preset):
    """Every verb gives the outputs that were stored."""
    for verb, stored in preset.golden.items():
        try:
            found = model.run(verb, **stored["inputs"])
        except (InputError, TypeError, KeyError) as error:
            yield Check(f"golden {verb}", False, f"the stored inputs are not what it takes: {error}")
            continue
        if {name: a.shape for name, a in found.items()} != {name: a.shape for name, a in stored["outputs"].items()}:
            yield Check(f"golden {verb}", False, "the stored outputs are not what it gives")
            continue
        error = max(_difference(found[name], expected) for name, expected in stored["outputs"].items())
        yield Check(f"golden {verb}", error <= TOLERANCE, f"largest difference {error:.1e}", error)


def _difference(found, expected):
    """Largest absolute difference, relative where the expected value is beyond 1."""
    if found.dtype.kind in "iu":
        return 0.0 if np.array_equal(found, expected) else float("inf")
    return float(np.max(np.abs(found - expected) / np.maximum(1.0, np.abs(expected))))


def _tflite(name, file, model):
    """Every signature of a TFLite file, which is opened in a child process: it may come from anywhere."""
    try:
        with sandbox.Guarded(file) as interpreter:
            yield from _rows(name, verify_tflite(file, model, interpreter=interpreter))
    except ZooError as error:
        yield Check(name, False, str(error))


def _rows(name, rows):
    for row in rows:
        yield Check(f"{name} {row.signature}", row.passed, f"largest difference {row.error:.1e}", row.error)
