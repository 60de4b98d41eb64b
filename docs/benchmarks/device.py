"""How fast vae_conv.mnist is in LiteRT, in every precision, beside TensorFlow: docs/benchmarks/device.json.

python docs/benchmarks/device.py

Everything is called in turn, in one loop, so that whatever else the machine does meets all alike: the ratios are what
counts. Each finds the weights of the others in the caches, which may make small ones look slower than they are alone.
Files are exported once before; the seconds of that are there too.
"""

import json
import tempfile
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

import zoo
from zoo.export import export, latency, litert, on_device, quantization

PRESET, DATA = "vae_conv.mnist", "tfds:mnist"
RUNS, STEPS, BATCH = 300, 100, 16
THREADS = (1, 2)
FILE = Path(__file__).with_suffix(".json")


def exported(model, folder):
    """({precision: path}, seconds of them all)."""
    start = time.perf_counter()
    words = {name: {"calibration": DATA} for name, known in quantization.PRECISIONS.items() if known.calibrated}
    paths = {
        name: export(model, folder / name, quantize=name, **words.get(name, {})).path
        for name in quantization.PRECISIONS
    }
    return paths, time.perf_counter() - start


def reconstructing(model, paths):
    """Ways to reconstruct one image, by name."""
    x = model.preset.examples()[:1].astype("float32")
    calls = {
        f"{name}, {threads} thread{'s' * (threads > 1)}": runner(path, "reconstruct", threads, x)
        for name, path in paths.items()
        for threads in THREADS
    }
    return calls | latency.ways(model, "reconstruct", {"x": x})


def runner(path, verb, threads, x):
    signature = litert.open_tflite(path, threads).get_signature_runner(verb)
    return lambda: signature(x=x)


def learning(model, folder):
    """Ways to take a training step, by name."""
    x = np.resize(model.preset.examples(), (BATCH, *model.example_shape)).astype("float32")
    path, keras_model = export(model, folder / "learns", trainable=True, batch=BATCH).path, on_device.learner(model)
    step, given = tf.function(keras_model.train_step, autograph=False), tf.constant(x)
    calls = {f"file, {n} thread{'s' * (n > 1)}": runner(path, "train", n, x) for n in THREADS}
    return calls | {"function": lambda: step(given)["loss"].numpy()}


def milliseconds(calls, runs):
    """{name: median}, of calls in turn."""
    times = latency.in_turn(calls, runs)
    return {name: round(1000 * float(np.median(seconds)), 4) for name, seconds in times.items()}


def measured(folder):
    model = zoo.load_model(PRESET)
    paths, seconds = exported(model, folder)
    sizes = {name: path.stat().st_size for name, path in paths.items()}
    return {
        "preset": PRESET,
        "parameters": model.count_params(),
        "bytes": sizes,
        "seconds_of_all_exports": round(seconds, 1),
        "reconstruct_ms": milliseconds(reconstructing(model, paths), RUNS),
        "train_ms": milliseconds(learning(model, folder), STEPS),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder))
    FILE.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
