"""`zoo cluster`, `classify` and `impute`: what some variants can say of data beyond their codes."""

from pathlib import Path

import typer

from . import console, options
from .training import Resize
from .use import SplitName, examples, opened
from .writing import writable, write_arrays, write_columns, write_table

commands = typer.Typer()


@commands.command(rich_help_panel="Use")
def cluster(
    name: options.Model,
    data: options.DataSource = None,
    split: SplitName = "all",
    resize: Resize = None,
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Writes the cluster of each example, and how probable each is (.csv); says how well they meet labels, if any."""
    out = writable(out or Path("clusters.csv"), force, (".csv",))
    from ..metrics import clustering

    model = opened(name, "cluster")
    part = examples(model, data, split, resize)[1]
    found = model.run("cluster", x=model.preset.preprocessor.apply(part.x))
    shares = {f"p_{i}": share for i, share in enumerate(found["probability"].T)}
    write_table(out, {"cluster": found["cluster"], **shares} | labels_of(part))
    said = {} if part.y is None else clustering(part.y, found["cluster"])
    console.report(
        {"out": str(out), "examples": len(part), "clusters": len(set(found["cluster"].tolist())), **said}, json
    )


@commands.command(rich_help_panel="Use")
def classify(
    name: options.Model,
    data: options.DataSource = None,
    split: SplitName = "test",
    resize: Resize = None,
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Writes the likeliest label of each example and its score under each, in nats (.csv); of conditional models."""
    out = writable(out or Path("labels.csv"), force, (".csv",))
    model = opened(name, "classify")
    part = examples(model, data, split, resize)[1]
    found = model.run("classify", x=model.preset.preprocessor.apply(part.x))
    scores = {f"score_{i}": score for i, score in enumerate(found["scores"].T)}
    write_table(out, {"label": found["label"], **scores} | labels_of(part))
    said = {} if part.y is None else {"accuracy": float((found["label"] == part.y).mean())}
    console.report({"out": str(out), "examples": len(part), **said}, json)


@commands.command(rich_help_panel="Use")
def impute(
    name: options.Model,
    data: options.DataSource = None,
    split: SplitName = "all",
    resize: Resize = None,
    seed: options.Seed = 0,
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Writes data with their missing values filled in: the columns of a table (.csv), or raw values (.npy, .npz)."""
    import numpy as np

    out = writable(out or Path("imputed.npz"), force, (".csv", ".npy", ".npz"))
    model = opened(name, "impute")
    part = examples(model, data, split, resize)[1]
    preprocessor = model.preset.preprocessor
    x = preprocessor.apply(part.x)
    filled = model.impute(x, seed=seed)
    if out.suffix == ".csv":
        write_columns(out, preprocessor, filled)
    else:
        write_arrays(out, x=preprocessor.invert(filled))
    console.report({"out": str(out), "examples": len(x), "filled": int(np.isnan(x).sum())}, json)


def labels_of(part):
    """The column of the labels that the data have."""
    return {} if part.y is None else {"y": part.y}
