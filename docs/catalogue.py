"""Trains every variant on every backbone for a short while, and writes what came of it to docs/catalogue.json.

python docs/catalogue.py            trains those that are not in the file yet (hours for all, on two cores)
python docs/catalogue.py vq_vae gan  trains these variants again

The data are 10,000 digits of MNIST where TFDS_DATA_DIR has it, else scikit-learn's. The loss must fall, the codes must
be in use and the samples must differ, or the exit code is 3. The adversarial models are trained on scikit-learn's
digits as well, longer, and 500 samples of them must cover eight of the ten classes.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

import zoo
from zoo import catalog, training

FILE = Path(__file__).parent / "catalogue.json"
EPOCHS, LIMIT = 5, 10_000
GAME_EPOCHS = 400  # on scikit-learn's digits: 4,400 steps at the default batch
SAMPLES = 200


def trained(name, source, folder, **changes):
    """A run of `zoo train`: its model, its metadata and its bundle."""
    out = Path(folder) / name
    training.train(name, source, out, changes=changes, force=True)
    return zoo.load_model(out), json.loads((out / "metadata.json").read_text())


def row(name, folder):
    """What a short training of a model showed, with what is wrong about it."""
    source = "tfds:mnist" if (Path(os.environ.get("TFDS_DATA_DIR", "none")) / "mnist").is_dir() else "digits"
    model, metadata = trained(name, source, folder, **{"training.epochs": EPOCHS, "data.limit": LIMIT})
    history = [line.split(",") for line in (model.preset.path / "history.csv").read_text().splitlines()]
    first, last = (dict(zip(history[0], map(float_or_none, line), strict=True)) for line in (history[1], history[-1]))
    judged = "distortion" if hasattr(model, "critic") and "distortion" in first else "loss"  # a critic moves the loss
    metrics = metadata["metrics"]["test"]["metrics"]
    samples, examples = model.sample(SAMPLES), model.preset.examples()
    found = {
        "data": source,
        "parameters": metadata["parameters"],
        "epochs": metadata["training"]["epochs"],
        "seconds": metadata["training"]["seconds"],
        "loss": [epoch.get(f"val_{judged}", epoch[judged]) for epoch in (first, last)],
        "mse": metrics.get("mse", {}).get("value"),
        "active_units": metrics.get("active_units", {}).get("value"),
        "perplexity": last.get("val_perplexity"),
        "sample_spread": float(samples.std(0).mean() / examples.std(0).mean()),
        "tflite": "tflite/model.tflite" in metadata["files"],
    }
    if adversarial(name):
        found["modes"] = modes(name, folder)
    return found | {"wrong": list(wrong(name, found))}


def modes(name, folder):
    """Classes of scikit-learn's digits that samples cover after a longer game."""
    changes = {"training.epochs": GAME_EPOCHS, "training.keep": "last"}
    metadata = trained(name, "digits", folder, **changes)[1]
    return metadata["metrics"]["test"]["metrics"]["modes"]


def wrong(name, found):
    """What a reader should know before trusting a model."""
    before, after = found["loss"]
    numbers = [
        before,
        after,
        found["sample_spread"],
        *(found[key] or 0 for key in ("mse", "active_units", "perplexity")),
    ]
    if not np.isfinite(numbers).all():
        yield "a number is not finite"
    if catalog.info(name).family != "adversarial" and after >= before:
        yield "the loss did not fall"
    if found["active_units"] == 0:
        yield "no unit of the code is in use"
    if found["perplexity"] is not None and found["perplexity"] <= 2:
        yield "two codes or fewer are in use"
    if found["sample_spread"] < 0.1:
        yield "samples are all alike"
    if "modes" in found and found["modes"]["value"] < 8:
        yield f"samples cover {found['modes']['value']} of {found['modes']['classes']} classes"


def adversarial(name):
    """Whether a second player judges the samples."""
    return catalog.info(name).family == "adversarial" or name.startswith("aae")


def float_or_none(text):
    return float(text) if text else None


def main(variants):
    table = json.loads(FILE.read_text()) if FILE.is_file() else {}
    names = [name for name in catalog.list_models() if "." not in name]
    for name in names:
        if catalog.resolve(name)[0] in variants or (not variants and name not in table):
            with tempfile.TemporaryDirectory() as folder:
                table[name] = row(name, folder)
            print(name, json.dumps(table[name]), flush=True)
            FILE.write_text(json.dumps({n: table[n] for n in names if n in table}, indent=1) + "\n")
    for name, found in table.items():
        for reason in found["wrong"]:
            print(f"{name}: {reason}")
    return 3 if any(found["wrong"] for found in table.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
