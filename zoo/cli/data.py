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
    missing: options.Missing = None,
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Prints splits, shape, range and classes of a source; --out FILE.png draws examples."""
    if out:
        writable(out, force, (".png",))
    if not Path(source).exists() or source.endswith((".tfrecord", ".tfrecords")):
        console.start_tensorflow()  # TFDS would do it with all of its messages
    from ..data import describe, load

    given = {"length": length, "unit": unit, "cut": cut, "missing": missing}
    given = {name: value for name, value in given.items() if value is not None}
    bundle = load(source, resize=size_of(resize), skip_bad=skip_bad, **given)
    if out:
        draw(bundle, out)
    console.report(describe(bundle), json, show_description)


def draw(bundle, out):
    """A picture of training examples; of tables, how the values of each column are distributed."""
    import numpy as np

    from .. import figures, notation

    x, preprocessor = bundle.train.x, bundle.preprocessor
    if bundle.kind == "table" and bundle.shape == (2,) and not preprocessor.columns:
        figures.scatter(x, bundle.train.y, out, bundle.classes)
    elif bundle.kind == "table":
        figures.distributions(preprocessor.raw_columns(x), out)
    else:
        x = x[np.linspace(0, len(x) - 1, min(64, len(x))).astype(int)]
        shown = preprocessor.picture(preprocessor.apply(x)) if bundle.kind == "image" else x
        notation.pictures(preprocessor).grid(shown, out)


def show_description(found):
    """One fact a line, one note a line, and a line for each column of a table."""
    notes, columns = found.pop("notes"), found.pop("columns", None)
    found["sizes"] = ", ".join(f"{count:,} {name}" for name, count in found["sizes"].items())
    if found["classes"]:
        found["classes"] = ", ".join(f"{name} ({count:,})" for name, count in found["classes"].items())
    numbers = {name: found.pop(name) for name in NUMBERS if name in found}  # tokens have none
    if numbers and isinstance(numbers["mean"], list):
        columns = columns or {str(number): "number" for number in range(len(numbers["mean"]))}
    elif numbers:
        found |= {name: rounded(value) for name, value in numbers.items()}
        found["range"] = " to ".join(found["range"])
    if words := found.pop("vocabulary", None):
        more = f", ... ({len(words):,} in all)" if len(words) > WORDS else ""
        found["vocabulary"] = ", ".join(word if word.strip() else repr(word) for word in words[:WORDS]) + more
    if read_as := found.pop("read_as", None):
        found["range"] += f", read as [{read_as[0]:g}, {read_as[1]:g}]"
    console.facts({name: value for name, value in found.items() if value is not None})
    if columns:
        console.rows(describe_columns(columns, numbers), ("column", "values", *ROW))
    for note in notes:
        print(f"  {note}")


WORDS = 40  # of a vocabulary that are printed
NUMBERS, ROW = ("range", "mean", "sd"), ("lowest", "highest", "mean", "sd")


def describe_columns(columns, found):
    """A mapping for each column; the shares of its words stand for the numbers of one that has words."""
    first = 0
    for name, words in columns.items():
        if words == "number":
            values = [part[first] for part in (*found["range"], found["mean"], found["sd"])]
            yield {"column": name, "values": words, **dict(zip(ROW, rounded(values), strict=True))}
        else:
            shares = zip(words, found["mean"][first:], strict=False)
            yield {"column": name, "values": [f"{word} {share:.0%}" for word, share in shares], **dict.fromkeys(ROW)}
        first += 1 if words == "number" else len(words)


def rounded(value):
    """A number, or a list of them, to four digits; those below a million without a power of ten."""
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return f"{value:.0f}" if value == int(value) or 1e4 <= abs(value) < 1e6 else f"{value:.4g}"
