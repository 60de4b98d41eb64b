"""`zoo data`: what a source of data resolves to."""

from pathlib import Path
from typing import Annotated

import typer

from . import console, options
from .training import Resize, SkipBad, size_of
from .writing import writable

commands = typer.Typer(name="data", help="What a source of data resolves to.")


@commands.command()
def show(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="digits, sprites, tunes, tfds:<name>, text:FILE, a folder of images, a file."
        ),
    ],
    resize: Resize = None,
    skip_bad: SkipBad = False,
    length: options.Length = None,
    unit: options.Unit = None,
    cut: options.Cut = None,
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Prints splits, shape, range and classes of a source; --out FILE.png draws examples."""
    if out:
        writable(out, force, (".png",))
    if not Path(source).exists():
        console.start_tensorflow()  # TFDS would do it with all of its messages
    from ..data import describe, load

    given = {name: value for name, value in (("length", length), ("unit", unit), ("cut", cut)) if value is not None}
    bundle = load(source, resize=size_of(resize), skip_bad=skip_bad, **given)
    if out:
        import numpy as np

        from .. import notation

        x = bundle.train.x[np.linspace(0, len(bundle.train) - 1, min(64, len(bundle.train))).astype(int)]
        notation.pictures(bundle.preprocessor).grid(
            bundle.preprocessor.picture(bundle.preprocessor.apply(x)) if bundle.kind == "image" else x, out
        )
    console.report(describe(bundle), json)
