"""The command `zoo`. One file here for each group of commands: its `commands` join the application by themselves.

A file looks like this, and imports what needs TensorFlow in the bodies of its commands only:

    commands = typer.Typer()

    @commands.command(rich_help_panel="Use")
    def sample(name: options.Model, seed: options.Seed = 0, json: options.Json = False):
        '''Draws new examples.'''
        from ..presets import load

        console.report({...}, as_json=json)

A named `typer.Typer(name="config", help=...)` becomes a group of its own. Results go to stdout by `console.report` and
`console.out`, everything else to stderr by `console.err`. A `ZooError` ends the program with its message and exit code.
"""

import importlib
import os
import pkgutil
import sys

import typer

from .. import __version__
from ..errors import ZooError
from ..yaml import printable

application = typer.Typer(
    name="zoo",
    help="Autoencoders, VAEs and GANs: by name, fine-tuned on your data, and on the phone.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(wanted: bool):
    if wanted:
        print(f"zoo {__version__}")
        raise typer.Exit


@application.callback()
def settings(
    version: bool = typer.Option(False, "--version", callback=print_version, is_eager=True, help="Show the version."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error; may stand anywhere."),
):
    pass


def add_commands():
    """Adds the commands of every file of this folder."""
    for module in pkgutil.iter_modules(__path__):
        commands = getattr(importlib.import_module(f"{__name__}.{module.name}"), "commands", None)
        if commands is not None:
            application.add_typer(commands, rich_help_panel="Look")  # of a group; commands name their own


def main(arguments=None):
    """Runs the command and ends the program with its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    try:
        add_commands()
        application(args=[a for a in arguments if a != "--debug"], prog_name="zoo")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        sys.exit(explain(error))


def explain(error):
    """Prints one line on what went wrong; returns the exit code."""
    text = printable(" ".join(str(error).split()))
    if isinstance(error, ZooError):
        message = text
    else:
        message = f"unexpected {type(error).__name__}: {text[:300]} (--debug shows the traceback)"
    try:
        print(f"zoo: {message}", file=sys.stderr)
    except OSError:  # stderr is closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    return getattr(error, "exit_code", 1) if isinstance(error, ZooError) else 1
