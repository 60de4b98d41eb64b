"""The verb `export`: write beside, compare, move into place."""

import contextlib
import hashlib
import importlib.util
import json
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from .. import data as datasets
from .. import presets, weights
from ..base import GenerativeModel
from ..errors import InputError, WriteError, ZooError, nearest
from . import (
    constants,
    keras_file,
    litert,
    manifest,
    micro,
    on_device,
    onnx,
    parity,
    quantization,
    saved_model,
    signatures,
    snippets,
    tflite,
)

PARITY = "parity.json"
CALIBRATION = 128  # examples that ranges are learned from
WRITING = (OSError, tf.errors.PermissionDeniedError)
WRITING += (
    tf.errors.ResourceExhaustedError,
    tf.errors.OutOfRangeError,
)  # in TensorFlow, a full disk and a file too large


class Format(NamedTuple):
    """One kind of export.

    Attributes:
        name: of the file or folder that holds the model.
        write: (model, path, **options) writes it.
        verify: (path, model, examples, **options) -> rows.
        options: {name: default} of what may be asked for.
        modules: what it needs beyond the zoo's own dependencies; the extra that brings them has the format's name.
    """

    name: str
    write: Callable
    verify: Callable
    options: dict = {}  # noqa: RUF012 - never changed
    modules: tuple = ()


FORMATS = {
    "tflite": Format(
        "model.tflite",
        tflite.write_tflite,
        litert.verify_tflite,
        {"batch": 1, "quantize": "none", "calibration": None, "tolerance": None},
    ),
    "saved_model": Format("saved_model", saved_model.write_saved_model, saved_model.verify_saved_model),
    "onnx": Format("onnx", onnx.write_onnx, onnx.verify_onnx, modules=onnx.MODULES),
    "micro": Format(
        "micro",
        micro.write_micro,
        micro.verify_micro,
        {"calibration": None, "tolerance": None, "verbs": None},
        modules=("tflite_micro",),
    ),
    "keras": Format("model.keras", keras_file.write_keras, keras_file.verify_keras),
}
WEB = "web"  # a page around TFLite
TRAINABLE = Format(
    "model.tflite",
    on_device.write_trainable,
    on_device.verify_trainable,
    {"batch": 16, "optimizer": "adam", "learning_rate": 1e-3},
)


@dataclass(frozen=True)
class Report:
    """What was exported, and how equal it is.

    Attributes:
        path: the file or folder that holds the model.
        format, options: as asked for, with defaults.
        batch: examples that the model takes at once; None where it takes any number.
        tolerance: largest error of a verb, relative where the expected value is beyond 1.
        rows: a parity.Row for each signature.
        examples: {"origin": "given", "preset" or "random", "count", "ties"}; ties were left out of the comparison.
        files: {name: {"sha256", "bytes"}} of the model.
        operations: {builtin of TFLite: uses}, None in other formats.
        weights: of TFLite, how they are stored: see `constants.described`; None in other formats.
        trained_in: the precision of the model; what is exported computes in float32.
        threshold: of `is_anomaly`; None where the model has none, so that `score` gives the score alone.
    """

    path: Path
    format: str
    options: dict
    batch: int | None
    tolerance: float
    rows: list
    examples: dict
    files: dict
    operations: dict | None
    weights: dict | None
    trained_in: str
    threshold: float | None

    @property
    def size(self):
        """Bytes of the model."""
        return sum(file["bytes"] for file in self.files.values())

    def to_dict(self):
        """Ready for JSON: the contents of parity.json."""
        said = {**asdict(self), "path": self.path.name, "size": self.size, "versions": presets.versions()}
        rows = {row.signature: row.to_dict() for row in self.rows}
        del said["rows"]
        return {**said, "signatures": rows}


def export(
    model,
    out,
    *,
    format="tflite",
    trainable=False,
    batch=None,
    quantize=None,
    calibration=None,
    optimizer=None,
    learning_rate=None,
    verbs=None,
    tolerance=None,
    examples=None,
    force=False,
):
    """Writes a model as files that need neither the zoo nor, but for "keras", Keras; refuses if they are not equal.

    Every signature is run beside the Keras model before anything is kept. The folder is there whole or not at all.
    `score` also decides, as `is_anomaly`, where the model has a `threshold`: a preset has that of its run folder.

    Args:
        model: a model of the zoo, the name of a preset, or a run folder.
        out: the folder to make: model.tflite, saved_model/, onnx/ or model.keras, with parity.json, model.json (all
            that a program must know of the file), snippets/ that run it, and preprocessor.json for a preset.
        format: "tflite", "saved_model" (any batch), "onnx" (a file a signature, any batch), "keras", or "web": a page
            around a TFLite file; see `site`. "micro" writes an int8 file and a C header for each signature.
        trainable: whether the TFLite file can go on learning: it also has `train`, `save` and `restore`, and the state
            of an optimizer.
        batch: examples that the TFLite signatures take at once, 1 if not given; of a trainable file those of a step of
            `train`, 16 if not given, while the other signatures take one.
        quantize: the weights of the TFLite file: "none", "float16", "dynamic_int8", "int8" or "weight_int4".
        calibration: data that int8 learns the ranges of activations from, and float16 and dynamic_int8 choose weights
            by: what `zoo.data.load` takes, or model values [N, *input_shape]. Any file is compared on held-out examples
            of it. Without it, weights are chosen by the model's own samples.
        optimizer: of a trainable file: "adam", "adamw" or "sgd".
        learning_rate: of a trainable file.
        verbs: of "micro", the signatures that must be there, such as "encode,score"; those that fit when None.
        tolerance: what the verbs of a quantized file may differ by, where that of its precision is not wanted.
        examples: data [N, *input_shape] to compare on; held-out ones of `calibration`, the preset's, or random ones,
            when None. A page also shows the codes of those given.
        force: replaces an earlier export.

    Returns:
        A Report.

    Raises:
        InputError: no such model or format, examples of another shape, or the extra of the format is not installed.
        GateError: TFLite has no builtin for an operation; or, as ParityError with `rows`, the outputs differ.
        WriteError: `out` exists, or cannot be written.
    """
    given = {"quantize": quantize, "tolerance": tolerance, "optimizer": optimizer, "learning_rate": learning_rate}
    given["verbs"] = verbs
    given |= {"batch": batch, "calibration": calibration}
    if format == WEB:
        from .site import write_site  # which exports TFLite

        return write_site(_model(model), out, trainable=trainable, examples=examples, force=force, **given)
    how = _format(format, trainable)
    options = _options(how, "a trainable file" if trainable else format, **given)
    model = _model(model)
    if calibration is not None:
        options["calibration"], held_out = _calibration(model, calibration)
        examples = held_out if examples is None else examples
    exact = signatures.in_float32(model)
    with folder_for(Path(out), force) as folder:
        chosen, path = parity.examples_for(exact, examples), folder / how.name
        how.write(exact, path, **options)
        rows = how.verify(path, exact, chosen.x, **options)
        parity.require(rows)
        report = Report(
            path=Path(out) / how.name,
            format=format,
            options={"trainable": trainable, **options, **_said(calibration)},
            batch=1 if trainable else options.get("batch"),
            tolerance=max(row.tolerance for row in rows if row.signature in exact.signatures()),
            rows=rows,
            examples={"origin": chosen.origin, "count": len(chosen.x), "ties": chosen.ties},
            files=_files(path),
            operations=litert.operations(path) if format == "tflite" else None,
            weights=constants.described(path.read_bytes()) if format == "tflite" and not trainable else None,
            trained_in=model.dtype_policy.name,
            threshold=exact.threshold,
        )
        _write_text(folder / PARITY, json.dumps(report.to_dict(), indent=2, allow_nan=False))
        _describe(exact, report, path)
        if preset := getattr(model, "preset", None):
            _write_text(folder / "preprocessor.json", preset.preprocessor.to_json())
    return report


def _describe(model, report, path):
    """Writes model.json and the snippets beside a model."""
    said = manifest.manifest(model, report, path)
    _write_text(path.parent / "model.json", json.dumps(said, indent=2, allow_nan=False))
    texts = snippets.snippets(said)
    if texts:
        (path.parent / "snippets").mkdir()
    for name, text in texts.items():
        weights.write_bytes(path.parent / "snippets" / name, text.encode())


def _format(name, trainable):
    if name not in FORMATS:
        known = [*FORMATS, WEB]
        raise InputError(f"unknown format {name!r}{nearest(name, known)} there are: {', '.join(known)}", "format")
    if trainable and name != "tflite":
        raise InputError(f"trainable: only the format tflite can be; {name} cannot", "trainable")
    if missing := [module for module in FORMATS[name].modules if importlib.util.find_spec(module) is None]:
        raise InputError(
            f"format {name}: needs {' and '.join(missing)}: pip install 'autoencoder-zoo[{name}]'", "format"
        )
    return TRAINABLE if trainable else FORMATS[name]


def _options(how, said, **given):
    """The options of a format, which is called as it is `said`: what was given, or its defaults."""
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in how.options:
            known = f"takes {', '.join(how.options)}" if how.options else "has no options"
            where = "; a trainable file takes it" if said == "tflite" and name in TRAINABLE.options else ""
            raise InputError(f"{name}: is not for {said}, which {known}{where}", name)
    batch = given.get("batch", 1)
    if type(batch) is not int or batch < 1:
        raise InputError(f"batch: needs a whole number of at least 1, not {batch!r}", "batch")
    chosen = how.options | given
    name, known = chosen.get("quantize", "none"), quantization.PRECISIONS
    if name not in known:
        raise InputError(f"quantize: unknown {name!r}{nearest(name, known)} it takes: {', '.join(known)}", "quantize")
    if (known[name].calibrated or said == "micro") and chosen["calibration"] is None:
        raise InputError("int8: needs data to calibrate on, such as --calibration photos/ or tfds:mnist", "calibration")
    return chosen


def _calibration(model, data):
    """Model values to calibrate on, and held-out ones to compare on: two arrays [N, *shape]."""
    if not (isinstance(data, str | os.PathLike) or datasets.is_frame(data)):
        x = np.asarray(data, "float32")
        if x.shape[1:] != model.example_shape or not len(x):
            raise InputError(
                f"calibration: has shape {x.shape}; the model takes [N, *{model.example_shape}]", "calibration"
            )
        return x[:CALIBRATION], x[-parity.MOST :]
    preset = getattr(model, "preset", None)
    if preset is None:
        bundle = datasets.load(data)
    else:
        bundle = presets.data_for(preset, data, "model" if preset.preprocessor.kind == "image" else None)
    held_out = next((part for name in ("test", "validation") if len(part := bundle.splits[name])), bundle.train)
    splits = [
        bundle.preprocessor.apply(split.x[:count])
        for split, count in ((bundle.train, CALIBRATION), (held_out, parity.MOST))
    ]
    if (shape := splits[0].shape[1:]) != model.example_shape:
        raise InputError(
            f"calibration: {bundle.source} has examples of {shape}; the model takes {model.example_shape}",
            "calibration",
        )
    return splits


def _said(calibration):
    """What the report says of calibration data."""
    if calibration is None:
        return {}
    return {"calibration": str(calibration) if isinstance(calibration, str | os.PathLike) else "array"}


def _model(model):
    """The model itself, or that of a preset's name or folder."""
    if isinstance(model, str | os.PathLike):
        return presets.load(model)
    if not isinstance(model, GenerativeModel):
        raise InputError(f"export takes a model of the zoo, a preset or a run folder; got {type(model).__name__}")
    return model


def _write_text(path, text):
    weights.write_bytes(path, f"{text}\n".encode())


def _files(path):
    """{path from the parent: sha256 and size} of a file, or of all files in a folder."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return {
        file.relative_to(path.parent).as_posix(): {
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "bytes": file.stat().st_size,
        }
        for file in files
    }


# All or nothing


@contextlib.contextmanager
def folder_for(out, force):
    """A new folder beside `out`, which takes its name if all goes well and vanishes otherwise."""
    target = out.expanduser().resolve()
    _require_free(out, target, force)
    work = target.parent / f"{weights.SCRATCH}{target.name}-{secrets.token_hex(4)}"
    missing = [folder for folder in target.parents if not folder.exists()]
    try:
        work.mkdir(parents=True)
        yield work
        weights.replace_folder(work, target)
    except BaseException as error:
        shutil.rmtree(work, ignore_errors=True)
        with contextlib.suppress(OSError):
            for folder in missing:
                folder.rmdir()
        if isinstance(error, WRITING) and not isinstance(error, ZooError):
            last = str(error).splitlines()[0].rpartition("; ")[2]
            reason = getattr(error, "strerror", None) or last.partition(" [Op")[0]
            raise WriteError(f"{out}: cannot write ({reason})") from None
        raise


def _require_free(out, target, force):
    """Raises WriteError if `out` holds anything, but for an export that may be replaced."""
    if not os.path.lexists(target) or (target.is_dir() and not any(target.iterdir())):
        return
    if not force:
        raise WriteError(f"{out}: exists; choose another folder, or --force to replace it")
    if not (target / PARITY).is_file():
        raise WriteError(f"{out}: exists and is not an export; --force replaces exports only")
