"""`zoo explore`: a page that runs the exported file in the browser."""

import tempfile
from typing import Annotated

import typer

from ..errors import InputError
from . import console, options
from .training import Resize
from .use import SplitName, examples, opened

commands = typer.Typer()

MOST = 1000  # examples whose codes may be looked at


@commands.command(rich_help_panel="Use")
def explore(
    name: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A pretrained model, a run folder, or an exported .tflite file.")
    ],
    data: options.DataSource = None,
    split: SplitName = "test",
    resize: Resize = None,
    quantize: Annotated[str | None, typer.Option(help="none, float16, dynamic_int8 or weight_int4.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
):
    """Serves a page, on this machine only, that runs the exported file in the browser; ends with Ctrl-C."""
    from ..web import serve

    if name.endswith(".tflite") and (data or quantize):
        raise InputError(f"{name}: is exported already; --data and --quantize are for models")
    with tempfile.TemporaryDirectory(prefix="zoo-explore-") as folder, serve(folder, port) as server:
        console.start_tensorflow()
        if name.endswith(".tflite"):
            from ..export.site import write_site_of

            write_site_of(name, folder)
        else:
            write_page(name, folder, data, split, resize, quantize)
        print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
        server.serve_forever()


def write_page(name, folder, data, split, resize, quantize):
    """The folder of a model's page, with the codes of data if any."""
    from ..export import export

    model, x = opened(name, "sample"), None
    if data is not None:
        x = model.preset.preprocessor.apply(examples(model, data, split, resize)[1].x[:MOST])
    export(model, folder, format="web", examples=x, quantize=quantize)
