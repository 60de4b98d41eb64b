"""`zoo evaluate`: the numbers of a model on data, and gates on them."""

from typing import Annotated, Literal

import typer

from ..errors import GateError, InputError, nearest
from . import console, options
from .training import Resize, size_of

commands = typer.Typer()

Gate = list[str] | None


@commands.command(rich_help_panel="Check")
def evaluate(
    name: options.Model,
    data: options.DataSource = None,
    split: Annotated[Literal["train", "validation", "test"], typer.Option(help="Which part of the data.")] = "test",
    samples: Annotated[int, typer.Option(min=1, help="Codes drawn for the likelihood of each example.")] = 500,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many examples.")] = None,
    binarize: Annotated[
        Literal["none", "threshold", "stochastic"] | None,
        typer.Option(help="Pixels to 0 and 1, and how; by default as in training."),
    ] = None,
    resize: Resize = None,
    seed: options.Seed = 0,
    fail_under: Annotated[Gate, typer.Option(metavar="METRIC=VALUE", help="Exit 3 when it is less.")] = None,
    fail_over: Annotated[Gate, typer.Option(metavar="METRIC=VALUE", help="Exit 3 when it is more.")] = None,
    save: Annotated[bool, typer.Option("--save", help="Keep the numbers in the run folder and its card.")] = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
):
    """Measures reconstruction, likelihood and codes, each with its standard error."""
    gates = [gate("--fail-under", text) for text in fail_under or ()]
    gates += [gate("--fail-over", text) for text in fail_over or ()]
    console.start_tensorflow()
    from .. import presets
    from ..evaluation import METRICS, evaluate

    for flag, metric, _ in gates:
        if metric not in METRICS:
            raise InputError(
                f"{flag} {metric}: no such metric{nearest(metric, METRICS)}; there are {', '.join(METRICS)}"
            )
    model = presets.load(name)
    bundle = presets.data_for(model.preset, data, size_of(resize))
    with Counter(quiet) as progress:
        measured = evaluate(
            model,
            bundle,
            split=split,
            samples=samples,
            limit=limit,
            binarize=binarize or model.preset.experiment.data.binarize,
            seed=seed,
            progress=progress,
        )
    result = {"model": str(name), "data": bundle.source, "fingerprint": bundle.fingerprint, **measured}
    if save:
        keep(model.preset, measured, command(name, data, measured["settings"], resize))
    console.report(result, json, show)
    unmet = [sentence for sentence in (failure(measured, *g) for g in gates) if sentence]
    if unmet:
        raise GateError(f"{name}: {'; '.join(unmet)}")


def gate(flag, text):
    """(flag, metric, value) of METRIC=VALUE."""
    metric, _, value = text.partition("=")
    try:
        return flag, metric, float(value)
    except ValueError:
        raise InputError(f"{flag} {text}: needs METRIC=VALUE, such as nll=95.5") from None


def failure(measured, flag, metric, limit):
    """Why a gate is not met, or None."""
    if metric not in measured["metrics"]:
        return f"{metric} was not measured: {measured['skipped'][metric]}"
    value = measured["metrics"][metric]["value"]
    met, word = {"--fail-under": (value >= limit, "under"), "--fail-over": (value <= limit, "over")}[flag]
    return None if met else f"{metric} is {value:.6g}, {word} {limit:g}"


def keep(preset, measured, said):
    """Puts an evaluation, and the command that made it, into the metadata and the card of a run folder."""
    from .. import presets, report

    facts = presets.facts(preset.path)
    split = measured["settings"]["split"]
    facts["metrics"] = {**facts["metrics"], split: measured}
    facts["commands"] = {**facts.get("commands", {}), split: said}
    with presets.revised(preset) as work:
        presets.seal(work, facts)
        report.card(work)


def command(name, data, settings, resize):
    """The command line that repeats an evaluation."""
    words = {"data": data, "resize": resize, **settings}
    return " ".join(
        ["zoo evaluate", str(name), *(f"--{word} {value}" for word, value in words.items() if value is not None)]
    )


def show(result):
    """An evaluation for people."""
    print(f"{result['model']} on {result['data']}, {result['n']:,} examples in {result['seconds']:.1f} s")
    rows = [
        {"metric": name, "value": f"{entry['value']:.6g}", "standard error": error(entry["standard_error"])}
        for name, entry in result["metrics"].items()
    ]
    console.rows(rows, ["metric", "value", "standard error"])
    reasons = {}
    for name, reason in result["skipped"].items():
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        console.err.print(f"not measured: {', '.join(names)}: {reason}", markup=False, soft_wrap=True)
    for note in result["notes"]:
        console.err.print(f"note: {note}", markup=False, soft_wrap=True)


def error(value):
    return "" if value is None else f"{value:.2g}"


class Counter:
    """A bar for (examples done, examples in all), on a terminal."""

    def __init__(self, quiet=False):
        from rich.progress import Progress

        self.bar = Progress(console=console.err, transient=True, disable=quiet or not console.err.is_terminal)
        self.task = None

    def __enter__(self):
        self.bar.start()
        return self

    def __exit__(self, *problem):
        self.bar.stop()

    def __call__(self, done, total):
        if self.task is None:
            self.task = self.bar.add_task("likelihood", total=total)
        self.bar.update(self.task, completed=done)
