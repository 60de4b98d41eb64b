"""The format "web": a static folder with a page that runs the exported file in the browser."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from .. import numerics
from ..data import pixels
from ..errors import GateError, InputError
from ..weights import write_bytes
from . import exploring, manifest
from .exported import Exported
from .exporter import export, folder_for

WEB = Path(__file__).parents[1] / "web"
PACKAGES = WEB / "node_modules" / "@litertjs"
RUNTIME = {  # of LiteRT.js: file of the package -> file of the page
    "core/dist/index.js": "litert/index.js",
    "wasm-utils/dist/index.js": "litert/wasm-utils.js",
    **{
        f"core/wasm/litert_wasm{kind}_internal.{suffix}": f"litert/wasm/litert_wasm{kind}_internal.{suffix}"
        for kind in ("", "_compat")
        for suffix in ("js", "wasm")
    },
}
BATCH = 16  # examples of a training step in the page
ABOUT = "page.json"


def write_site(model, out, trainable=False, examples=None, force=False, **options):
    """Writes a static folder that any web host can serve: the page, the runtime and the exported model.

    The file goes on learning in the page where the model can and is not quantized.

    Args:
        model: a model of the zoo, with its preset if any.
        out: the folder to make.
        trainable: whether a model that cannot learn in the page is refused.
        examples: data [N, *input_shape] to compare on, whose codes the page shows; samples of the model if None.
        force: replaces an earlier export.
        options: see `export`.

    Returns:
        The export's Report.

    Raises:
        InputError: the runtime is not installed, or the model does not make images.
        GateError, WriteError: see `export`.
    """
    _require_runtime()
    if len(model.example_shape) != 3 or model.example_shape[-1] not in (1, 3):
        raise InputError(f"the page shows images of 1 or 3 channels; this model's examples are {model.example_shape}")
    with folder_for(Path(out), force) as folder:
        report, why = _export(model, folder, trainable, {"examples": examples, **options})
        _write_page(folder, described(model, report, why) | {"space": exploring.space(model, examples)})
    return dataclasses.replace(report, path=Path(out) / report.path.name)


def write_site_of(path, out):
    """Writes the folder for a TFLite file that `export` wrote: see `write_site`.

    Raises:
        InputError: the runtime is not installed, or the file is not one that the page can run.
        WriteError: `out` exists, or cannot be written.
    """
    _require_runtime()
    file = Exported(Path(path))
    about = described_file(file) | {"space": exploring.space(file)}
    with folder_for(Path(out), False) as folder:
        shutil.copyfile(file.path, folder / "model.tflite")
        _write_page(folder, about)


def _require_runtime():
    if any(not (PACKAGES / name).is_file() for name in RUNTIME):
        raise InputError(f"LiteRT.js is not installed; run: npm ci --omit=dev --prefix {WEB}")


def _write_page(folder, about):
    """The files around model.tflite."""
    shutil.copytree(WEB / "page", folder, dirs_exist_ok=True)
    for source, target in RUNTIME.items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PACKAGES / source, folder / target)
    pictures = about.pop("examples", [])
    names = [f"examples/{i}.png" for i in range(1, len(pictures) + 1)]
    (folder / "examples").mkdir()
    for name, image in zip(names, pictures, strict=True):
        pixels = (255 * image).round().astype("uint8")
        Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(folder / name)
    write_bytes(folder / ABOUT, json.dumps(about | {"examples": names}, allow_nan=False).encode())


def _export(model, folder, trainable, options):
    """(Report, why the file cannot learn or None)."""
    how = {name: value for name, value in options.items() if value is not None}
    plain = {name: value for name, value in how.items() if name not in ("optimizer", "learning_rate", "batch")}
    if (precision := how.get("quantize", "none")) != "none":
        why = f"its weights are {precision}, and only float32 learns"
    elif "encode" not in model.signatures():
        why = "the model has no encoder"
    elif "label" in model.signatures()["encode"].inputs:
        why = "its training needs a label for each image"
    else:
        try:
            return export(model, folder, trainable=True, **{"batch": BATCH} | how), None
        except (GateError, InputError) as error:
            why = str(error)
    if trainable or plain != how:
        raise InputError(f"trainable: this file cannot learn: {why}", "trainable")
    return export(model, folder, **plain), why


def described(model, report, why):
    """What the page needs to know of the model and its file, ready for JSON."""
    rows = {row.signature: row.to_dict() for row in report.rows if row.signature not in ("save", "restore")}
    preset = getattr(model, "preset", None)
    file = report.files[report.path.name]
    return {
        "name": preset.path.name if preset else model.variant,
        "summary": type(model).__doc__.partition("\n")[0],
        "shape": list(model.example_shape),
        "file": {**file, "precision": manifest.precision_of(report)},
        "signatures": {name: {side: row[side] for side in ("inputs", "outputs")} for name, row in rows.items()},
        "learns": why is None,
        "why": why,
        "levels": _levels(model.example_shape, preset and preset.preprocessor),
        "binarize": _binarize(preset.experiment.data.binarize if preset else "none"),
        "resize": (preset and preset.experiment.data.resize_mode) or "fit",
        "threshold": model.threshold,
        "examples": _pictures(preset),
    }


def _pictures(preset):
    """The preset's own examples as images in [0, 1]."""
    x = preset.examples() if preset else None
    return [] if x is None else preset.preprocessor.picture(x)


def described_file(file):
    """As `described`, of an `Exported` file."""
    learns, said = "train" in file.tensors, file.described()
    return {
        "name": file.path.name,
        "summary": "An exported file.",
        "shape": list(file.example_shape),
        "signatures": {verb: tensors for verb, tensors in file.tensors.items() if verb not in ("save", "restore")},
        "learns": learns,
        "why": None if learns else "it was not exported with --trainable",
        "levels": _levels(file.example_shape, file.preprocessor),
        "resize": "fit",
        **said,
        "binarize": _binarize(said["binarize"]),
    }


def _levels(shape, preprocessor):
    """The model value of each of the 256 levels of a pixel, black to white, for each channel: [256, C]."""
    if preprocessor is None or preprocessor.low is None:
        found = np.linspace(0, 1, 256) if preprocessor is None else np.linspace(-3, 3, 256)
    else:
        raw = np.arange(256, dtype="uint8")[:, None]
        known = preprocessor.low, preprocessor.high
        found = preprocessor.apply(raw if known == (0, 255) else pixels.rescale(raw, (0, 255), known))
    return np.broadcast_to(np.reshape(np.float32(found), (256, -1)), (256, shape[-1])).tolist()


def _binarize(how):
    """How `zoo score` makes values 0 or 1, and the key of its random numbers."""
    return {"how": how, "key": int(numerics.key("evaluation", 0))}
