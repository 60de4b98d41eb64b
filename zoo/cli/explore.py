"""`zoo explore`: a page that runs the exported file in the browser."""

import tempfile
from typing import Annotated

import typer

from . import console, options
from .use import opened

commands = typer.Typer()


@commands.command(rich_help_panel="Use")
def explore(
    name: options.Model,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
):
    """Serves a page, on this machine only, that runs the exported file in the browser; ends with Ctrl-C."""
    from ..web import serve, write_site

    with tempfile.TemporaryDirectory(prefix="zoo-explore-") as folder, serve(folder, port) as server:
        console.start_tensorflow()
        write_site(opened(name, "sample"), folder)
        print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
        server.serve_forever()
