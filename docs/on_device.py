"""Adapts vae_conv.mnist to another camera inside LiteRT: docs/on_device.json and docs/on_device.png.

python docs/on_device.py

The digits that it knows are white on black. The device sees them dimmed, in front of a light that grows from left to
right. Only the TFLite file learns, as it would on a phone; Keras gets the weights when it is done.
"""

import json
import tempfile
from pathlib import Path

import numpy as np

import zoo
from zoo import figures, presets
from zoo.export import export, litert

PRESET, DATA = "vae_conv.mnist", "tfds:mnist"
BATCH, STEPS, LEARNING_RATE, EVERY = 16, 400, 1e-3, 50
SEEN, HELD_OUT, SHOWN = 2000, 500, 12
HERE = Path(__file__).parent


def other_camera(x):
    """Images [N, 28, 28, 1] in [0, 1], dimmed, with light from the right."""
    return np.float32(0.6 * x + 0.4 * np.linspace(0, 1, x.shape[2])[:, None])


def error(interpreter, x):
    """Mean squared error of reconstructions, per pixel."""
    return round(float(np.mean((litert.run(interpreter, "reconstruct", {"x": x})["x_hat"] - x) ** 2)), 5)


def adapt(folder):
    model = zoo.load_model(PRESET)
    bundle = presets.data_for(model.preset, DATA)
    known = bundle.preprocessor.apply(bundle.test.x[:HELD_OUT])
    seen, held_out = other_camera(bundle.preprocessor.apply(bundle.train.x[:SEEN])), other_camera(known)
    path = export(model, folder / "app", trainable=True, batch=BATCH, learning_rate=LEARNING_RATE).path
    phone = litert.open_tflite(path)
    train = phone.get_signature_runner("train")
    before = litert.run(phone, "reconstruct", {"x": held_out[:SHOWN]})["x_hat"]
    errors, first = {0: error(phone, held_out)}, error(phone, known)
    order = np.random.default_rng(0)
    for step in range(1, STEPS + 1):
        train(x=seen[order.integers(SEEN, size=BATCH)])
        if step % EVERY == 0:
            errors[step] = error(phone, held_out)
    np.savez(folder / "learned.npz", **phone.get_signature_runner("save")())
    back = zoo.load_model(zoo.import_state(folder / "learned.npz", PRESET, folder / "run"))
    figures.before_after(
        held_out[:SHOWN],
        before,
        litert.run(phone, "reconstruct", {"x": held_out[:SHOWN]})["x_hat"],
        HERE / "on_device.png",
    )
    return {
        "preset": PRESET,
        "batch": BATCH,
        "optimizer": "adam",
        "learning_rate": LEARNING_RATE,
        "images": SEEN,
        "held_out": HELD_OUT,
        "mse_by_step": errors,
        "mse_in_keras": round(float(np.mean((back.reconstruct(held_out) - held_out) ** 2)), 5),
        "mse_of_known_digits": {"before": first, "after": error(phone, known)},
        "bytes": path.stat().st_size,
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        found = adapt(Path(folder))
    (HERE / "on_device.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))
