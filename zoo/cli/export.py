"""`zoo export`: a preset as a file for the phone, for TensorFlow or for Keras."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from . import console, options

commands = typer.Typer()


@commands.command(rich_help_panel="Use")
def export(
    name: options.Model,
    out: Annotated[Path | None, typer.Argument(help="The folder to make; exports/NAME/FORMAT if not given.")] = None,
    format: Annotated[str, typer.Option(help="tflite, saved_model or keras.")] = "tflite",
    batch: Annotated[int, typer.Option(min=1, help="Examples that TFLite signatures take at once.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Put it into the run folder itself, as tflite/ or so.")] = False,
    force: options.Force = False,
    json: options.Json = False,
):
    """Writes a model as a file, after running every signature of it beside the Keras model; refuses if one differs."""
    if keep and out is not None:
        raise InputError(f"--keep: the export goes into the run folder {name}; leave {out} out")
    if out is None:
        out = Path("exports") / Path(name).expanduser().resolve().name / format
    console.start_tensorflow()
    from ..export import ParityError, export

    try:
        report = kept(name, format, force) if keep else export(name, out, format=format, batch=batch, force=force)
    except ParityError as error:
        console.report({"signatures": {row.signature: row.to_dict() for row in error.rows}}, json, show_signatures)
        raise
    console.report({"out": str(report.path.parent), **report.to_dict()}, json, show_signatures)
    console.err.print(f"{report.path}: {report.size:,} bytes, equal to the Keras model within {report.tolerance:g}")


def kept(name, format, force):
    """The report of an export into the run folder of a preset."""
    from ..presets import open_preset
    from ..report import keep_export

    return keep_export(open_preset(name).path, format, force)


def show_signatures(result):
    """The signatures for people."""
    rows = [
        {
            "signature": name,
            "inputs": [described(*item) for item in row["inputs"].items()],
            "outputs": [described(*item) for item in row["outputs"].items()],
            "max error": "not equal" if row["error"] is None else f"{row['error']:.1e}",
        }
        for name, row in result["signatures"].items()
    ]
    console.rows(rows, list(rows[0]))
    if "size" in result:
        print(f"{result['out']}/{result['path']}  {result['size']:,} bytes")


def described(name, tensor):
    """x float32[?,28,28,1]"""
    shape = ",".join("?" if size is None else str(size) for size in tensor["shape"])
    return f"{name} {tensor['dtype']}[{shape}]"
