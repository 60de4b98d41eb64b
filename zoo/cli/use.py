"""`zoo sample`, `reconstruct`, `interpolate` and `embed`: what a pretrained model is used for."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from ..yaml import printable
from . import console, options
from .training import Resize, size_of
from .writing import RAW, TOKENS, place, shown, writable, write, write_arrays, write_table

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
    """Draws new examples: a picture (.png), raw values (.npy, .npz), columns (.csv), text (.txt), tunes (.mid, DIR)."""
    out = writable(out, force, (*RAW, ".csv", *TOKENS)) if out else None
    model = opened(name, "sample", sampler)
    out = place(model, out, force, "samples")
    x = model.preset.preprocessor.invert(values := model.sample(n, seed=seed, **told(model, label)))
    write(model, out, lambda pictures, path: pictures.grid(shown(model, x), path), values, x=x)
    console.report({"out": str(out) if out else None, "samples": n, "seed": seed, **texts(model, text=x)}, json, show)


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
    """Encodes and decodes examples: a picture with differences (.png), or what `zoo sample` writes."""
    out = writable(out, force, (*RAW, ".csv", *TOKENS)) if out else None
    model = opened(name, "reconstruct")
    out = place(model, out, force, "reconstructions")
    x = examples(model, data, split, resize)[1].x[:n]
    values = model.preset.preprocessor.apply(x)
    again = model.reconstruct(values)
    x_hat = model.preset.preprocessor.invert(again)
    write(
        model,
        out,
        lambda pictures, path: pictures.reconstructions(shown(model, x), shown(model, x_hat), path, columns=len(x)),
        again,
        x_hat=x_hat,
    )
    how_near = nearness(model, x, x_hat, values, again)
    said = {"out": str(out) if out else None, "examples": len(x), **how_near}
    console.report({**said, **texts(model, text=x, reconstruction=x_hat)}, json, show)


@commands.command(rich_help_panel="Use")
def interpolate(
    name: options.Model,
    data: options.DataSource = None,
    start: Annotated[int, typer.Option("--from", min=0, help="Number of the example to begin at.")] = 0,
    stop: Annotated[int, typer.Option("--to", min=0, help="Number of the example to end at.")] = 1,
    from_text: Annotated[str | None, typer.Option(help="A text to begin at.")] = None,
    to_text: Annotated[str | None, typer.Option(help="A text to end at.")] = None,
    steps: Annotated[int, typer.Option(min=2, help="Examples on the way, both ends included.")] = 10,
    split: SplitName = "test",
    resize: Resize = None,
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Morphs one example into another, along the line between their codes: a picture, or what `zoo sample` writes."""
    if (from_text is None) != (to_text is None):
        raise InputError("--from-text and --to-text: give both, or neither")
    out = writable(out, force, (*RAW, *TOKENS)) if out else None
    model = opened(name, "reconstruct")
    out = place(model, out, force, "interpolation")
    preprocessor = model.preset.preprocessor
    if from_text is None:
        said = {"from": start, "to": stop}
        ends = numbered(examples(model, data, split, resize)[1].x, start, stop)
    else:
        said = {"from": from_text, "to": to_text}
        ends = written(preprocessor, from_text, to_text)
    values = model.interpolate(*preprocessor.apply(ends), steps=steps)
    line = preprocessor.invert(values)
    write(model, out, lambda pictures, path: pictures.interpolation(shown(model, line)[None], path), values, x=line)
    console.report({"out": str(out) if out else None, **said, "steps": steps, **texts(model, text=line)}, json, show)


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


def numbered(x, start, stop):
    """Two examples by their numbers."""
    for flag, number in (("--from", start), ("--to", stop)):
        if number >= len(x):
            raise InputError(f"{flag} {number}: there are {len(x)} examples, 0 to {len(x) - 1}")
    return x[[start, stop]]


def written(preprocessor, *words):
    """Raw examples of texts."""
    import numpy as np

    vocabulary = preprocessor.vocabulary
    if vocabulary is None:
        raise InputError(f"--from-text: is for models of text; this one takes {preprocessor.kind}s")
    length = preprocessor.shape[0]
    return np.stack([vocabulary.sequence(text, length, f"the text {text[:40]!r}") for text in words])


def nearness(model, x, x_hat, values, again):
    """How near reconstructions are: of tokens, the share that is right, else the mean squared error."""
    from .. import metrics

    if vocabulary := model.preset.preprocessor.vocabulary:
        return {"token_accuracy": metrics.token_accuracy(x, x_hat, vocabulary.count(x))["value"]}
    return {"mse": metrics.mse(values, again)["value"]}


def texts(model, **tokens):
    """{name: [texts]} of arrays of tokens [N, T] where they are texts, or {}."""
    vocabulary = model.preset.preprocessor.vocabulary
    if vocabulary is None or vocabulary.unit == "steps":
        return {}
    return {name: [vocabulary.text(row) for row in rows] for name, rows in tokens.items()}


def show(result):
    """A result for people: the texts on stdout, one a line, if there are any."""
    columns = {name: result.pop(name) for name in ("text", "reconstruction") if name in result}
    facts = {name: value for name, value in result.items() if value is not None}
    if not columns:
        console.facts(facts)
        return
    for line in zip(*columns.values(), strict=True):
        print("\t".join(map(printable, line)))
    console.err.print(", ".join(f"{name} {value}" for name, value in facts.items()), markup=False)
