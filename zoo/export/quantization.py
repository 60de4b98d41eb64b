"""Weights in fewer bits: how each precision is written, and how far it may be from the Keras model."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from .. import presets
from ..errors import GateError
from . import flatbuffer, parity
from .silence import quiet

LARGE = 4096  # numbers of a weight that must not stay in float32
PAIRS = 64  # blends of two examples that scores are compared on
RANKS, AUROC = 1e-3, 1e-2  # what the ranks of scores, and their AUROC, may lose


class Precision(NamedTuple):
    """A precision of the weights.

    Attributes:
        tolerance: of `measure`.
        measure: (found, expected) -> (largest difference, error).
        calibrated: whether it needs examples, because activations are integers too.
    """

    tolerance: float
    measure: Callable
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


def in_int4(content, *_):
    """A float32 TFLite file, as bytes, with its wide dense layers in int4 and the others in int8."""
    from litert_quantizer import Quantizer, qtyping
    from litert_quantizer import recipe as recipes

    quantizer = Quantizer(bytearray(content), recipes.weight_only_wi4_afp32())
    for operation in ("CONV_2D", "CONV_2D_TRANSPOSE"):
        quantizer.add_weight_only_config(".*", qtyping.TFLOperationName[operation], 8)
    for name in _narrow_layers(content):  # what a code is made by
        quantizer.add_weight_only_config(re.escape(name), qtyping.TFLOperationName.FULLY_CONNECTED, 8)
    with quiet():
        result = quantizer.quantize(enable_progress_bar=False, enable_progress_report=False)
    require_quantized(result.quantized_model)
    return flatbuffer.packed(flatbuffer.unpacked(result.quantized_model))


def _narrow_layers(content):
    """Outputs of the dense layers that have fewer units than inputs."""
    model = schema.Model.GetRootAs(content, 0)
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for operator in map(graph.Operators, range(graph.OperatorsLength())):
            code = model.OperatorCodes(operator.OpcodeIndex())
            if code.BuiltinCode() == schema.BuiltinOperator.FULLY_CONNECTED:
                units, inputs = graph.Tensors(operator.Inputs(1)).ShapeAsNumpy()
                if units < inputs:
                    yield graph.Tensors(operator.Outputs(0)).Name().decode()


PRECISIONS = {
    "none": Precision(1e-5, parity.difference),
    "float16": Precision(1e-3, largest),
    "dynamic_int8": Precision(1e-2, largest),
    "int8": Precision(2e-2, average, calibrated=True),
    "weight_int4": Precision(2e-2, average),
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
