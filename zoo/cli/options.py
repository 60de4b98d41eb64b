"""Arguments and options that commands share, so that they are called the same everywhere."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Model = Annotated[
    str, typer.Argument(metavar="NAME", help="A model, a pretrained model or a run folder; see zoo list.")
]
Source = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model, a configuration file or a run folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated.")
]
DataSource = Annotated[
    str | None,
    typer.Option("--data", metavar="SOURCE", help="tfds:<name>, text:FILE, a folder of images, a .csv, .npy or .npz."),
]
Out = Annotated[Path | None, typer.Option("--out", metavar="PATH", help="Where to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what exists.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Start of the random numbers.")]
Number = Annotated[int, typer.Option("--n", min=1, help="How many.")]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="Examples at once.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
FittedSampler = Annotated[
    str | None,
    typer.Option(
        "--sampler", help="What samples begin with: normal, or one fitted to this model; by default the last."
    ),
]
Length = Annotated[
    int | None, typer.Option("--length", min=1, help="Of texts, in their units, or of tunes, in sixteenths.")
]
Unit = Annotated[Literal["characters", "words"] | None, typer.Option("--unit", help="What the tokens of a text are.")]
Cut = Annotated[
    Literal["lines", "windows"] | None, typer.Option("--cut", help="Every line of a text, or windows of running text.")
]
Missing = Annotated[
    Literal["refuse", "mean", "drop", "mask"] | None,
    typer.Option("--missing", help="Missing cells of tables: the mean in their place, their rows dropped, or masked."),
]
