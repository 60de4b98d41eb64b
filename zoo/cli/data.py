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
    console.report(describe(bundle), json, show_description)


def show_description(found):
    """One fact a line, one note a line, and a line for each column of a table."""
    notes, columns = found.pop("notes"), found.pop("columns", None)
    found["sizes"] = ", ".join(f"{count:,} {name}" for name, count in found["sizes"].items())
    if found["classes"]:
        found["classes"] = ", ".join(f"{name} ({count:,})" for name, count in found["classes"].items())
    if columns:
        console.facts({name: value for name, value in found.items() if name not in ("range", "mean", "sd")})
        console.rows(describe_columns(columns, found), ("column", "values", "lowest", "highest", "mean", "sd"))
    else:
        console.facts({**found, "range": rounded(found["range"]), **{n: rounded(found[n]) for n in ("mean", "sd")}})
    for note in notes:
        print(f"  {note}")


def describe_columns(columns, found):
    """A mapping for each column; the shares of its words stand for the numbers of one that has words."""
    numbers, first = ("lowest", "highest", "mean", "sd"), 0
    for name, words in columns.items():
        if words == "number":
            values = [part[first] for part in (*found["range"], found["mean"], found["sd"])]
            yield {"column": name, "values": words, **dict(zip(numbers, rounded(values), strict=True))}
        else:
            shares = zip(words, found["mean"][first:], strict=False)
            yield {
                "column": name,
                "values": [f"{word} {share:.0%}" for word, share in shares],
                **dict.fromkeys(numbers),
            }
        first += 1 if words == "number" else len(words)


def rounded(value):
    """A number, or a list of them, to four digits."""
    return [rounded(part) for part in value] if isinstance(value, list) else f"{value:.4g}"
