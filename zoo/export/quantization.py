"""Weights in fewer bits: how each precision is written, and how far it may be from the Keras model."""

import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from .. import presets
from ..errors import GateError
from . import flatbuffer, parity
from .silence import quiet

WIDE = 8  # units of a dense layer for each of its inputs, from which on they share one scale
SMALLEST = 1 / 16  # of the weights of a float16 file stay in float32
LARGE = 4096  # numbers of a weight that must not stay in float32
PAIRS = 64  # blends of two examples that scores are compared on
RANKS, AUROC = 1e-3, 1e-2  # what the ranks of scores, and their AUROC, may lose


class Precision(NamedTuple):
    """A precision of the weights.

    Attributes:
        tolerance: of `measure`.
        measure: (found, expected) -> (largest difference, error).
        rewrite: a function of the bytes of the finished float32 file; None where the converter does it.
        calibrated: whether it needs examples, because activations are integers too.
    """

    tolerance: float
    measure: Callable
    rewrite: Callable | None = None
    calibrated: bool = False


def largest(found, expected):
    """Errors relative to the range of the output where that is beyond 1."""
    return _measured(found, expected, np.max)


def average(found, expected):
    """The mean of the errors, relative to the range of the output where that is beyond 1."""
    return _measured(found, expected, np.mean)


def _measured(found, expected, over):
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return np.inf, np.inf
    if expected.dtype.kind == "i":  # indices of codes: how many are others
        return float(np.max(found != expected)), float(np.mean(found != expected))
    absolute = np.abs(found.astype("float64") - expected)
    return np.max(absolute), over(absolute) / max(1.0, np.max(np.abs(expected)))


def requantized(content, recipe):
    """A float32 TFLite file, as bytes, with its weights in fewer bits."""
    from litert_quantizer import Quantizer, qtyping
    from litert_quantizer import recipe as recipes

    quantizer = Quantizer(bytearray(content), getattr(recipes, recipe)())
    dense = qtyping.TFLOperationName.FULLY_CONNECTED
    if recipe.startswith("weight_only"):  # four bits are for wide dense layers only: the others get eight
        for operation in ("CONV_2D", "CONV_2D_TRANSPOSE"):
            quantizer.add_weight_only_config(".*", qtyping.TFLOperationName[operation], 8)
        for name in _dense_layers(content, lambda units, inputs: units < inputs):  # what a code is made by
            quantizer.add_weight_only_config(re.escape(name), dense, 8)
    if recipe.startswith("dynamic"):  # a scale for each unit would take more room than it is worth
        for name in _dense_layers(content, lambda units, inputs: units > WIDE * inputs):
            quantizer.add_dynamic_config(re.escape(name), dense, 8, qtyping.QuantGranularity.TENSORWISE)
    with quiet():
        result = quantizer.quantize(enable_progress_bar=False, enable_progress_report=False)
    require_quantized(result.quantized_model)
    return flatbuffer.packed(flatbuffer.unpacked(result.quantized_model))


def halved(content):
    """A float32 TFLite file, as bytes, with its weights in float16, but for the smallest, which take no room.

    The smallest are those that an example passes first and last, and that make the code: of a dense network, they make
    half of the error.
    """
    model = flatbuffer.unpacked(content)
    halves = _large(model)
    for number in halves:
        buffer = model.buffers[number]
        buffer.data = np.frombuffer(bytes(buffer.data), "float32").astype("float16").view("uint8")
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 3  # of float16
    model.operatorCodes.append(code)
    for graph in model.subgraphs:
        for index in [i for i, tensor in enumerate(graph.tensors) if tensor.buffer in halves]:
            flatbuffer.insert(graph, index, len(model.operatorCodes) - 1, schema.TensorType.FLOAT16)
    return flatbuffer.packed(model)


def _large(model):
    """Buffers of float32 numbers without the smallest, of SMALLEST of all numbers together."""
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    floats = {t.buffer for t in tensors if t.type == schema.TensorType.FLOAT32 and not t.isVariable}
    sizes = {number: len(data) for number in floats if (data := model.buffers[number].data) is not None}
    ordered = sorted(sizes, key=lambda number: (sizes[number], number))
    taken = np.cumsum([sizes[number] for number in ordered])
    return {number for number, sum in zip(ordered, taken, strict=True) if sum > SMALLEST * taken[-1]}


def _dense_layers(content, chosen):
    """Outputs of the dense layers that are chosen, by (units, inputs)."""
    model = schema.Model.GetRootAs(content, 0)
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for operator in map(graph.Operators, range(graph.OperatorsLength())):
            code = model.OperatorCodes(operator.OpcodeIndex())
            if code.BuiltinCode() == schema.BuiltinOperator.FULLY_CONNECTED:
                units, inputs = graph.Tensors(operator.Inputs(1)).ShapeAsNumpy()
                if chosen(units, inputs):
                    yield graph.Tensors(operator.Outputs(0)).Name().decode()


PRECISIONS = {
    "none": Precision(1e-5, parity.difference),
    "float16": Precision(1e-3, largest, halved),
    "dynamic_int8": Precision(1e-2, largest, partial(requantized, recipe="dynamic_wi8_afp32")),
    "int8": Precision(2e-2, average, calibrated=True),
    "weight_int4": Precision(2e-2, average, partial(requantized, recipe="weight_only_wi4_afp32")),
}


def calibration(model, examples):
    """Yields (signature, {input: [1, ...]}) for every signature: without its name, the converter ignores examples.

    Half of them are blends of two examples, so that the ranges hold the scores of what is stranger than the data.
    """
    both = np.concatenate([examples, blends(examples, len(examples))])
    for verb, signature in model.signatures().items():
        inputs = presets.inputs_for(model, verb, signature, both)
        for i in range(len(both)):
            yield verb, {name: array[i : i + 1] for name, array in inputs.items()}


def blends(x, count):
    """Up to `count` means of two examples [N, *shape] each."""
    return np.concatenate([0.5 * (x + np.roll(x, shift, 0)) for shift in range(1, len(x))] or [x[:0]])[:count]


def require_quantized(content, large=LARGE):
    """Raises GateError where a large weight is in float32 still: the converter leaves it so without a word."""
    model = schema.Model.GetRootAs(content, 0)
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for tensor in map(graph.Tensors, range(graph.TensorsLength())):
            buffer = model.Buffers(tensor.Buffer())
            size = max(buffer.DataLength(), buffer.Size()) // 4  # within the table, or after it in the file
            if tensor.Type() == schema.TensorType.FLOAT32 and size >= large and tensor.ShapeLength() > 1:
                raise GateError(f"the weight {tensor.Name().decode()} of {size:,} numbers was not quantized")


def compare(run, model, x, batch, precision, tolerance=None):
    """Every signature of a model beside an exported one of some precision: a list of parity.Row.

    Of a score in fewer bits the order is compared; see `score_difference`.

    Args:
        run, model, x, batch: see `parity.compare`.
        precision: a `Precision`.
        tolerance: in place of those of the precision.
    """
    rows = parity.compare(
        run, model, x, batch, precision.tolerance if tolerance is None else tolerance, precision.measure
    )
    if precision is PRECISIONS["none"] or "score" not in model.signatures():
        return rows
    absolute, error = map(float, score_difference(run, model, x))
    ranked = {"max_abs_error": absolute, "error": error, "tolerance": RANKS if tolerance is None else tolerance}
    return [row._replace(**ranked) if row.signature == "score" else row for row in rows]


def score_difference(run, model, x):
    """(largest difference, error) of the scores of examples and of blends of two of them, which are stranger.

    The error is what the rank correlation lacks to 1, or a tenth of the change of the AUROC, whichever is more: it is
    the order of scores that decides.
    """
    absolute, ranks, change = order_of_scores(run, model, x)
    return absolute, max(1.0 - ranks, abs(change) * RANKS / AUROC)


def order_of_scores(run, model, x):
    """(largest difference, rank correlation, change of the AUROC) of the scores that `score_difference` looks at."""
    stranger = blends(x, PAIRS)
    both, strange = np.concatenate([x, stranger]), np.r_[np.zeros(len(x)), np.ones(len(stranger))]
    inputs = presets.inputs_for(model, "score", model.signatures()["score"], both)
    found, expected = run("score", inputs).get("score"), model.run("score", **inputs)["score"]
    if found is None or not np.isfinite(found).all():
        return np.inf, -np.inf, np.inf
    change = roc_auc_score(strange, found) - roc_auc_score(strange, expected) if len(stranger) else 0.0
    return np.max(np.abs(found - expected)), spearmanr(found, expected).statistic, change
