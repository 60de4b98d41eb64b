"""`zoo data`: what a source of data resolves to."""

from typing import Annotated

import typer

from . import console, options
from .training import SkipBad, size_of
from .use import Resize, writable

commands = typer.Typer(name="data", help="What a source of data resolves to.")


@commands.command()
def show(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="digits, tfds:<name>, a folder of images, a file.")],
    resize: Resize = None,
    skip_bad: SkipBad = False,
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Prints splits, shape, range and classes of a source; --out FILE.png draws its first examples."""
    if out:
        writable(out, force, (".png",))
    from ..data import describe, load

    bundle = load(source, resize=size_of(resize), skip_bad=skip_bad)
    if out:
        from .. import figures

        x = bundle.train.x[:64]
        figures.grid(bundle.preprocessor.apply(x) if bundle.kind == "image" else x, out)
    console.report(describe(bundle), json)
