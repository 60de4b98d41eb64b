"""Trains every variant on every backbone for images for a short while, and writes what came of it to catalogue.json.

python docs/catalogue.py            trains those that are not in the file yet (an hour for all, on two idle cores)
python docs/catalogue.py vq_vae gan  trains these variants again

The data are digits of MNIST where TFDS_DATA_DIR has it, else scikit-learn's; training takes four epochs of 10,000
images, or two minutes. The loss must fall, the codes must be in use and the samples must differ, or the exit code is 3.
Where there are codebooks the distortion must fall: the rest of the loss is small before vectors tell codes apart. The
adversarial models are trained on scikit-learn's digits as well, longer, and 500 samples of them must cover eight of the
ten classes.
"""

import json
import os
import sys
import time
from functools import cache
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo import catalog, config, data, metrics, presets, training

FILE = Path(__file__).parent / "catalogue.json"
MNIST, DIGITS = "tfds:mnist", "digits"
LIMIT, EPOCHS = 10_000, 4
SECONDS, EVERY = 120, 59  # after which training ends early, looked at after so many steps
SLOW, LONGER = 5e-4, 3  # times as long, where a schedule has to be passed through or the learning rate is below this
GAME_STEPS = 4_400
SAMPLES = 500
PIECE = 100  # examples at once: some losses draw 64 codes for each


@cache
def prepared(source):
    """The data, and their training and test examples as model values."""
    bundle = data.load(source, limit=LIMIT)
    return bundle, *(bundle.preprocessor.apply(part.x) for part in (bundle.train, bundle.test))


def schedules(name):
    """The words of a model's configuration that change while it trains: {word: {start, stop, steps}}."""
    words = config.for_model(name).hyperparameters
    return {word: value for word, value in words.items() if isinstance(value, dict) and "steps" in value}


def begun(name, source, steps):
    """A model with fresh weights, and the loop that `zoo train` trains it in; schedules end with these steps."""
    bundle = prepared(source)[0]
    shorter = {f"hyperparameters.{word}": {**value, "steps": steps} for word, value in schedules(name).items()}
    experiment = training.preparation.suited(config.for_model(name, shorter), bundle)
    keras.utils.set_random_seed(experiment.training.seed)
    model = presets.build(experiment, bundle.shape)
    model.compile(training.optimizer_for(experiment.training, steps))
    return model, training.Loop(model, bundle.train, bundle.preprocessor.apply, experiment.training)


def row(name):
    """What a short training of a model showed, and what is wrong about it."""
    source = MNIST if (Path(os.environ.get("TFDS_DATA_DIR", "none")) / "mnist").is_dir() else DIGITS
    _, x, held_out = prepared(source)
    settings, patient = config.for_model(name).training, bool(schedules(name))
    epochs = EPOCHS * (LONGER if patient or settings.learning_rate < SLOW else 1)
    steps = epochs * (len(x) // settings.batch_size)
    model, loop = begun(name, source, steps)
    model.step.assign(steps)  # both losses are those at the end of the schedules
    parts = [losses(model, source)]
    model.step.assign(0)
    start = time.perf_counter()
    while model.step < steps and (patient or time.perf_counter() - start < SECONDS):
        loop.advance(min(EVERY, steps - int(model.step)))
    seconds = time.perf_counter() - start
    parts.append(losses(model, source))
    verbs, samples = model.signatures(), model.sample(SAMPLES)
    found = {
        "data": source,
        "parameters": int(sum(np.prod(w.shape) for w in model.trainable_weights)),
        "steps": int(model.step),
        "seconds": round(seconds, 1),
        "loss": [part["distortion" if "codebook" in part else "loss"] for part in parts],
        "mse": metrics.mse(held_out, model.reconstruct(held_out))["value"] if "reconstruct" in verbs else None,
        "active_units": active(model, held_out) if "encode" in verbs and model.stochastic else None,
        "perplexity": parts[-1].get("perplexity"),
        "sample_spread": float(samples.std(0).mean() / x.std(0).mean()),
    }
    if adversarial(name):
        found["modes"] = modes(name)
    return found | {"wrong": list(wrong(name, found))}


def losses(model, source):
    """The loss and its parts on the test examples."""
    bundle, _, held_out = prepared(source)
    for mean in model.means.values():
        mean.reset_state()
    for start in range(0, len(held_out), PIECE):
        piece = slice(start, start + PIECE)
        model.test_step((tf.constant(held_out[piece]), tf.constant(bundle.test.y[piece])))
    found = {name: float(mean.result()) for name, mean in model.means.items()}
    for mean in model.means.values():
        mean.reset_state()
    return found


def active(model, x):
    """Dimensions of the code whose posterior mean varies."""
    return metrics.active_units(model.run("encode", x=x)["z"])["value"]


def modes(name):
    """Classes of scikit-learn's digits that samples cover after a longer game."""
    bundle, x, held_out = prepared(DIGITS)
    model, loop = begun(name, DIGITS, GAME_STEPS)
    loop.advance(GAME_STEPS)
    return metrics.mode_coverage(model.sample(SAMPLES), x, bundle.train.y, held_out, bundle.test.y)


def wrong(name, found):
    """What a reader should know before trusting a model."""
    before, after = found["loss"]
    numbers = (before, after, *(found[key] or 0 for key in ("mse", "active_units", "perplexity", "sample_spread")))
    if not np.isfinite(numbers).all():
        yield "a number is not finite"
    if catalog.info(name).family != "adversarial" and after >= before:
        yield "the loss did not fall"
    if found["active_units"] == 0:
        yield "no unit of the code is in use"
    if found["perplexity"] is not None and found["perplexity"] <= 2:
        yield "two codes or fewer are in use"
    if found["sample_spread"] < 0.1 and "modes" not in found:  # which are counted after a longer game
        yield "samples are all alike"
    if "modes" in found and found["modes"]["value"] < 8:
        yield f"samples cover {found['modes']['value']} of {found['modes']['classes']} classes"


def adversarial(name):
    """Whether a second player judges the samples, or the codes that they are made from."""
    return catalog.info(name).family == "adversarial" or catalog.resolve(name)[0] == "aae"


def main(variants):
    table = json.loads(FILE.read_text()) if FILE.is_file() else {}
    names = [name for name in catalog.list_models() if not name.endswith("_lstm")]  # which takes no images
    for name in names:
        if catalog.resolve(name)[0] in variants or (not variants and name not in table):
            table[name] = row(name)
            keras.utils.clear_session()
            print(name, json.dumps(table[name]), flush=True)
            FILE.write_text(json.dumps({n: table[n] for n in names if n in table}, indent=1) + "\n")
    for name, found in table.items():
        for reason in found["wrong"]:
            print(f"{name}: {reason}")
    return 3 if any(found["wrong"] for found in table.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
