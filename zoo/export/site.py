"""The format "web": a static folder with a page that runs the exported file in the browser."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import GateError, InputError
from ..weights import write_bytes
from . import exploring
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
    missing = [name for name in RUNTIME if not (PACKAGES / name).is_file()]
    if missing:
        raise InputError(f"LiteRT.js is not installed; run: npm ci --omit=dev --prefix {WEB}")
    if len(model.example_shape) != 3 or model.example_shape[-1] not in (1, 3):
        raise InputError(f"the page shows images of 1 or 3 channels; this model's examples are {model.example_shape}")
    with folder_for(Path(out), force) as folder:
        report, why = _export(model, folder, trainable, {"examples": examples, **options})
        shutil.copytree(WEB / "page", folder, dirs_exist_ok=True)
        for source, target in RUNTIME.items():
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PACKAGES / source, folder / target)
        about = described(model, report, why) | {
            "examples": _write_examples(model, folder),
            "space": exploring.space(model, examples),
        }
        write_bytes(folder / ABOUT, json.dumps(about, allow_nan=False).encode())
    return dataclasses.replace(report, path=Path(out) / report.path.name)


def _export(model, folder, trainable, options):
    """(Report, why the file cannot learn or None)."""
    how = {name: value for name, value in options.items() if value is not None}
    plain = {name: value for name, value in how.items() if name not in ("optimizer", "learning_rate", "batch")}
    if (precision := how.get("quantize", "none")) != "none":
        why = f"its weights are {precision}, and only float32 learns"
    elif "encode" not in model.signatures():
        why = "the model has no encoder"
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
        "name": preset.path.name if preset else type(model).__name__,
        "summary": type(model).__doc__.partition("\n")[0],
        "shape": list(model.example_shape),
        "file": {**file, "precision": report.options.get("quantize", "none")},
        "signatures": {name: {side: row[side] for side in ("inputs", "outputs")} for name, row in rows.items()},
        "learns": why is None,
        "why": why,
        "pixels": _pixels(model, preset),
        "resize": (preset and preset.experiment.data.resize_mode) or "fit",
        "threshold": model.threshold,
    }


def _pixels(model, preset):
    """The model values of black and of white, for each channel."""
    ends, preprocessor = np.float32([0, 1]), preset and preset.preprocessor
    if preprocessor:
        known = preprocessor.low is not None
        ends = preprocessor.apply(np.float32([[preprocessor.low], [preprocessor.high]])) if known else [-3, 3]
    return np.broadcast_to(np.reshape(ends, (2, -1)), (2, model.example_shape[-1])).tolist()


def _write_examples(model, folder):
    """The names of pictures of the preset's own examples."""
    preset = getattr(model, "preset", None)
    x = preset.examples() if preset else None
    if x is None:
        return []
    names = [f"examples/{i}.png" for i in range(1, len(x) + 1)]
    (folder / "examples").mkdir()
    for name, image in zip(names, preset.preprocessor.picture(x), strict=True):
        Image.fromarray(np.squeeze((255 * image).round().astype("uint8"))).save(folder / name)
    return names
