"""Writes the parts of README.md, docs/models.md and docs/use.md that come from the catalogue and from measurements.

python docs/generate.py           writes them
python docs/generate.py --check   says which are stale, and fails
"""

import json
import re
import statistics
import sys
from pathlib import Path

import numpy as np

from zoo import catalog

ROOT = Path(__file__).parent.parent
FAMILIES = {
    "deterministic": "A code is a point.",
    "probabilistic": "A code is a distribution; samples come from a prior.",
    "discrete": "A code is a choice from a codebook.",
    "adversarial": "Two networks play against each other; what autoencoders are compared with.",
}


def models_table():
    """A line for each variant."""
    lines = ["| variant | what it is | paper | exports |", "|---|---|---|---|"]
    for variant, entry in sorted(catalog.catalogue().items(), key=lambda item: (_rank(item[1].family), item[0])):
        lines.append(
            f"| [`{variant}`](docs/models.md#{variant}) | {entry.summary} | [{_short(entry.paper)}]({entry.paper}) "
            f"| {', '.join(entry.exports)} |"
        )
    return "\n".join(lines)


def presets_table():
    """A line for each pretrained model, with what was measured of it."""
    lines = [
        "| preset | parameters | test MSE | NLL (nats) | linear probe | `.tflite` |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, path in sorted(catalog.presets().items()):
        metadata = json.loads((path / "metadata.json").read_text())
        metrics = metadata["metrics"]["test"]["metrics"]
        size = metadata["files"].get("tflite/model.tflite", {}).get("bytes")
        cells = [
            f"[`{name}`](saved_models/{name}/README.md)",
            f"{metadata['parameters']:,}",
            _value(metrics, "mse", ".4f"),
            _value(metrics, "nll", ".2f"),
            _value(metrics, "linear_probe", ".1%"),
            f"{size / 1e6:.2f} MB" if size else "-",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def speed_tables():
    """What `zoo benchmark --json` has left in docs/benchmarks/: training, then the verbs of one example."""
    found = [json.loads(file.read_text()) for file in sorted((ROOT / "docs" / "benchmarks").glob("*.json"))]
    found = [result for result in found if "training" in result]  # others have tables of their own
    training = [
        "| model | parameters | images/s | hand-written | ratio | peak memory |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    verbs = ["| model, verb | LiteRT p50 | p95 | compiled function p50 | ratio |", "|---|---:|---:|---:|---:|"]
    for result in found:
        speed, memory = result["training"], result["peak_memory_mb"]
        training.append(
            f"| `{result['model']}` | {result['parameters']:,} | {speed['examples_per_second']:,} "
            f"| {speed['hand_written_examples_per_second']:,} | {speed['ratio']:.2f} | {memory:,} MB |"
        )
        for verb, times in result["latency"].items():
            lite, function = times["tflite_p50_ms"], times["function_p50_ms"]
            verbs.append(
                f"| `{result['model']}` {verb} | {lite:.3f} ms | {times['tflite_p95_ms']:.3f} ms "
                f"| {function:.3f} ms | {function / lite:.1f} |"
            )
    return "\n".join([*training, "", *verbs])


def data_table():
    """What docs/benchmarks/data.py measured, beside what it must not exceed or fall below."""
    measured = _found("benchmarks/data")
    lines = ["| | measured | must be |", "|---|---:|---:|"]
    for name, value in measured.get("found", {}).items():
        how, limit = measured["limits"][name]
        lines.append(f"| {name} | {value:.3g} | {how} {limit:g} |")
    return "\n".join(lines)


def mutation_table():
    """The mistakes that `tests/mutation.py` planted in each objective, and those that were found."""
    results = _found("mutation")
    rows = [
        f"| `{target}` | {found['mutants']} | {found['killed']} | "
        + "; ".join(f"line {s['line']}: `{_line(s['change'])}`" for s in found["survivors"])
        + " |"
        for target, found in results.items()
        if found["mutants"]
    ]
    made, killed = (sum(found[key] for found in results.values()) for key in ("mutants", "killed"))
    total = f"| all | {made} | {killed} ({killed / max(made, 1):.1%}) | |"
    return "\n".join(["| objective or terms | planted | found | not found |", "|---|---:|---:|---|", *rows, total])


def catalogue_table():
    """What a short training of each model showed, as `docs/catalogue.py` found it."""
    results = _found("catalogue")
    lines = [
        "| model | parameters | steps | loss before | loss after | test MSE | active units | perplexity "
        "| spread of samples | classes covered |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, found in results.items():
        cells = [
            f"`{name}`",
            f"{found['parameters']:,}",
            f"{found['steps']:,}",
            *(f"{loss:.4g}" for loss in found["loss"]),
            *(
                "" if found[key] is None else format(found[key], spec)
                for key, spec in (
                    ("mse", ".4f"),
                    ("active_units", "d"),
                    ("perplexity", ".1f"),
                    ("sample_spread", ".2f"),
                )
            ),
            "{value} of {classes}".format(**found["modes"]) if "modes" in found else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def samplers_table():
    """What `docs/samplers.py` has measured."""
    found = _found("samplers")
    if not found:
        return "Not measured yet."

    def row(model, name, scores):
        cells = [
            format(scores[key], ".2f" if key == "frechet" else ".1%") for key in ("frechet", "precision", "recall")
        ]
        cells.append("-" if scores.get("nll") is None else format(scores["nll"], ".2f"))
        return f"| {model} | {name} | " + " | ".join(cells) + " |"

    head = ["| | samples begin with | Frechet | precision | recall | NLL of codes |", "|---|---|---:|---:|---:|---:|"]
    rows = [row("", "(training images)", found["training images"])]
    for model, scores in found["models"].items():
        rows += [row(f"`{model}`", f"({n})" if n == "reconstructions" else f"`{n}`", s) for n, s in scores.items()]
    picture = "![Samples of an autoencoder and of a VAE, by what they begin with](samplers.png)"
    said = (
        f"{found['samples']:,} samples against as many test images, in the last hidden layer of a classifier that is "
        f"right for {found['classifier_accuracy']:.1%} of them;\nsamplers were fitted to {found['fitted_to']:,} codes."
    )
    return "\n".join([*head, *rows, "", said, "", picture])


def finetuning_table():
    """What `docs/finetuning.py` has left: losses at equal steps, and errors on test images, mean and sd over seeds."""
    results = _found("finetuning")
    steps = (30, 75, 150)
    columns = "".join(f" loss at {step} |" for step in steps)
    head = f"| data | weights at first | seeds |{columns} test loss | test MSE |"
    lines = [head, "|---|---|" + "---:|" * (len(steps) + 3)]
    for name, arms in results.items():
        for arm, runs in arms.items():
            reached = [
                [min(loss for at, loss in run["val_loss"] if at <= step) for run in runs.values()] for step in steps
            ]
            loss, mse = ([run["test"][key] for run in runs.values()] for key in ("elbo", "mse"))
            cells = [*(_spread(losses, ".1f") for losses in reached), _spread([-value for value in loss], ".1f")]
            lines.append(f"| {name} | {arm} | {len(runs)} | {' | '.join(cells)} | {_spread(mse, '.4f')} |")
    return "\n".join(lines)


def _spread(values, spec):
    """Mean and standard deviation."""
    spread = f" \u00b1 {statistics.stdev(values):{spec}}" if len(values) > 1 else ""
    return f"{statistics.mean(values):{spec}}{spread}"


def chapters():
    """Every variant with its equation and its words."""
    parts = []
    for family, sentence in FAMILIES.items():
        parts.append(f"## {family.capitalize()}\n\n{sentence}")
        entries = catalog.catalogue().items()
        parts += [_chapter(variant, entry) for variant, entry in sorted(entries) if entry.family == family]
    return "\n\n".join(parts)


def _chapter(variant, entry):
    words = [(name, word) for name, word in entry.words.items() if name in _own(entry)]
    table = ""
    if words:
        rows = "\n".join(f"| `{name}` | `{_default(word)}` | {_line(word.doc)} |" for name, word in words)
        table = f"\n\n| word | default | |\n|---|---|---|\n{rows}"
    equation = f"\n\n```\n{entry.equation}\n```" if entry.equation else ""
    limits = f"\n\nExported: {entry.limits}" if entry.limits else ""
    return f"### {variant}\n\n{entry.summary} [{_short(entry.paper)}]({entry.paper}).{equation}{table}{limits}"


def _own(entry):
    """The words that the variant itself adds or changes."""
    shared = set(catalog.catalogue()["vae"].words) - {"posterior", "likelihood", "normalization"}
    return [name for name in entry.words if name not in shared and name != "input_shape"]


def common_words():
    """The words that every variant takes."""
    words = catalog.catalogue()["vae"].words.items()
    rows = "\n".join(f"| `{name}` | `{_default(word)}` | {_line(word.doc)} |" for name, word in words)
    return f"| word | default | |\n|---|---|---|\n{rows}"


def _default(word):
    return "required" if word.default is catalog.Required else repr(word.default)


def _line(text):
    return " ".join((text or "").split()).replace("|", "\\|")


def _short(paper):
    return re.sub(r"https?://(arxiv.org/abs/|doi.org/|openreview.net/forum\?id=)?", "", paper)


def _rank(family):
    return list(FAMILIES).index(family) if family in FAMILIES else len(FAMILIES)


def _value(metrics, name, spec):
    return format(metrics[name]["value"], spec) if name in metrics else "-"


def anomalies_table():
    """AUROC of detectors on each table, what `docs/anomaly.py tables` left, and their mean on others."""
    found = _found("anomaly")
    return _judged(found.get("tables", {}), {"others": _mean_of_tables(found.get("development", {}))})


def digits_table():
    """AUROC of detectors that have seen nine digits and are to find the tenth, what `docs/anomaly.py digits` left."""
    return _judged(_found("anomaly").get("digits", {}))


def _judged(found, more=None):
    """A row for each detector, the best first: mean and sd over the seeds for each set, the mean of all, more means."""
    sets, mean = sorted({name for results in found.values() for name in results}), _mean_of_tables(found)
    columns = {"mean": mean, **(more or {})}
    lines = ["| detector | " + " | ".join([*sets, *columns]) + " |", "|---|" + "---:|" * (len(sets) + len(columns))]
    for detector in sorted(found, key=lambda d: -mean.get(d, 0.0)):
        cells = [_over_seeds(found[detector].get(name, {})) for name in sets]
        cells += [f"{of[detector]:.4f}" if detector in of else "-" for of in columns.values()]
        lines.append(f"| {detector} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _mean_of_tables(found):
    """The mean of each detector that was judged on as many tables as any."""
    most = max(map(len, found.values()), default=0)
    return {
        detector: float(np.mean([np.mean([*by_seed.values()]) for by_seed in results.values()]))
        for detector, results in found.items()
        if len(results) == most
    }


def _over_seeds(by_seed):
    """Mean and standard deviation of at least two numbers."""
    values = [*by_seed.values()]
    if len(values) < 2:
        return f"{values[0]:.3f}" if values else "-"
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


def defects_table():
    """Average precision of the pixels of planted defects, what `docs/anomaly.py defects` has left."""
    found = _found("anomaly").get("defects", {})
    kinds = [kind for maps in found.values() for kind in maps]
    defects = next(iter(found.values()))[kinds[0]] if found else []
    lines = [
        "| preset | map | " + " | ".join(defects) + " | mean | mean AUROC |",
        "|---|---|" + "---:|" * (len(defects) + 2),
    ]
    for preset, maps in found.items():
        for kind, numbers in maps.items():
            auroc, precision = np.mean([*numbers.values()], axis=0)
            cells = " | ".join(f"{each[1]:.3f}" for each in numbers.values())
            lines.append(f"| `{preset}` | {kind} | {cells} | {precision:.3f} | {auroc:.3f} |")
    return "\n".join(lines)


def quantization_table():
    """What fewer bits cost each preset, as `docs/quantization.py` found it."""
    outputs = {"encode z": "codes", "decode x_hat": "decode", "reconstruct x_hat": "reconstruct", "sample x": "sample"}
    lines = [
        f"| preset | weights | size | {' | '.join(outputs.values())} | rank correlation, AUROC | kept | CPU s |",
        "|---|---|---:|" + "---:|" * (len(outputs) + 1) + "---|---:|",
    ]
    for preset, precisions in _found("quantization").get("table", {}).items():
        for name, found in precisions.items():
            errors = [found["errors"].get(output) for output in outputs]
            score = found["score"]
            cells = [
                *("-" if each is None else f"{each[0]:.1e}, {each[1]:.1e}" for each in errors),
                f"{score['rank_correlation']:.4f}, {score['auroc_change']:+.4f}" if score else "-",
                "refused: " + found["refused"][0] if found["refused"] else "yes",
            ]
            lines.append(
                f"| `{preset}` | `{name}` | {found['of_float32']:.2f} | {' | '.join(cells)} | {found['seconds']:.0f} |"
            )
    return "\n".join(lines)


def device_tables():
    """How fast a preset is in LiteRT beside TensorFlow, as `docs/benchmarks/device.py` found it."""
    found, parts = _found("benchmarks/device"), []
    for key, said in (("reconstruct_ms", "one image reconstructed"), ("train_ms", "one training step")):
        times = found.get(key, {})
        lines = [f"| {said} | milliseconds | faster than `tf.function` |", "|---|---:|---:|"]
        lines += [f"| {name} | {ms:.3f} | {times['function'] / ms:.2g} |" for name, ms in times.items()]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def exports_line():
    """What the export of every model to ONNX gave, as `docs/exports.py` found it."""
    found = _found("exports")
    errors = [result["error"] for result in found.values() if "error" in result]
    if not errors:
        return ""
    refused = [f"`{name}` ({result['refused']})" for name, result in found.items() if "refused" in result]
    left = f"; refused: {', '.join(refused)}" if refused else "; none is refused"
    names, kept = len(catalog.list_models()), len(errors)
    return f"Of {names} models {len(found)} were tried and {kept} kept, with errors of {max(errors):.1e} at most{left}."


def _found(name):
    """What a script has left in docs/<name>.json, or {}."""
    file = ROOT / "docs" / f"{name}.json"
    return json.loads(file.read_text()) if file.is_file() else {}


PARTS = {
    "quantization": quantization_table,
    "device": device_tables,
    "exports": exports_line,
    "anomalies": anomalies_table,
    "digits": digits_table,
    "defects": defects_table,
    "models": models_table,
    "presets": presets_table,
    "chapters": chapters,
    "words": common_words,
    "data": data_table,
    "samplers": samplers_table,
    "speed": speed_tables,
    "mutation": mutation_table,
    "finetuning": finetuning_table,
    "catalogue": catalogue_table,
}


def filled(text):
    """A page with what stands between its markers made anew."""
    for name, make in PARTS.items():
        pattern = re.compile(rf"(<!-- {name} -->\n)(?:(?!<!-- ).)*(<!-- end -->)", re.S)  # up to its own end
        if pattern.search(text):
            made = make()
            text = pattern.sub(lambda m, made=made: m[1] + made + "\n" + m[2], text)
    return text


def main(check):
    stale = []
    for page in (ROOT / "README.md", ROOT / "docs" / "models.md", ROOT / "docs" / "use.md"):
        text = page.read_text()
        if (new := filled(text)) != text:
            stale.append(page.relative_to(ROOT))
            if not check:
                page.write_text(new)
    print("\n".join(f"{'stale' if check else 'written'}: {page}" for page in stale) or "all up to date")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
