"""`zoo export`: a preset as a file for the phone, for TensorFlow or for Keras."""

from json import loads
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from . import console, options

commands = typer.Typer()

MANY = 8  # tensors of a signature that are counted, not listed


@commands.command(rich_help_panel="Use")
def export(
    name: options.Model,
    out: Annotated[Path | None, typer.Argument(help="The folder to make; exports/NAME/FORMAT if not given.")] = None,
    format: Annotated[str, typer.Option(help="tflite, saved_model, onnx, micro, keras, or web: a page.")] = "tflite",
    trainable: Annotated[bool, typer.Option("--trainable", help="TFLite that goes on learning on the device.")] = False,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Examples that TFLite takes at once: 1; a step of training: 16.")
    ] = None,
    quantize: Annotated[
        str | None, typer.Option(help="Weights of TFLite: none, float16, dynamic_int8, int8 or weight_int4.")
    ] = None,
    calibration: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Data to calibrate int8 on, and to compare on.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="How much a quantized file may differ, in place of the limit of its precision.")
    ] = None,
    optimizer: Annotated[str | None, typer.Option(help="adam, adamw or sgd, with --trainable.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="With --trainable.")] = None,
    verbs: Annotated[
        str | None, typer.Option(help="Of micro: the signatures that must be there, such as encode,score.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Put it into the run folder itself, as tflite/ or so.")] = False,
    force: options.Force = False,
    json: options.Json = False,
):
    """Writes a model as a file, after running every signature of it beside the Keras model; refuses if one differs."""
    if keep and out is not None:
        raise InputError(f"--keep: the export goes into the run folder {name}; leave {out} out")
    if out is None:
        out = Path("exports") / Path(name).expanduser().resolve().name / format
    how = {"trainable": trainable, "batch": batch, "optimizer": optimizer, "learning_rate": learning_rate}
    how |= {"quantize": quantize, "calibration": calibration, "tolerance": tolerance, "verbs": verbs}
    if keep and (asked := [word for word, value in how.items() if value is not None and value is not False]):
        raise InputError(f"--keep: the run folder keeps the plain export; leave --{asked[0].replace('_', '-')} out")
    if format == "web" and keep:
        raise InputError("--keep: the run folder keeps the plain export, not the page", "format")
    console.start_tensorflow()
    from ..export import ParityError

    try:
        report = written(name, out, format, force, how, keep)
    except ParityError as error:
        console.report({"signatures": {row.signature: row.to_dict() for row in error.rows}}, json, show_signatures)
        raise
    said = {"out": str(report.path.parent), **report.to_dict()}
    if format == "micro":
        said["micro"] = loads((report.path / "micro.json").read_text())
    console.report(said, json, show_signatures)
    for verb, reason in said.get("micro", {}).get("left_out", {}).items():
        console.err.print(f"{verb} is left out: {reason}", markup=False)
    console.err.print(f"{report.path}: {report.size:,} bytes, equal to the Keras model within {report.tolerance:g}")
    if report.threshold is None and any(row.signature == "score" for row in report.rows):
        console.err.print("score gives no verdict: the model has no threshold, which 99 held-out normal examples give")


@commands.command(name="import-state", rich_help_panel="Use")
def import_state(
    file: Annotated[Path, typer.Argument(metavar="FILE.npz", help="What `save` gave on the device, by name.")],
    run: Annotated[str, typer.Argument(metavar="RUN", help="The preset or run folder that was exported.")],
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Brings what a trainable TFLite file has learned on a device back into a run folder."""
    console.start_tensorflow()
    from ..importing import import_state
    from ..presets import open_preset

    path = import_state(file, run, out, force=force)
    learned = open_preset(path).metadata["on_device"]
    console.report({"out": str(path), **learned}, json)


def written(name, out, format, force, how, keep):
    """The report of what was asked for."""
    from ..export import export

    return kept(name, format, force) if keep else export(name, out, format=format, force=force, **how)


def kept(name, format, force):
    """The report of an export into the run folder of a preset, which stays as it was if that fails."""
    from dataclasses import replace

    from ..presets import open_preset, revised
    from ..report import keep_export

    preset = open_preset(name)
    with revised(preset) as work:
        report = keep_export(work, format, force)
    return replace(report, path=preset.path / report.path.relative_to(work))


def show_signatures(result):
    """The signatures for people."""
    rows = [
        {
            "signature": name,
            "inputs": tensors(row["inputs"]),
            "outputs": tensors(row["outputs"]),
            "max error": "not equal" if row["error"] is None else f"{row['error']:.1e}",
        }
        for name, row in result["signatures"].items()
    ]
    for row in rows:
        row |= {key: f"{row_of(result, row)[key]:,} bytes" for key in ("flash", "arena") if "micro" in result}
    console.rows(rows, list(rows[0]))
    if "size" in result:
        print(f"{result['out']}/{result['path']}  {result['size']:,} bytes")
    if (weights := result.get("weights")) and result["options"]["quantize"] != "none":
        print(f"{weights['of_float32']:.2f} of the size in float32")
        for kind in sorted(weights.keys() - {"of_float32", "float32"}):
            print(f"{kind}: {', '.join(weights[kind])}")


def row_of(result, row):
    """What micro.json says of a signature."""
    return result["micro"]["signatures"][row["signature"]]


def tensors(named):
    """What a signature takes or gives; the state of an optimizer is too much to list."""
    return f"{len(named)} tensors" if len(named) > MANY else [described(*item) for item in named.items()]


def described(name, tensor):
    """x float32[?,28,28,1]"""
    shape = ",".join("?" if size is None else str(size) for size in tensor["shape"])
    return f"{name} {tensor['dtype']}[{shape}]"
