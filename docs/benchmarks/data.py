"""How fast data get into training, and what that takes of memory: docs/benchmarks/data.json.

python docs/benchmarks/data.py                 all that the limits below are about; needs 4 GB of disk
python docs/benchmarks/data.py loading memory  these
python docs/benchmarks/data.py --scale 0.01 --out data.json   everything a hundred times smaller, to see that it works

Pictures are drawn here: smooth noise, no two the same. Ends with exit code 3 where a limit is not held.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import zoo
from zoo import config, data, presets, scoring, training

HERE = Path(__file__).parent
PAIRS = 7  # times that both loops run, one after the other
WITHOUT_MEMORY = """
import sys, zoo.cli, zoo.data.stored
zoo.data.stored.available_memory = lambda: 0  # so that the images stay on the disk, however much memory there is
zoo.cli.main(sys.argv[1:])
"""
LIMITS = {
    "seconds to the first step from 60,000 PNG files, 28x28": ("at most", 60),
    "seconds to the first step from 60,000 PNG files, 64x64x3": ("at most", 60),
    "images/s from the disk, of those from memory, vae_conv": ("at least", 0.8),
    "part of the time that checkpoints take, vae_conv": ("at most", 0.02),
    "gigabytes of memory, of images that fill 12 GB": ("at most", 3),
    "seconds to fine-tune vae_conv.mnist on 2,000 images for 10 epochs": ("at most", 60),
    "seconds to score 10,000 rows of 30 columns, vae_dense": ("at most", 2),
}


# What is measured


def loading(folder, scale):
    """From nothing to the first step of `zoo.train`."""
    for shape in ((28, 28), (64, 64, 3)):
        size = "x".join(map(str, shape))
        photos = draw(folder / size, round(60_000 * scale), shape)
        began = time.perf_counter()
        try:
            zoo.train("vae_conv", photos, folder / f"run-{size}", force=True, progress=stop)
        except Started:
            yield f"seconds to the first step from 60,000 PNG files, {size}", time.perf_counter() - began


def streaming(folder, scale):
    """The loop of `zoo.train` on the same images in memory and on the disk, in turn."""
    photos = draw(folder / "28x28", round(60_000 * scale), (28, 28))
    experiment = config.for_model("vae_conv", ())
    bundles = [data.load(photos, stream=stream) for stream in (False, True)]
    model = presets.build(experiment, bundles[0].shape)
    model.compile(training.optimizer_for(experiment.training, 1_000_000))
    loops = [training.Loop(model, bundle.train, bundle.preprocessor.apply, experiment.training) for bundle in bundles]
    steps = max(2, round(200 * scale))
    for loop in loops:
        loop.advance(steps)
    pairs = [[seconds(loop.advance, steps) for loop in loops] for _ in range(PAIRS)]
    ratio = statistics.median(memory / disk for memory, disk in pairs)
    yield "images/s from the disk, of those from memory, vae_conv", ratio


def checkpoints(folder, scale):
    """A run with the settings as they are, long enough for checkpoints by time."""
    photos = draw(folder / "28x28", round(60_000 * scale), (28, 28))
    spent, run = {"save": 0.0, "go": 0.0}, training.Run
    whole = {name: getattr(run, name) for name in spent}

    def timed(name):
        def call(self):
            began = time.perf_counter()
            whole[name](self)
            spent[name] += time.perf_counter() - began

        return call

    try:
        for name in spent:
            setattr(run, name, timed(name))
        zoo.train("vae_conv", photos, folder / "run-checkpoints", changes=("epochs=10",), force=True)
    finally:
        for name, function in whole.items():
            setattr(run, name, function)
    yield "part of the time that checkpoints take, vae_conv", spent["save"] / spent["go"]


def memory(folder, scale):
    """`zoo train` in a process of its own, on images of 128x128x3 in one file."""
    path, count = folder / "x.npy", max(1000, round(12e9 * scale / (128 * 128 * 3)))
    x, random = np.lib.format.open_memmap(path, "w+", np.uint8, (count, 128, 128, 3)), np.random.default_rng(0)
    for image in x:  # pages that nothing is written to take no place on the disk
        image.reshape(-1)[:4096] = random.integers(0, 256, 4096, dtype=np.uint8)
    del x
    words = [
        "train",
        "vae_dense",
        "--data",
        path,
        "--out",
        folder / "run-memory",
        "--set",
        "widths=[8]",
        "--epochs",
        "1",
    ]
    child = subprocess.Popen([sys.executable, "-c", WITHOUT_MEMORY, *map(str, words)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"zoo {' '.join(map(str, words))}: ended with {status}")
    path.unlink()
    yield "gigabytes of memory, of images that fill 12 GB", usage.ru_maxrss * 1024 / 1e9


def verbs(folder, scale):
    """Fine-tuning and scoring, each from its call to its end."""
    photos = data.load(draw(folder / "28x28", round(60_000 * scale), (28, 28))).train.x[: round(2000 * scale)]
    yield (
        "seconds to fine-tune vae_conv.mnist on 2,000 images for 10 epochs",
        seconds(zoo.finetune, "vae_conv.mnist", photos, folder / "run-tuned", changes=("epochs=10",), force=True),
    )
    rows = np.random.default_rng(0).normal(size=(10_000, 30)).astype("float32")
    model = zoo.load_model(zoo.train("vae_dense", rows, folder / "run-table", changes=("epochs=1",), force=True))
    yield "seconds to score 10,000 rows of 30 columns, vae_dense", seconds(scoring.score, model, rows)


PARTS = {part.__name__: part for part in (loading, streaming, checkpoints, memory, verbs)}


# Parts of them


class Started(Exception):
    """The first step is done."""


def stop(event):
    raise Started


def draw(folder, count, shape):
    """A folder of PNG files in ten class folders, written unless it is there."""
    if folder.is_dir():
        return folder
    random = np.random.default_rng(0)
    for i in range(count):
        place = folder / f"class {i % 10}"
        place.mkdir(parents=True, exist_ok=True)
        coarse = random.integers(0, 256, (7, 7, *shape[2:]), dtype=np.uint8)
        Image.fromarray(coarse).resize(shape[1::-1], Image.Resampling.BILINEAR).save(place / f"{i:05}.png")
    return folder


def seconds(function, *arguments, **words):
    began = time.perf_counter()
    function(*arguments, **words)
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes")
    parser.add_argument(
        "--out", type=Path, default=HERE / "data.json", help="where the numbers go, beside others there"
    )
    parser.add_argument("--folder", type=Path, help="where pictures are drawn, and kept for the next time")
    words = parser.parse_args()
    if unknown := set(words.parts) - set(PARTS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    found = {}
    kept = json.loads(words.out.read_text()) if words.out.is_file() else {}
    kept = kept["found"] if kept.get("scale") == words.scale else {}
    with tempfile.TemporaryDirectory(prefix="zoo-data-") as folder:
        os.environ["ZOO_CACHE"] = f"{folder}/cache"
        for part in words.parts or PARTS:
            for name, value in PARTS[part](words.folder or Path(folder), words.scale):
                found[name] = round(value, 4)
                print(f"{value:10.4g}  {' '.join(map(str, LIMITS[name])):12}  {name}", flush=True)
    every = {name: found.get(name, kept.get(name)) for name in LIMITS if name in found or name in kept}
    words.out.write_text(json.dumps({"scale": words.scale, "found": every, "limits": LIMITS}, indent=1) + "\n")
    held = {
        name: found[name] <= LIMITS[name][1] if LIMITS[name][0] == "at most" else found[name] >= LIMITS[name][1]
        for name in found
    }
    sys.exit(0 if all(held.values()) else 3)


if __name__ == "__main__":
    main()
