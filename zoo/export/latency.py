"""How long each signature takes on one batch: in LiteRT and as a compiled function, in one loop."""

import time

import numpy as np
import tensorflow as tf

from .. import presets
from . import litert, onnx, parity, signatures

WARM_UP = 10
BLOCKS = 5  # that the calls of a measurement are divided into


def latencies(path, model, runs=200, threads=1):
    """Milliseconds of each signature of a TFLite file and of the model's compiled function.

    Both are called in turn, so that whatever else the machine does meets both alike.

    Args:
        path: a TFLite file.
        model: what it was made from.
        runs: calls of each.
        threads: of LiteRT; TensorFlow keeps its own.

    Returns:
        {signature: {"tflite_p50_ms", "tflite_p95_ms", "function_p50_ms", "function_p95_ms"}}.
    """
    model, interpreter = signatures.in_float32(model), litert.open_tflite(path, threads)
    some, times = parity.examples_for(model).x, {}
    for verb, signature in model.signatures().items():
        batch = litert.batch_of(interpreter.get_signature_runner(verb))
        x = np.resize(some, (batch, *model.example_shape))
        inputs = presets.inputs_for(model, verb, signature, x)
        calls = {"tflite": _in_litert(interpreter, verb, inputs), "function": _as_function(model, verb, inputs)}
        times[verb] = _percentiles(in_turn(calls, runs))
    return times


def ways(model, verb, inputs):
    """{name: () -> arrays}: how else a signature can be called on some inputs.

    "function" is the compiled function that the zoo's verbs are; "call" and "predict" are Keras's own, for the
    signature that `model(x)` stands for; "onnx" is onnxruntime, where the extra is installed.
    """
    model = signatures.in_float32(model)
    found = {"function": _as_function(model, verb, inputs)}
    if verb == next((name for name in ("reconstruct", "sample") if name in model.signatures()), None):
        (array,) = inputs.values()
        found |= {"call": lambda: np.asarray(model(array)), "predict": lambda: model.predict(array, verbose=0)}
    if not onnx.missing():
        found["onnx"] = _in_onnxruntime(model, verb, inputs)
    return found


def _in_onnxruntime(model, verb, inputs):
    content = onnx.converted(verb, signatures.functions(model)[verb]).SerializeToString()
    session = onnx.open_onnx(content)
    return lambda: session.run(None, inputs)


def beside(guarded, verb, calls, inputs, runs):
    """Times a signature in a child process and other calls, in blocks that take turns: see `latencies`.

    Returns:
        ({"tflite_p50_ms", "tflite_p95_ms", ...} with those of the other calls, MB that the child has taken).
    """
    block = -(-runs // BLOCKS)
    seconds, megabytes = {"tflite": [], **{name: [] for name in calls}}, 0
    for _ in range(BLOCKS):
        took, megabytes = guarded.times(verb, inputs, block)
        seconds["tflite"] += list(took)
        for name, call in calls.items():
            seconds[name] += in_turn({name: call}, block)[name]
    return _percentiles(seconds), megabytes


def _in_litert(interpreter, verb, inputs):
    runner = interpreter.get_signature_runner(verb)
    return lambda: runner(**inputs)


def _as_function(model, verb, inputs):
    tensors, function = {name: tf.constant(array) for name, array in inputs.items()}, model.endpoints[verb]
    return lambda: {name: output.numpy() for name, output in function(tensors).items()}


def in_turn(calls, runs):
    """{name: seconds of each call}."""
    seconds = {name: [] for name in calls}
    for turn in range(WARM_UP + runs):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn >= WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def _percentiles(seconds):
    return {
        f"{name}_p{q}_ms": round(1000 * float(np.percentile(values, q)), 4)
        for name, values in seconds.items()
        for q in (50, 95)
    }
