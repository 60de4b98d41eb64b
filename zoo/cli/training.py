"""`zoo train` and `zoo finetune`: from data to a run folder."""

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from ..yaml import read_yaml
from . import console, options
from .progress import Bar

commands = typer.Typer()

Resume = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint, to the same final weights.")]
Epochs = Annotated[int | None, typer.Option("--epochs", min=1, help="Passes over the data.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many examples.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out files that cannot be read.")]
RunSeed = Annotated[int | None, typer.Option("--seed", min=0, help="Of weights, noise and order.")]
Deterministic = Annotated[
    bool, typer.Option("--deterministic", help="The same bits with any number of cores, on one thread.")
]


Rate = Annotated[str | None, typer.Option("--lr", metavar="NUMBER|auto", help="Learning rate; auto: by a range test.")]
Patience = Annotated[
    int | None, typer.Option("--patience", min=1, help="Stop after so many epochs without improvement.")
]
TensorBoard = Annotated[
    Path | None, typer.Option("--tensorboard", metavar="PATH", help="Write curves for TensorBoard there.")
]
Doctor = Annotated[bool, typer.Option("--doctor/--no-doctor", help="Say what goes wrong in training, and what to try.")]
Resize = Annotated[
    str | None,
    typer.Option(metavar="HxW|model|HOW", help="Resize images; model: to what it takes. HOW: fit, crop or pad."),
]


def settings_of(overrides, **flags):
    """Flags that were given, as overrides after those of --set."""
    flags = {KEYS.get(name, name): None if value is False else value for name, value in flags.items()}
    return [*(overrides or ()), *(f"{key}={value}".lower() for key, value in flags.items() if value is not None)]


KEYS = {
    "epochs": "training.epochs",
    "rate": "training.learning_rate",
    "patience": "training.patience",
    "seed": "training.seed",
    "deterministic": "training.deterministic",
    "limit": "data.limit",
    "skip_bad": "data.skip_bad",
    "length": "data.length",
    "unit": "data.unit",
    "cut": "data.cut",
    "missing": "data.missing",
}


def tensorboard(path):
    """The callbacks of --tensorboard."""
    if path is None:
        return ()
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("--tensorboard needs the package tensorboard: pip install 'autoencoder-zoo[tensorboard]'")
    import keras

    return (keras.callbacks.TensorBoard(path, write_graph=False),)


@commands.command(rich_help_panel="Learn")
def train(
    name: options.Source,
    data: options.DataSource = None,
    out: options.Out = None,
    overrides: options.Overrides = None,
    epochs: Epochs = None,
    rate: Rate = None,
    patience: Patience = None,
    limit: Limit = None,
    resize: Resize = None,
    length: options.Length = None,
    unit: options.Unit = None,
    cut: options.Cut = None,
    missing: options.Missing = None,
    seed: RunSeed = None,
    skip_bad: SkipBad = False,
    deterministic: Deterministic = False,
    tensorboard_path: TensorBoard = None,
    doctor: Doctor = True,
    resume: Resume = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
):
    """Trains a model and writes a run folder: weights, numbers, pictures, card and TFLite file."""
    flags = {"epochs": epochs, "rate": rate, "patience": patience, "seed": seed, "limit": limit}
    flags |= {"deterministic": deterministic, "skip_bad": skip_bad, "length": length, "unit": unit, "cut": cut}
    flags |= {"missing": missing}
    changes = settings_of(overrides, **flags, **sizing(resize))
    console.start_tensorflow()
    from ..training import train

    with Bar(quiet) as bar:
        run = train(
            name,
            data,
            out,
            changes=changes,
            resume=resume,
            force=force,
            progress=bar,
            announce=announcer(quiet),
            callbacks=tensorboard(tensorboard_path),
            doctor=bar.say if doctor else None,
        )
    show_run(run, json)


@commands.command(rich_help_panel="Learn")
def finetune(
    name: options.Model,
    data: Annotated[str, typer.Option("--data", metavar="SOURCE", help="What to learn from; see zoo data show.")],
    out: options.Out = None,
    overrides: options.Overrides = None,
    epochs: Epochs = None,
    rate: Rate = None,
    patience: Patience = None,
    limit: Limit = None,
    freeze: Annotated[str, typer.Option(help="none, encoder or decoder: what keeps its weights.")] = "none",
    resize: Resize = None,
    cut: options.Cut = None,
    missing: options.Missing = None,
    seed: RunSeed = None,
    skip_bad: SkipBad = False,
    deterministic: Deterministic = False,
    tensorboard_path: TensorBoard = None,
    doctor: Doctor = True,
    resume: Resume = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
):
    """Fine-tunes a pretrained model on your data: adapts it, says which weights were kept, and writes a run folder."""
    flags = {"epochs": epochs, "rate": rate, "patience": patience, "seed": seed, "limit": limit}
    flags |= {"deterministic": deterministic, "skip_bad": skip_bad, "cut": cut, "missing": missing}
    changes = settings_of(overrides, **flags)
    console.start_tensorflow()
    from ..finetuning import finetune

    with Bar(quiet) as bar:
        run = finetune(
            name,
            data,
            out,
            changes=changes,
            freeze=freeze,
            resize=size_of(resize),
            resume=resume,
            force=force,
            progress=bar,
            announce=announcer(quiet),
            callbacks=tensorboard(tensorboard_path),
            doctor=bar.say if doctor else None,
        )
    show_run(run, json)


def sizing(resize):
    """--resize as settings."""
    size = size_of(resize)
    words = (size,) if isinstance(size, str) else size or ()
    if "model" in words:
        raise InputError(f"--resize {resize}: a new model takes the size of the data; give HEIGHTxWIDTH")
    numbers, how = [word for word in words if isinstance(word, int)], [word for word in words if isinstance(word, str)]
    return {"data.resize": numbers or None, "data.resize_mode": how[0] if how else None}


@commands.command("fit-sampler", rich_help_panel="Learn")
def fit_sampler(
    name: options.Model,
    sampler: Annotated[
        str, typer.Option(help="mixture, flow, two_stage, aggregate, autoregressive; normal: the prior again.")
    ] = "mixture",
    data: options.DataSource = None,
    resize: Resize = None,
    overrides: options.Overrides = None,
    seed: options.Seed = 0,
    out: options.Out = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
):
    """Fits a distribution to a model's codes of data, for its samples to begin with: here and in what is exported."""
    from ..config import split_override

    words = dict(split_override(text) for text in overrides or ())
    words = {word: read_yaml(value, f"--set {word}").data for word, value in words.items()}
    console.start_tensorflow()
    from ..sampling import fit_sampler

    def show(epoch, epochs, loss):
        if not quiet and (epoch == epochs or epoch % 10 == 0):
            console.err.print(f"epoch {epoch}/{epochs}  loss {loss:.4g}")

    how = {"resize": size_of(resize), "out": out, "force": force, "seed": seed}
    found = fit_sampler(name, data, sampler, **how, progress=show, **words)
    console.report({"run": out or name, **found}, json)


def size_of(text):
    """'28x20' -> (28, 20); '28x20,crop' -> (28, 20, 'crop'), and so with 'model'; a word or None stays."""
    from ..data.pixels import HOW

    if text is None or text in ("model", *HOW):
        return text
    size, comma, how = text.partition(",")
    height, cross, width = size.partition("x")
    numbers = cross and height.isdecimal() and width.isdecimal() and int(height) and int(width)
    if not (numbers or size == "model") or (comma and how not in HOW):
        raise InputError(
            f"--resize {text}: needs HEIGHTxWIDTH, such as 28x28, or model, or {', '.join(HOW)}, or 28x28,crop"
        )
    return (*((int(height), int(width)) if numbers else (size,)), *((how,) if comma else ()))


def announcer(quiet):
    """Says what the data are, and what of the weights was kept."""

    def announce(bundle, model, moves):
        sizes = ", ".join(f"{len(split):,} {name}" for name, split in bundle.splits.items())
        shape = "x".join(map(str, bundle.shape))
        console.err.print(f"{bundle.name}: {bundle.kind.removesuffix('s')}s of {shape}; {sizes}", markup=False)
        for note in bundle.notes:
            console.err.print(f"  {note}", markup=False)
        if moves is not None:
            show_moves(moves)

    return (lambda *_: None) if quiet else announce


def show_moves(moves):
    """Which weights were loaded, adapted and fresh, by name."""
    counts = {how: sum(move.how == how for move in moves) for how in ("loaded", "adapted", "fresh")}
    console.err.print("weights: " + ", ".join(f"{count} {how}" for how, count in counts.items()))
    for move in moves:
        was = "" if move.source in (None, move.target) else f"  from {_shape(move.source)}"
        console.err.print(f"  {move.how:8} {move.name}  {_shape(move.target)}{was}", markup=False)


def _shape(shape):
    return "x".join(map(str, shape)) or "scalar"


def show_run(run, as_json):
    """Where the run is and what it can do."""
    from ..presets import Preset

    metadata = Preset(Path(run)).metadata
    found = {
        f"{title} {name}": entry["value"]
        for title, evaluation in metadata["metrics"].items()
        for name, entry in evaluation["metrics"].items()
    }
    facts = {name: metadata["training"][name] for name in ("epochs", "kept_epoch", "seconds")}
    result = {"run": str(run), "card": f"{run}/README.md", "parameters": metadata["parameters"], **facts, **found}
    console.report(
        {"run": str(run), **{name: metadata[name] for name in ("parameters", "training", "metrics")}}
        if as_json
        else result,
        as_json,
    )
