"""`zoo verify` and `zoo benchmark`: whether a model is what it says, and how fast it is here."""

from typing import Annotated

import typer

from ..errors import GateError
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
    name: options.Model,
    data: options.DataSource = None,
    overrides: options.Overrides = None,
    steps: Annotated[int, typer.Option(min=10, help="Training steps a measurement.")] = 200,
    runs: Annotated[int, typer.Option(min=10, help="Calls of each verb.")] = 200,
    against: Annotated[
        str | None, typer.Option(metavar="NAME", help="Times training beside that of this model, and nothing else.")
    ] = None,
    json: options.Json = False,
):
    """Times training beside a hand-written loop, and each verb in LiteRT beside its compiled function."""
    console.start_tensorflow()
    from ..benchmark import against as beside
    from ..benchmark import benchmark

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
