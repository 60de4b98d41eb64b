"""Fine-tuning against training from scratch at equal steps, where data are few: docs/finetuning.json and .png.

python docs/finetuning.py --freyface freyface.npz

Three data sets of a few hundred images, three seeds each: `digits` of scikit-learn; Frey faces (28x20, neither square
nor a multiple of eight; `x` [N, 28, 20] in a .npz file; left out when not given); and coloured shapes, drawn here. Both
models are vae_conv of the same size, and learn with the learning rate that the preset was trained with. One begins
with vae_conv.mnist, as `zoo finetune` does, the other with fresh weights. Each keeps its best weights by the validation
loss. Runs that are in the JSON file are not run again; delete it to begin anew.
"""

import argparse
import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from zoo import data, evaluation, finetuning, presets, training, weights
from zoo.data.sprites import FACTORS, draw

PRESET = "vae_conv.mnist"
STEPS, BATCH, SEEDS, SHAPES, SIDE = 150, 32, (0, 1, 2), 500, 32
HERE = Path(__file__).parent


def coloured_shapes(count, seed=0):
    """Hearts, triangles and Ls of any colour on any dark colour, [count, 32, 32, 3], uint8."""
    random, images = np.random.default_rng(seed), []
    for _ in range(count):
        shape, scale = random.choice(FACTORS["shape"]), random.choice(FACTORS["scale"])
        tile = draw(shape, scale, random.uniform(0, 360))[..., None] / 255
        light, dark = random.uniform(128, 255, 3), random.uniform(0, 96, 3)
        top, left = random.integers(0, SIDE - len(tile) + 1, 2)
        mask = np.zeros((SIDE, SIDE, 1))
        mask[top : top + len(tile), left : left + len(tile)] = tile
        images.append(np.uint8(mask * light + (1 - mask) * dark))
    return np.stack(images)


def sources(freyface):
    """{name: (what zoo.data.load takes, its words)}."""
    found = {"500 digits, 28x28": ("digits", {"limit": 500, "resize": (28, 28)})}
    if freyface:
        found["300 Frey faces, 28x20"] = (np.load(freyface)["x"], {"limit": 300})
    return found | {f"{SHAPES} coloured shapes, 32x32x3": (coloured_shapes(SHAPES), {})}


def trained(bundle, seed, start, folder):
    """What a run of STEPS gives: validation losses by step, and numbers on the test split with the best weights."""
    preset = presets.open_preset(PRESET)
    steps = len(bundle.train) // BATCH
    changes = {"training.seed": seed, "training.epochs": -(-STEPS // steps), "training.batch_size": BATCH}
    changes |= {"training.schedule": "constant", "training.patience": None, "data.binarize": "none"}
    if not start:
        changes["start.preset"] = None
    experiment = finetuning.experiment_from(preset, PRESET, bundle.source, "none", None, changes)
    model = presets.build(experiment, bundle.shape)
    if training.preparation.start(model, experiment):
        training.preparation.calibrated(model, bundle, experiment)
    run = training.Run(model, bundle, experiment, folder, lambda event: None)
    run.go()
    named = weights.of_model(model)
    weights.assign(named, weights.read(folder / "model.safetensors", named)[0])
    found = evaluation.evaluate(model, bundle, samples=16, seed=seed)["metrics"]
    history = [(row["step"], row["val_loss"]) for row in run.history]
    return {
        "test": {name: found[name]["value"] for name in ("elbo", "mse")},
        "kept_step": next(row["step"] for row in run.history if row["epoch"] == run.best["epoch"]),
        "val_loss": [[step, round(loss, 2)] for step, loss in history],
    }


def compare(freyface, path):
    """All runs, those that the file has left out; written after each."""
    results = json.loads(path.read_text()) if path.is_file() else {}
    for seed in SEEDS:
        for name, (source, words) in sources(freyface).items():
            bundle = data.load(source, seed=seed, **words)
            for arm in ("fine-tuned", "from scratch"):
                runs = results.setdefault(name, {}).setdefault(arm, {})
                if str(seed) in runs:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    runs[str(seed)] = trained(bundle, seed, arm == "fine-tuned", Path(folder))
                path.write_text(json.dumps(results, indent=1) + "\n")
                print(f"{name}, seed {seed}, {arm}: {runs[str(seed)]['test']}", flush=True)
    return results


def curves(results, path):
    """Validation losses by step: the mean of the seeds, and each of them."""
    figure, panels = plt.subplots(1, len(results), figsize=(4.2 * len(results), 3.2), layout="constrained")
    for axes, (name, arms) in zip(np.atleast_1d(panels), results.items(), strict=True):
        for (arm, runs), colour in zip(arms.items(), ("#1f77b4", "#ff7f0e"), strict=True):
            drawn = [np.transpose(run["val_loss"]) for run in runs.values()]
            for steps, losses in drawn:
                axes.plot(steps, losses, color=colour, linewidth=0.6, alpha=0.5)
            grid = np.arange(
                max(steps[0] for steps, _ in drawn), STEPS + 1
            )  # epochs end at other steps for other seeds
            mean = np.mean([np.interp(grid, steps, losses) for steps, losses in drawn], 0)
            axes.plot(grid, mean, color=colour, linewidth=1.8, label=arm)
        last = np.array([run["val_loss"][-1][1] for arm in arms.values() for run in arm.values()])
        axes.set(title=name, xlabel="step", ylim=(last.min() * 0.97, last.max() * 1.3))
        axes.spines[["top", "right"]].set_visible(False)
    np.atleast_1d(panels)[0].set_ylabel("validation loss, nats")
    np.atleast_1d(panels)[0].legend(frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--freyface", type=Path, help="a .npz file with x [N, 28, 20]")
    words.add_argument("--out", type=Path, default=HERE / "finetuning.json")
    given = words.parse_args()
    curves(compare(given.freyface, given.out), given.out.with_suffix(".png"))
