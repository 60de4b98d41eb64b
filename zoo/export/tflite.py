"""From a model to TFLite: all signatures in one file that shares their weights, with builtin operations only."""

import re
import tempfile
from functools import partial
from pathlib import Path

import tensorflow as tf

from .. import weights
from ..errors import GateError
from . import constants, decisions, mixed, quantization, saved_model, signatures
from .silence import quiet

MISSING = re.compile(r"tf\.(\w+)(?:' op|\()")  # how the converter names an operation that it cannot translate
FLOAT = re.compile(r"Quantization not yet supported for op: '(\w+)'")
EXACT = ("ABS", "ADD", "EXP", "LOG", "MUL", "NEG", "SQUARED_DIFFERENCE", "SUB", "SUM")  # not in int8
REWRITES = {"float16": mixed.in_float16, "dynamic_int8": mixed.in_int8, "weight_int4": quantization.in_int4}


def write_tflite(model, path, batch=1, quantize="none", calibration=None, tolerance=None):
    """Writes the signatures of a float32 model at a fixed batch.

    A fixed batch runs on every interpreter, C and browser included, and faster: a dynamic one leaves transposed
    convolutions without their fast kernels.

    Args:
        quantize: a name of `quantization.PRECISIONS`.
        calibration: examples [N, *shape], for int8, and to choose weights by: see `mixed`.
        tolerance: in place of that of the precision, to choose weights by.

    Raises:
        GateError: an operation has no builtin in TFLite, or a large weight was left as it is.
    """
    examples = partial(quantization.calibration, model, calibration) if quantize == "int8" else None
    rewrite = REWRITES.get(quantize) and (lambda content: REWRITES[quantize](content, model, calibration, tolerance))
    write_functions(signatures.functions(model, batch), path, quantize, examples, model.threshold, rewrite=rewrite)


def write_functions(functions, path, quantize="none", examples=None, threshold=None, integers=False, rewrite=None):
    """Writes {signature: concrete function}, with the variables that they set, if any: see `write_tflite`.

    Args:
        examples: () -> (signature, {input: array}) one by one, for int8.
        threshold: of the score, where there is one: see `decisions.in_float32`.
        integers: whether inputs, outputs and every operation are int8, as microcontrollers have it.
        rewrite: the finished float32 file, as bytes -> that of the precision; None where the converter makes it.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        saved = Path(folder) / "saved_model"
        saved_model.write_functions(functions, saved)
        content = convert(saved, functions, quantize, examples, integers)
    content = rewrite(content) if rewrite else content
    if quantize == "int8":
        quantization.require_quantized(content)
    if quantize != "none" and threshold is not None:
        content = decisions.in_float32(content, threshold)
    weights.write_bytes(path, content)


def convert(saved, functions, quantize="none", examples=None, integers=False):
    """The bytes of a TFLite file, from a SavedModel and the signatures to take."""
    try:
        return _convert(saved, list(functions), quantize, examples, integers)
    except Exception as error:  # the converter has no exception of its own that it keeps to
        raise _explained(saved, functions, error) from None


def _convert(saved, verbs, quantize="none", examples=None, integers=False):
    with quiet():
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=verbs)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.experimental_enable_resource_variables = (
            True  # of weights that a signature sets; others are constants
        )
        if quantize == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = examples
        if integers:
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        elif quantize == "int8":
            return _with_exact_sums(converter)
        return converter.convert()


def _with_exact_sums(converter):
    """The bytes of an int8 file whose sums of many numbers, as in a score, are in float32.

    In 256 steps, the terms of a score of sharp pixels lose its order.
    """
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=list(EXACT), fully_quantize=False)
    debugger = tf.lite.experimental.QuantizationDebugger(converter=converter, debug_dataset=list, debug_options=options)
    return debugger.get_nondebug_quantized_model()


def _explained(saved, functions, error):
    """A GateError that names the signature, the operations and their layers."""
    if names := FLOAT.findall(str(error)):
        return GateError(f"no int8 in TFLite for {names[0]} (signature {next(iter(functions))})")
    for verb, function in functions.items():
        try:
            _convert(saved, [verb])
        except Exception as reason:
            missing = dict.fromkeys(MISSING.findall(str(reason)))
            if missing:
                named = ", ".join(name + _place(function.graph, name) for name in missing)
                return GateError(f"no TFLite builtin for {named} (signature {verb})")
            return GateError(f"TFLite cannot express the signature {verb}: {' '.join(str(reason).split())[:300]}")
    return GateError(f"TFLite cannot express the signatures together: {' '.join(str(error).split())[:300]}")


def _place(graph, operation):
    """Where a graph has an operation: " in layer decoder/dropout", or nothing where it is in no layer."""
    for found in graph.get_operations():
        layers = constants.LAYER.findall(found.name)
        if found.type == operation and layers:
            return f" in layer {'/'.join(layers)}"
    return ""
