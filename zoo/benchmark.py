"""How fast a model trains and runs here, beside what one would write by hand, in one run."""

import resource
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from . import config, presets, sandbox, training
from .data import load
from .errors import InputError
from .export import beside, export, latencies, ways

PAIRS = 7  # times that both loops run, one after the other
PROBE = 10  # steps that choose between XLA and none
SIZE = (28, 28)


def benchmark(name, data=None, *, changes=(), steps=200, runs=200):
    """Times training against a hand-written loop, and each verb in LiteRT against its compiled function.

    Args:
        name: a model name.
        data: what `zoo.data.load` takes; digits, enlarged to 28x28, when None.
        changes: "key=value" texts over the configuration.
        steps: training steps a measurement.
        runs: calls of each verb.

    Returns:
        {"training": ..., "latency": ..., "peak_memory_mb": ...}, ready for JSON. Ratios are medians over pairs, each
        measured one after the other.
    """
    experiment = config.for_model(name, changes)
    bundle = load(data) if data else load("digits", resize=SIZE)
    model = presets.build(training.preparation.suited(experiment, bundle), bundle.shape)
    return {
        "model": experiment.model,
        "input_shape": list(bundle.shape),
        "parameters": model.count_params(),
        "training": training_speed(model, bundle, experiment, steps),
        "latency": verb_latencies(model, runs),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def against(name, other, data=None, *, changes=(), steps=200):
    """Times the training of two models in turn, on the same data and with the same settings: what a variant pays.

    Args:
        name, other: model names.
        data, changes, steps: as of `benchmark`.

    Returns:
        {"model", "against", "batch_size", "steps", "pairs", "examples_per_second", "against_examples_per_second",
        "ratio"}, ready for JSON; a ratio above 1 means that `name` is the faster one.
    """
    bundle = load(data) if data else load("digits", resize=SIZE)
    loops = []
    for each in (name, other):
        experiment = config.for_model(each, changes)
        model = presets.build(training.preparation.suited(experiment, bundle), bundle.shape)
        loops.append(_loop(model, bundle, experiment, steps))
    seconds, ratio = _in_pairs(*loops)
    batch = experiment.training.batch_size
    speeds = (round(batch * steps / each) for each in seconds)
    return {
        "model": name,
        "against": other,
        "batch_size": batch,
        "steps": steps,
        "pairs": PAIRS,
        **dict(zip(("examples_per_second", "against_examples_per_second"), speeds, strict=True)),
        "ratio": ratio,
    }


def benchmark_file(path, name=None, *, runs=200, threads=1):
    """Times each signature of a TFLite file in a child process, and beside it the model that the file was made from.

    Args:
        path: a TFLite file; whatever it does, it does to the child.
        name: of the preset or run folder that the file was made from, if any.
        runs: calls of each.
        threads: of LiteRT; TensorFlow keeps its own.

    Returns:
        {"file", "bytes", "threads", "latency": {signature: {"tflite_p50_ms", "tflite_p95_ms", ...}}, "peak_memory_mb"},
        ready for JSON. The memory is that of the child: interpreter, file and working memory.

    Raises:
        InputError: not a sound TFLite file, or one of another model.
    """
    model, times, memory = presets.load(name) if name else None, {}, 0
    with sandbox.Guarded(path, threads) as guarded:
        for verb in guarded.get_signature_list():
            inputs, calls = None, {}
            if model and verb in model.signatures():
                inputs = _inputs(model, verb, guarded, path, name)
                calls = ways(model, verb, inputs)
            times[verb], memory = beside(guarded, verb, calls, inputs, runs)
    return {
        "file": str(path),
        "bytes": Path(path).stat().st_size,
        "threads": threads,
        "latency": times,
        "peak_memory_mb": memory,
    }


def _inputs(model, verb, guarded, path, name):
    """Inputs of a signature from the model's examples, as many as it takes. Raises InputError if they do not fit."""
    taken = {
        word: tuple(known["shape"]) for word, known in guarded.get_signature_runner(verb).get_input_details().items()
    }
    signature = model.signatures()[verb]
    if {word: shape[1:] for word, shape in taken.items()} != {w: tuple(shape) for w, shape in signature.inputs.items()}:
        raise InputError(f"{path}: is not an export of {name}: {verb} takes {taken}")
    x = np.resize(model.preset.examples(), (next(iter(taken.values()))[0], *model.example_shape))
    return presets.inputs_for(model, verb, signature, x.astype("float32"))


def training_speed(model, bundle, experiment, steps):
    """Examples a second of `zoo train`'s loop and of a hand-written one on a network of the same shape."""
    settings = experiment.training
    ours = _loop(model, bundle, experiment, steps)
    result = {"batch_size": settings.batch_size, "steps": steps, "pairs": PAIRS}
    if not hasattr(model, "encoder"):
        return result | {"examples_per_second": round(settings.batch_size * steps / _seconds(ours))}
    theirs, jit = faster_by_hand(lambda: presets.build(experiment, bundle.shape), bundle, settings)
    theirs = partial(theirs, tf.constant(steps))
    theirs()
    (mine, hand), ratio = _in_pairs(ours, theirs)
    return result | {
        "examples_per_second": round(settings.batch_size * steps / mine),
        "hand_written_examples_per_second": round(settings.batch_size * steps / hand),
        "hand_written_with_xla": jit,
        "ratio": ratio,
    }


def _loop(model, bundle, experiment, steps):
    """A function that trains so many steps as `zoo train` does, called once already."""
    settings = experiment.training
    model.compile(training.optimizer_for(settings, 1_000_000))
    loop = training.Loop(model, bundle.train, bundle.preprocessor.apply, settings, experiment.data.binarize)
    loop.advance(steps)
    return partial(loop.advance, steps)


def _in_pairs(ours, theirs):
    """Median seconds of both, one after the other, and the median of how many times faster ours are."""
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(PAIRS)]
    medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
    return medians, round(statistics.median(second / first for first, second in pairs), 3)


def faster_by_hand(build, bundle, settings):
    """The yardstick with XLA or without, whichever is faster here, and whether it is with."""
    tried = []
    for jit in (True, False):
        loop = by_hand(build(), bundle, settings, jit)
        loop(tf.constant(1))
        tried.append((_seconds(partial(loop, tf.constant(PROBE))), loop, jit))
    return min(tried, key=lambda item: item[0])[1:]


def by_hand(model, bundle, settings, jit):
    """The yardstick: the loop that one writes for a plain VAE or autoencoder, data in memory.

    It knows nothing of schedules, counters, logs or gradients that are not finite.

    Returns:
        A function of the number of steps.
    """
    images = tf.constant(bundle.train.x)
    count, batch, size = len(bundle.train), settings.batch_size, model.latent_dim
    weights = model.encoder.trainable_variables + model.decoder.trainable_variables
    optimizer = keras.optimizers.Adam(settings.learning_rate)
    optimizer.build(weights)
    order = tf.Variable(tf.random.shuffle(tf.range(count)), trainable=False)
    position = tf.Variable(0, trainable=False)

    @tf.function(jit_compile=jit)
    def step(x, seed):
        outputs = model.encoder(x, training=True)
        if model.stochastic:
            mean, scale = outputs[:, :size], tf.nn.softplus(outputs[:, size:])
            logits = model.decoder(mean + scale * tf.random.stateless_normal(tf.shape(mean), seed), training=True)
            distortion = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(x, logits), tf.range(1, tf.rank(x)))
            loss = tf.reduce_mean(distortion + _rate(mean, scale))
        else:
            loss = tf.reduce_mean(
                tf.reduce_sum((model.decoder(outputs, training=True) - x) ** 2, tf.range(1, tf.rank(x)))
            )
        optimizer.apply(tf.gradients(loss, [w.value for w in weights]), weights)

    @tf.function
    def loop(steps):
        for _ in tf.range(steps):
            start = position.assign_add(batch) % (count - batch + 1)
            x = tf.cast(tf.gather(images, order[start : start + batch]), tf.float32) / 255.0
            step(tf.reshape(x, [batch, *bundle.shape]), tf.stack([0, position]))

    return loop


def _rate(mean, scale):
    return tf.reduce_sum(0.5 * (mean**2 + scale**2 - 1.0) - tf.math.log(scale), -1)


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def verb_latencies(model, runs):
    """Milliseconds of each verb on one example: LiteRT and the compiled function, called in turn."""
    with tempfile.TemporaryDirectory() as folder:
        export(model, Path(folder) / "model", format="tflite")
        return latencies(Path(folder) / "model" / "model.tflite", model, runs=runs)
