"""Whether a file calls an example an anomaly: by the score that it gives, in float32, whatever its precision."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ..errors import GateError
from . import flatbuffer

VERDICT, SCORE = "is_anomaly", "score"


def compared(found, expected, threshold, error):
    """How the decisions of a file and of the Keras model agree.

    Args:
        found, expected: {"score": float32 [N], "is_anomaly": int32 [N]}.
        threshold: a float32 number.
        error: the largest difference of their scores.

    Returns:
        {"threshold", "compared", "near", "different"}: the scores of `near` examples are within the error of the
        threshold, so that rounding decides; `different` counts those of the others that Keras decides otherwise, and
        those of all that are not decided by the score that the file itself gives.
    """
    near = np.abs(expected[SCORE].astype("float64") - threshold) <= error
    other = (found[VERDICT] != expected[VERDICT]) & ~near
    other |= found[VERDICT] != (found[SCORE] > np.float32(threshold)).astype("int32")
    count = {"compared": int((~near).sum()), "near": int(near.sum()), "different": int(other.sum())}
    return {"threshold": threshold, **count}


def in_float32(content, threshold):
    """A quantized TFLite file, as bytes, that compares its score, as given, with the threshold itself.

    Quantization rounds the threshold to 11 or 8 bits like any other constant, and the score before it is compared.

    Raises:
        GateError: the file has no such comparison.
    """
    model = flatbuffer.unpacked(content)
    signature = next(s for s in model.signatureDefs if s.signatureKey == SCORE.encode())
    outputs = {output.name.decode(): output.tensorIndex for output in signature.outputs}
    graph = model.subgraphs[signature.subgraphIndex]
    number = _maker(model, graph, outputs[VERDICT], "CAST")
    comparison = _maker(model, graph, number.inputs[0], "GREATER")
    comparison.inputs = np.int32([outputs[SCORE], _constant(model, graph, threshold)])
    others = [operator for operator in graph.operators if operator is not number and operator is not comparison]
    graph.operators = [*others, comparison, number]  # after what gives the score
    return flatbuffer.packed(model)


def _maker(model, graph, tensor, name):
    """The operation that gives a tensor, when it has that name."""
    codes = flatbuffer.codes(model)
    for operator in graph.operators:
        if tensor in operator.outputs and codes[operator.opcodeIndex] == getattr(schema.BuiltinOperator, name):
            return operator
    raise GateError(f"the converter has changed how the score is compared with its threshold: there is no {name}")


def _constant(model, graph, value):
    """The index of a new tensor of one float32 number."""
    buffer, tensor = schema.BufferT(), schema.TensorT()
    buffer.data = np.frombuffer(np.float32([value]).tobytes(), "uint8")
    tensor.name, tensor.type, tensor.shape = b"threshold", schema.TensorType.FLOAT32, np.int32([1])
    tensor.buffer = len(model.buffers)
    model.buffers.append(buffer)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1
