"""TFLite files as objects that can be changed, and back."""

import copy

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"
CONSTANT = b"/constant"  # after the name of a weight, that of what is stored of it


def unpacked(content):
    """A `ModelT` of the bytes of a file, with all its weights: those of a large file may lie after its table."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for buffer in model.buffers:
        if buffer.size:
            buffer.data = np.frombuffer(content, "uint8", buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def packed(model):
    """The bytes of a `ModelT`, with its weights in its table, which every interpreter reads."""
    builder = Builder()
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def codes(model):
    """The `BuiltinOperator` of each operation code of a `ModelT`; old ones, up to 127, have a field of their own."""
    return [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]


class Builder(flatbuffers.Builder):
    """Writes equal arrays once, such as the scales of a weight that several graphs have."""

    def __init__(self):
        super().__init__()
        self.known = {}

    def CreateNumpyVector(self, x):
        key = x.dtype.str, x.tobytes()
        if key not in self.known:
            self.known[key] = super().CreateNumpyVector(x)
        return self.known[key]


def insert(graph, index, code, kind, scales=None, axis=0):
    """Has an operation of one input make what a constant tensor was: the tensor gets another type and stands before it.

    Args:
        graph: a `SubGraphT`.
        index: of the tensor.
        code: index of the operation's code.
        kind: the new `TensorType` of the constant.
        scales, axis: of integers, the size of a step along an axis.
    """
    constant, made = graph.tensors[index], copy.copy(graph.tensors[index])
    constant.name, constant.type, made.buffer = constant.name + CONSTANT, kind, 0
    if scales is not None:
        constant.quantization = schema.QuantizationParametersT()
        constant.quantization.scale, constant.quantization.quantizedDimension = scales, axis
        constant.quantization.zeroPoint = np.zeros(len(scales), "int64")
    graph.tensors[index] = made
    graph.tensors.append(constant)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, [len(graph.tensors) - 1], [index]
    operator.builtinOptionsType, operator.builtinOptions = (
        schema.BuiltinOptions.DequantizeOptions,
        schema.DequantizeOptionsT(),
    )
    graph.operators.insert(0, operator)
