"""`zoo data`: what a source of data resolves to."""

from pathlib import Path
from typing import Annotated

import typer

from . import console, options
from .training import Resize, SkipBad, size_of
from .use import writable

commands = typer.Typer(name="data", help="What a source of data resolves to.")


@commands.command()
def show(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="digits, sprites, tfds:<name>, a folder of images, a file.")
    ],
    resize: Resize = None,
    skip_bad: SkipBad = False,
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

    bundle = load(source, resize=size_of(resize), skip_bad=skip_bad)
    if out:
        import numpy as np

        from .. import figures

        x = bundle.train.x[np.linspace(0, len(bundle.train) - 1, min(64, len(bundle.train))).astype(int)]
        figures.grid(bundle.preprocessor.picture(bundle.preprocessor.apply(x)) if bundle.kind == "image" else x, out)
    console.report(describe(bundle), json)
