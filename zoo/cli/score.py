"""`zoo score`: which examples are strange to a pretrained model."""

from typing import Annotated

import typer

from ..errors import InputError, nearest
from . import console, options
from .use import Resize, SplitName, examples, opened
from .writing import shown, writable, write_arrays

commands = typer.Typer()

SHOWN = 12  # strangest examples in the picture
LISTED = 10  # of them in the terminal


@commands.command(rich_help_panel="Use")
def score(
    name: options.Model,
    data: options.DataSource = None,
    rate: Annotated[float, typer.Option(help="False alarms among normal examples that are accepted.")] = 0.01,
    criterion: Annotated[
        str,
        typer.Option(
            help="score, reconstruction, reconstruction_probability, elbo, likelihood or latent.", metavar="NAME"
        ),
    ] = "score",
    normal: Annotated[
        list[str] | None, typer.Option("--normal", metavar="CLASS", help="A class that is normal: gives AUROC.")
    ] = None,
    heat: Annotated[
        str | None,
        typer.Option("--map", metavar="NAME", help="What a picture shows: restoration, difference or surprise."),
    ] = None,
    split: SplitName = "all",
    resize: Resize = None,
    seed: options.Seed = 0,
    out: options.Out = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Scores data and names the anomalies: a table (.csv), arrays (.npz), or the strangest with a heat map (.png)."""
    out = writable(out, force, (".csv", ".npz", ".png")) if out else None
    if heat and (out is None or out.suffix != ".png"):
        raise InputError(f"--map {heat}: is drawn into a picture; add --out strangest.png")
    model = opened(name, "score")
    if heat and model.preset.preprocessor.kind != "image":
        raise InputError(f"--map {heat}: is drawn of images; {name} takes a {model.preset.preprocessor.kind}")
    from .. import scoring

    bundle, part = examples(model, data, split, resize)
    wanted = labels_of(normal, bundle, part)
    found = scoring.score(model, part.x, criterion=criterion, rate=rate, seed=seed)
    order = found.scores.argsort()[::-1]
    if out:
        write(out, model, part, found, order, heat)
    result = {
        "model": str(name),
        "examples": len(part),
        "anomalies": int(found.is_anomaly.sum()),
        "criterion": criterion,
        "threshold": found.threshold,
        "rate": rate,
        "calibrated_on": found.normal,
        "strangest": [
            {"example": int(i), "score": float(found.scores[i]), "p_value": float(found.p_values[i])}
            for i in order[:LISTED]
        ],
    }
    if wanted is not None:
        from sklearn.metrics import average_precision_score, roc_auc_score

        result["auroc"] = float(roc_auc_score(~wanted, found.scores))
        result["average_precision"] = float(average_precision_score(~wanted, found.scores))
    console.report(result, json, show)


def labels_of(normal, bundle, part):
    """Which examples are normal, bool [N], or None where nobody said so."""
    import numpy as np

    if not normal:
        return None
    if part.y is None:
        raise InputError(f"--normal {normal[0]}: {bundle.name} has no labels")
    names = [str(n) for n in bundle.classes or np.unique(part.y)]
    for each in normal:
        if each not in names:
            raise InputError(f"--normal {each}: no such class{nearest(each, names)}; there are {', '.join(names)}")
    numbers = range(len(names)) if bundle.classes else np.unique(part.y)
    chosen = [number for number, each in zip(numbers, names, strict=True) if each in normal]
    wanted = np.isin(part.y, chosen)
    if wanted.all():
        raise InputError(f"--normal {', '.join(normal)}: all {len(part)} examples are, so there is nothing to tell")
    return wanted


def write(out, model, part, found, order, heat):
    """Scores of all examples as .csv or .npz, or a picture of the strangest."""
    if out.suffix == ".png":
        from .. import notation
        from ..metrics.heatmaps import DEFAULT, heat_maps

        x, preprocessor = part.x[order[:SHOWN]], model.preset.preprocessor
        values = preprocessor.apply(x)
        maps = ()
        if preprocessor.kind == "image":
            heat = heat or DEFAULT
            where, expected = heat_maps(model, values, heat)
            maps = SHOWN, where, heat
        else:
            expected = model.reconstruct(values)
        x_hat = preprocessor.invert(expected)
        notation.pictures(preprocessor).reconstructions(shown(model, x), shown(model, x_hat), out, *maps)
        return
    columns = {"score": found.scores, "p_value": found.p_values, "is_anomaly": found.is_anomaly}
    columns |= {} if part.y is None else {"y": part.y}
    if out.suffix == ".npz":
        write_arrays(out, **columns)
        return
    import csv
    import io

    from ..weights import write_bytes

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["example", *columns])
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    writer.writerows([i, *row] for i, row in enumerate(rows))
    write_bytes(out, text.getvalue().encode())


def show(result):
    """Scores for people."""
    print(
        f"{result['anomalies']:,} of {result['examples']:,} examples are anomalies: {result['criterion']} above "
        f"{result['threshold']:.5g}, which {result['rate']:.2%} of normal examples exceed "
        f"(calibrated on {result['calibrated_on']:,})"
    )
    if "auroc" in result:
        print(f"AUROC {result['auroc']:.4f}, average precision {result['average_precision']:.4f}")
    rows = [
        {"example": str(row["example"]), "score": f"{row['score']:.5g}", "p-value": f"{row['p_value']:.2g}"}
        for row in result["strangest"]
    ]
    console.rows(rows, ["example", "score", "p-value"])
