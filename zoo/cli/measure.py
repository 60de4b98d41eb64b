"""`zoo verify` and `zoo benchmark`: whether a model is what it says, and how fast it is here."""

from typing import Annotated

import typer

from ..errors import GateError, InputError
from . import console, options

commands = typer.Typer()


@commands.command(rich_help_panel="Check")
def verify(name: options.Model, json: options.Json = False):
    """Checks a preset or run folder: files against their sha256, golden outputs, exported models against Keras."""
    console.start_tensorflow()
    from ..verification import verify

    checks = verify(name)
    rows = [{"check": c.name, "": "ok" if c.passed else "FAILED", "detail": c.detail} for c in checks]
    failed = [c for c in checks if not c.passed]
    result = {"name": name, "passed": not failed, "checks": [c._asdict() for c in checks]}
    console.report(result, json, lambda _: console.rows(rows, ["check", "", "detail"]))
    if failed:
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        raise GateError(f"{name}: {failed[0].name}: {failed[0].detail}{more}")
    console.err.print(f"{name}: {len(checks)} checks passed")


@commands.command(rich_help_panel="Check")
def benchmark(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE.tflite", help="A model name, or an exported file.")],
    data: options.DataSource = None,
    overrides: options.Overrides = None,
    steps: Annotated[int, typer.Option(min=10, help="Training steps a measurement.")] = 200,
    runs: Annotated[int, typer.Option(min=10, help="Calls of each verb.")] = 200,
    against: Annotated[
        str | None, typer.Option(metavar="NAME", help="Times training beside that of this model, and nothing else.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of a file: the preset or run folder that it was made from.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of a file: threads of LiteRT.")] = 1,
    json: options.Json = False,
):
    """Times training beside a hand-written loop, and each verb in LiteRT beside its compiled function.

    Of a .tflite file: each signature, in a process of its own; with --model beside Keras's `predict` and `model(x)`,
    the compiled function, and onnxruntime where it is installed.
    """
    console.start_tensorflow()
    from ..benchmark import against as beside
    from ..benchmark import benchmark, benchmark_file

    if name.endswith(".tflite"):
        return console.report(benchmark_file(name, model, runs=runs, threads=threads), json, show_file)
    if model is not None:
        raise InputError(f"--model: is for a .tflite file, not for {name}", "model")
    if against is not None:
        return console.report(beside(name, against, data, changes=overrides or (), steps=steps), json)
    console.report(benchmark(name, data, changes=overrides or (), steps=steps, runs=runs), json, show_benchmark)


def show_benchmark(result):
    """Speed for people."""
    training = result["training"]
    shape = "x".join(map(str, result["input_shape"]))
    print(f"{result['model']}  {result['parameters']:,} parameters, input {shape}, batch {training['batch_size']}")
    line = f"training: {training['examples_per_second']:,} examples/s"
    if "ratio" in training:
        line += (
            f"; hand-written loop {training['hand_written_examples_per_second']:,}"
            f" ({'with' if training['hand_written_with_xla'] else 'without'} XLA); "
            f"ratio {training['ratio']:.2f} (median of {training['pairs']} pairs of {training['steps']} steps)"
        )
    print(line)
    print(f"peak memory: {result['peak_memory_mb']:,} MB")
    rows = [{"verb": verb, **times} for verb, times in result["latency"].items()]
    console.rows(rows, list(rows[0]))


def show_file(result):
    """Speed of a file for people."""
    threads = f"{result['threads']} thread{'s' if result['threads'] > 1 else ''}"
    print(f"{result['file']}  {result['bytes']:,} bytes, {threads}, {result['peak_memory_mb']:,} MB at most")
    columns = list(dict.fromkeys(column for times in result["latency"].values() for column in times))
    rows = [{"signature": verb, **dict.fromkeys(columns), **times} for verb, times in result["latency"].items()]
    console.rows(rows, ["signature", *columns])
