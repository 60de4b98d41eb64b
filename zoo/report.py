"""What a finished run leaves beside its weights: numbers, pictures, golden outputs, a TFLite file and a card."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np

from . import __version__, cards, catalog, evaluation, figures, notation, presets
from . import data as datasets
from .base import chunk
from .errors import GateError
from .export import export

GOLDEN = 8  # examples that are kept with their outputs
SHOWN = 10  # examples in a row of a picture
MAPPED = 2000  # codes on the map
SCORED = 1 << 30  # bytes of model values that thresholds and samplers are made from
NLL_EXAMPLES, NLL_SAMPLES = 1000, 64  # of the evaluation that every run ends with


def write(model, bundle, experiment, out, facts, before=None):
    """Completes a run folder that holds config.yaml, model.safetensors and history.csv.

    Args:
        facts: what only the run knows: seconds, steps, the epoch that was kept.
        before: the model that a fine-tuning run began with.
    """
    out = Path(out)
    shown = _first(bundle.test, bundle.validation, bundle.train)
    x = np.concatenate([*seen(bundle, shown, experiment, SHOWN)])
    presets.write_text(out / "preprocessor.json", bundle.preprocessor.to_json() + "\n")
    if "score" in model.signatures():
        normal = _first(bundle.validation, bundle.test, bundle.train)
        most = max(1000, chunk(bundle.shape, len(normal), SCORED))
        scores = np.concatenate([model.score(values) for values in seen(bundle, normal, experiment, most)])
        if not np.isfinite(scores).all():
            raise GateError(
                f"training diverged: scores of held-out examples are not finite; try training.learning_rate="
                f"{experiment.training.learning_rate / 10:g}"
            )
        presets.write_thresholds(out / "thresholds.json", scores)
        model.threshold = presets.threshold(scores)
    presets.write_golden(out / "golden.npz", model, x[:GOLDEN])
    draw(model, bundle, x, out, before)
    if "encode" in model.signatures() and len(shown) > 1:
        codes = np.concatenate([model.encode(values) for values in seen(bundle, shown, experiment, MAPPED)])
        labels = None if shown.y is None else shown.y[:MAPPED]
        codes = codes.reshape(len(codes), -1)
        figures.latent_map(codes, labels, out / "figures" / "latent_map.png", classes=bundle.classes)
    measured = {"before": measure(before, bundle, experiment)} if before else {}
    metadata = {
        "name": out.name,
        "model": experiment.model,
        "summary": catalog.info(experiment.model).summary,
        "paper": catalog.info(experiment.model).paper,
        "parameters": int(sum(np.prod(w.shape) for w in model.trainable_weights)),
        "data": datasets.identify(bundle),
        "training": facts,
        "seed": experiment.training.seed,
        "commit": commit(),
        "versions": {"zoo": __version__, **presets.versions()},
        "start": experiment.start.preset,
        "metrics": {**measured, "test": measure(model, bundle, experiment)},
    }
    presets.seal(out, metadata)
    export_into(out, "tflite")
    card(out)


def card(path):
    """Writes README.md from the other files, and seals the folder."""
    preset = presets.Preset(Path(path))
    presets.write_text(preset.path / "README.md", cards.card(preset))
    presets.seal(path)


def export_into(out, format):
    """The exported model, or a note in the metadata of why there is none."""
    try:
        keep_export(out, format, force=True)  # of the same run, when it was stopped here before
    except GateError as error:
        presets.seal(out, {**presets.facts(out), "not_exported": str(error)})


def keep_export(out, format, force=False):
    """Exports a run into its own folder, as tflite/ or saved_model/, and seals it.

    Returns:
        The `zoo.export.Report`.
    """
    place = Path(out) / format
    report = export(presets.load(out), place, format=format, force=force)
    shutil.rmtree(place / "snippets")  # are for those who take the file away, by `zoo export`
    if format == "saved_model":  # the folder of the export holds one of the same name: lift it
        for name in ("parity.json", "model.json"):
            (place / name).rename(report.path / name)
        lifted = report.path.rename(place.with_name(f".{format}"))
        shutil.rmtree(place)
        report = replace(report, path=lifted.rename(place))
    presets.seal(out)
    return report


def measure(model, bundle, experiment):
    """A short evaluation on the test split; `zoo evaluate --save` replaces it by a longer one."""
    return evaluation.evaluate(
        model,
        bundle,
        split="test" if len(bundle.test) else "validation",
        samples=NLL_SAMPLES,
        limit=chunk(bundle.shape, NLL_EXAMPLES),
        binarize=experiment.data.binarize,
        seed=experiment.training.seed,
    )


def draw(model, bundle, x, out, before=None):
    """The pictures of the card."""
    folder = Path(out) / "figures"
    folder.mkdir(exist_ok=True)
    pictures = notation.pictures(bundle.preprocessor)
    shown = bundle.preprocessor.picture if bundle.kind == "image" else bundle.preprocessor.invert
    history = presets.read_history(Path(out) / "history.csv")
    drawn = {name: values for name, values in history.items() if name not in ("epoch", "step", "skipped")}
    figures.curves(drawn, folder / "curves.png")
    draw_samples(model, bundle.preprocessor, folder)
    if "reconstruct" not in model.signatures():
        return
    some, again = x[:SHOWN], model.reconstruct(x[:SHOWN])
    pictures.reconstructions(shown(some), shown(again), folder / "reconstructions.png")
    if before:
        pictures.before_after(shown(some), shown(before.reconstruct(some)), shown(again), folder / "before_after.png")
    if pairs := len(some) // 2:
        lines = model.interpolate(some[:pairs], some[pairs : 2 * pairs], steps=9)
        pictures.interpolation(shown(lines), folder / "interpolation.png")


def draw_samples(model, preprocessor, folder):
    """The picture of what the model samples, where it does."""
    shown = preprocessor.picture if preprocessor.kind == "image" else preprocessor.invert
    if "sample" in model.signatures():
        notation.pictures(preprocessor).grid(shown(model.sample(64, seed=0)), folder / "samples.png")


def commit():
    """The commit of the checkout that the zoo runs from, or None."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    found = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def seen(bundle, split, experiment, most):
    """Yields the first examples of a split as the model sees them when it is not trained, some at a time."""
    return evaluation.pieces(bundle, split.x, experiment.data.binarize, experiment.training.seed, most)


def _first(*splits):
    """The first split that has examples."""
    return next(split for split in splits if len(split))
