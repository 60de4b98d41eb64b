"""`zoo list` and `zoo info`: what there is."""

from typing import Annotated

import typer

from .. import catalog
from . import console, options

commands = typer.Typer()


@commands.command("list", rich_help_panel="Look")
def list_(
    pattern: Annotated[str, typer.Argument(help='A name with wildcards, such as "*vae*".')] = "*",
    family: Annotated[str | None, typer.Option(help="Only this family.")] = None,
    pretrained: Annotated[bool, typer.Option("--pretrained", help="Only pretrained models.")] = False,
    json: options.Json = False,
):
    """Lists the models."""
    names = catalog.list_models(pattern, family=family, pretrained=pretrained)
    if not names:
        console.err.print(f"no {'pretrained ' if pretrained else ''}model matches {pattern!r}", markup=False)
    entries = [catalog.catalogue()[catalog.resolve(name.partition(".")[0])[0]] for name in names]
    models = [
        {"model": name, "family": entry.family, "summary": entry.summary, "paper": entry.paper}
        for name, entry in zip(names, entries, strict=True)
    ]
    console.report(
        {"models": models}, json, lambda data: console.rows(data["models"], ["model", "family", "summary", "paper"])
    )


@commands.command(rich_help_panel="Look")
def info(name: options.Model, json: options.Json = False):
    """Shows what is known of a model: its equation, its words, its pretrained versions."""
    console.report(catalog.info(name).to_dict(), json, show_info)


def show_info(known):
    """A model for people."""
    print(f"{known['name']}  {known['summary']}\n{known['paper']}\n")
    if known["equation"]:
        print(f"{known['equation']}\n")
    words = [
        {
            "word": name,
            "default": "required" if word.get("required") else repr(word["default"]),
            "takes": word["annotation"],
            "": word["doc"],
        }
        for name, word in known["words"].items()
    ]
    console.rows(words, ["word", "default", "takes", ""])
    for title in ("exports", "limits", "presets"):
        if known[title]:
            print(f"\n{title}: {console.text(known[title])}")
    for split, measured in (known["metrics"] or {}).items():
        print(f"\n{split}, {measured['n']:,} examples")
        entries = measured["metrics"].items()
        console.rows(
            [
                {"metric": name, "value": f"{e['value']:.5g}", "±": f"{e['standard_error'] or 0:.2g}"}
                for name, e in entries
            ],
            ["metric", "value", "±"],
        )
