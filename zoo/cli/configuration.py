"""`zoo config`: what an experiment is made of."""

from pathlib import Path
from typing import Annotated

import typer

from . import console, options

commands = typer.Typer(
    name="config", help="Shows and checks configurations.", rich_help_panel="Look", no_args_is_help=True
)


@commands.command()
def show(source: options.Source, overrides: options.Overrides = None, json: options.Json = False):
    """Prints the complete configuration of a model or file."""
    from ..config import read

    experiment = read(source, overrides or ())
    console.report(experiment.to_dict(), json, lambda _: print(experiment.to_yaml(), end=""))


@commands.command()
def check(
    file: Annotated[Path, typer.Argument(help="A configuration file.")],
    overrides: options.Overrides = None,
    json: options.Json = False,
):
    """Checks a configuration file; exit code 2 and the place of the first error if there is one."""
    from ..config import load

    experiment = load(file, overrides or ())
    console.report({"file": str(file), "model": experiment.model, "ok": True}, json)


@commands.command()
def schema():
    """Prints the JSON Schema of configurations, for editors."""
    from ..config import Experiment

    console.report(Experiment.model_json_schema(), as_json=True)
