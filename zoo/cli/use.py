"""`zoo sample`, `reconstruct`, `interpolate` and `embed`: what a pretrained model is used for."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError, WriteError
from . import console, options
from .training import Resize, size_of

commands = typer.Typer()

SplitName = Annotated[str, typer.Option("--split", help="train, validation, test or all.")]
First = Annotated[int, typer.Option("--n", min=1, help="How many, from the first on.")]


@commands.command(rich_help_panel="Use")
def sample(
    name: options.Model,
    n: options.Number = 64,
    seed: options.Seed = 0,
    sampler: options.FittedSampler = None,
    label: Annotated[
        int | None, typer.Option(min=0, metavar="CLASS", help="Of a conditional model: the class to draw, from 0.")
    ] = None,
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Draws new examples: a picture (.png), raw values (.npy, .npz) or the columns of a table (.csv)."""
    out = writable(out or Path("samples.png"), force, (".png", ".npy", ".npz", ".csv"))
    model = opened(name, "sample", sampler)
    from .. import figures

    values = model.sample(n, seed=seed, **told(model, label))
    x = model.preset.preprocessor.invert(values)
    if out.suffix == ".png":
        figures.grid(shown(model, x), out)
    elif out.suffix == ".csv":
        write_columns(out, model.preset.preprocessor, values)
    else:
        write_arrays(out, x=x)
    console.report({"out": str(out), "samples": n, "seed": seed}, json)


@commands.command(rich_help_panel="Use")
def reconstruct(
    name: options.Model,
    data: options.DataSource = None,
    n: First = 10,
    split: SplitName = "test",
    resize: Resize = None,
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Encodes and decodes examples: a picture with differences (.png), raw values (.npy, .npz) or columns (.csv)."""
    out = writable(out or Path("reconstructions.png"), force, (".png", ".npy", ".npz", ".csv"))
    model = opened(name, "reconstruct")
    from .. import figures
    from ..metrics import mse

    x = examples(model, data, split, resize)[1].x[:n]
    values = model.preset.preprocessor.apply(x)
    x_hat = model.reconstruct(values)
    raw = model.preset.preprocessor.invert(x_hat)
    if out.suffix == ".png":
        figures.reconstructions(shown(model, x), shown(model, raw), out)
    elif out.suffix == ".csv":
        write_columns(out, model.preset.preprocessor, x_hat)
    else:
        write_arrays(out, x_hat=raw)
    console.report({"out": str(out), "examples": len(x), "mse": mse(values, x_hat)["value"]}, json)


@commands.command(rich_help_panel="Use")
def interpolate(
    name: options.Model,
    data: options.DataSource = None,
    start: Annotated[int, typer.Option("--from", min=0, help="Number of the example to begin at.")] = 0,
    stop: Annotated[int, typer.Option("--to", min=0, help="Number of the example to end at.")] = 1,
    steps: Annotated[int, typer.Option(min=2, help="Pictures on the way, both ends included.")] = 10,
    split: SplitName = "test",
    resize: Resize = None,
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Morphs one example into another along the straight line between their codes."""
    out = writable(out or Path("interpolation.png"), force, (".png", ".npy", ".npz"))
    model = opened(name, "reconstruct")
    from .. import figures

    x = examples(model, data, split, resize)[1].x
    for flag, number in (("--from", start), ("--to", stop)):
        if number >= len(x):
            raise InputError(f"{flag} {number}: there are {len(x)} examples, 0 to {len(x) - 1}")
    ends = model.preset.preprocessor.apply(x[[start, stop]])
    line = model.preset.preprocessor.invert(model.interpolate(*ends, steps=steps))
    if out.suffix == ".png":
        figures.interpolation(shown(model, line)[None], out)
    else:
        write_arrays(out, x=line)
    console.report({"out": str(out), "from": start, "to": stop, "steps": steps}, json)


@commands.command(rich_help_panel="Use")
def embed(
    name: options.Model,
    data: options.DataSource = None,
    split: SplitName = "all",
    resize: Resize = None,
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Writes the codes of data (.npz and .csv with labels, .npy) or draws their map (.png)."""
    out = writable(out or Path("codes.npz"), force, (".npz", ".npy", ".csv", ".png"))
    model = opened(name, "encode")
    from .. import figures

    _, part = examples(model, data, split, resize)
    z = model.encode(model.preset.preprocessor.apply(part.x)).reshape(len(part), -1)
    labels = {} if part.y is None else {"y": part.y}
    if out.suffix == ".png":
        figures.latent_map(z, part.y, out)
    elif out.suffix == ".csv":
        write_table(out, {f"z_{i}": code for i, code in enumerate(z.T)} | labels)
    else:
        write_arrays(out, z=z, **labels)
    console.report({"out": str(out), "examples": len(z), "dimensions": z.shape[1]}, json)


# What they share


def opened(name, verb, sampler=None):
    """The pretrained model, when it can do what is asked."""
    console.start_tensorflow()
    from ..presets import load

    model = load(name, sampler)
    if verb not in model.signatures():
        raise InputError(f"{name}: cannot {verb}; it has {', '.join(model.signatures())}")
    return model


def told(model, label):
    """The label for a conditional model, which is the only one that takes one."""
    if label is None:
        return {}
    if not getattr(model, "conditional", False):
        raise InputError(f"--label {label}: {type(model).__name__} draws from all classes together; cvae takes a label")
    if label >= model.classes:
        raise InputError(f"--label {label}: this model has the classes 0 to {model.classes - 1}")
    return {"label": label}


def examples(model, data, split, resize):
    """The data, and a Split of them, raw."""
    import numpy as np

    from ..data import Split
    from ..presets import data_for

    uncut = {"validation": 0.0, "test": 0.0} if split == "all" else {}  # in the order of the source
    bundle = data_for(model.preset, data, size_of(resize), **uncut)
    if split != "all" and split not in bundle.splits:
        raise InputError(f"--split {split}: there are {', '.join(bundle.splits)} and all")
    parts = bundle.splits.values() if split == "all" else [bundle.splits[split]]
    parts = [part for part in parts if len(part)]
    if not parts:
        raise InputError(f"{bundle.name}: the split {split} has no examples")
    y = None if any(part.y is None for part in parts) else np.concatenate([part.y for part in parts])
    return bundle, Split(np.concatenate([part.x for part in parts]), y)


def shown(model, raw):
    """Raw values as pictures take them: images in [0, 1]."""
    preprocessor = model.preset.preprocessor
    return preprocessor.picture(preprocessor.apply(raw)) if preprocessor.kind == "image" else raw


def writable(out, force, suffixes):
    """The path to write to, checked before any work is done."""
    if out.suffix not in suffixes:
        raise InputError(f"--out {out}: ends in {out.suffix or 'nothing'}; it takes {', '.join(suffixes)}")
    if out.exists() and not force:
        raise WriteError(f"{out}: exists; choose another name, or --force to replace it")
    if not out.parent.is_dir():
        raise WriteError(f"{out.parent}: no such folder")
    return out


def write_arrays(out, **arrays):
    """One array as .npy, or all by name as .npz."""
    import io

    import numpy as np

    from ..weights import write_bytes

    buffer = io.BytesIO()
    if out.suffix == ".npy":
        np.save(buffer, next(iter(arrays.values())), allow_pickle=False)
    else:
        np.savez_compressed(buffer, **arrays)
    write_bytes(out, buffer.getvalue())


def write_table(out, columns):
    """{heading: [N]} as .csv."""
    import csv
    import io

    from ..weights import write_bytes

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    write_bytes(out, text.getvalue().encode())


def write_columns(out, preprocessor, values):
    """Model values [N, F] of a table as .csv, in the columns and words that the training data had."""
    if preprocessor.kind != "table":
        raise InputError(f"--out {out}: .csv is for tables; this model gives {preprocessor.kind}s")
    names = [f"x_{i}" for i in range(values.shape[1])]
    raw = preprocessor.invert(values)
    write_table(out, preprocessor.table(values) if preprocessor.columns else dict(zip(names, raw.T, strict=True)))
