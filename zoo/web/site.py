"""The static folder of the page: its files, the runtime, the exported model and what the page says about it."""

import json
import shutil
from pathlib import Path

import numpy as np

from ..errors import GateError, InputError
from ..export import export

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules" / "@litertjs"
RUNTIME = {  # of LiteRT.js: file of the package -> file of the page
    "core/dist/index.js": "litert/index.js",
    "wasm-utils/dist/index.js": "litert/wasm-utils.js",
    **{
        f"core/wasm/litert_wasm{kind}_internal.{suffix}": f"litert/wasm/litert_wasm{kind}_internal.{suffix}"
        for kind in ("", "_compat")
        for suffix in ("js", "wasm")
    },
}
PLACES = 144  # codes on the map
BATCH = 16  # examples of a training step in the page


def write_site(model, out, force=False):
    """Writes a static folder that any web host can serve.

    Args:
        model: a model of the zoo with its preset, if any.
        out: the folder to make.
        force: replaces an earlier export.

    Returns:
        The export's Report.

    Raises:
        InputError: the runtime is not installed, or the model does not make images.
        GateError, WriteError: see `export`.
    """
    missing = [name for name in RUNTIME if not (PACKAGES / name).is_file()]
    if missing:
        raise InputError(f"LiteRT.js is not installed; run: npm ci --omit=dev --prefix {HERE}")
    if len(model.example_shape) != 3 or model.example_shape[-1] not in (1, 3):
        raise InputError(f"the page shows images of 1 or 3 channels; this model's examples are {model.example_shape}")
    report, why = _export(model, out, force)
    out = Path(out).expanduser()
    shutil.copytree(HERE / "page", out, dirs_exist_ok=True)
    for source, target in RUNTIME.items():
        (out / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PACKAGES / source, out / target)
    (out / "model.json").write_text(json.dumps(described(model, report, why), allow_nan=False))
    return report


def _export(model, out, force):
    """(Report, why the file cannot learn or None)."""
    if "encode" not in model.signatures():
        return export(model, out, force=force), "it has no encoder"
    try:
        return export(model, out, trainable=True, batch=BATCH, force=force), None
    except (GateError, InputError) as error:
        return export(model, out, force=force), str(error)


def described(model, report, why):
    """What the page needs to know, ready for JSON."""
    rows = {row.signature: row.to_dict() for row in report.rows}
    verbs = {name: {side: rows[name][side] for side in ("inputs", "outputs")} for name in rows}
    preset = getattr(model, "preset", None)
    return {
        "name": preset.path.name if preset else type(model).__name__,
        "shape": list(model.example_shape),
        "signatures": {name: verb for name, verb in verbs.items() if name not in ("save", "restore")},
        "learns": why is None,
        "why": why,
        "batch": BATCH,
        "preprocessor": json.loads(preset.preprocessor.to_json()) if preset else None,
        "threshold": _threshold(preset),
        "codes": _codes(model) if set(verbs) >= {"encode", "decode", "sample"} else None,
    }


def _threshold(preset):
    """The score that one in a hundred normal examples exceeds."""
    if preset is None or not (preset.path / "thresholds.json").is_file():
        return None
    return json.loads((preset.path / "thresholds.json").read_text())["score"]["0.99"]


def _codes(model):
    """Codes of samples of the model: their place on two principal axes, and how active each unit is."""
    z = np.asarray(model.run("encode", x=np.asarray(model.sample(PLACES, seed=0)))["z"], "float64")
    if z.ndim != 2 or not np.issubdtype(z.dtype, np.floating):
        return None
    spread = z.std(0)
    mean = z.mean(0)
    axes = np.linalg.svd(z - mean, full_matrices=False)[2][:2]
    return {
        "order": np.argsort(-spread).tolist(),
        "spread": spread.tolist(),
        "mean": mean.tolist(),
        "values": z.round(5).tolist(),
        "places": ((z - mean) @ axes.T).round(5).tolist(),
    }
