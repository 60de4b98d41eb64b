"""The weights of a TFLite file, and the numbers that they meet."""

import re
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import OpResolverType

from . import flatbuffer, litert

SMALL = 64  # numbers of a constant that takes no room worth saving
WIDEST = 4096  # numbers that a sum may be over, for the products of all pairs of them to be looked at
ROWS = 4096  # sums of a weight whose inputs are looked at
BUILTIN = schema.BuiltinOperator
TYPES = {getattr(schema.TensorType, name.upper()): name for name in ("float32", "float16", "int8", "int4")}
LAYER = re.compile(r"(\w+)_\d+/")  # the name scopes that Keras opens for layers, which it numbers
MET = {BUILTIN.FULLY_CONNECTED: 0, BUILTIN.CONV_2D: 0, BUILTIN.TRANSPOSE_CONV: 2}  # the place of what meets the weights


class Use(NamedTuple):
    """An operation that has a weight.

    Attributes:
        graph: its place in the file.
        operator: itself.
        builtin: what it is.
        place: of the weight among its inputs.
    """

    graph: int
    operator: schema.OperatorT
    builtin: int
    place: int


class Weight(NamedTuple):
    """A float32 constant of a file.

    Attributes:
        buffer: its place in the file.
        values: float32.
        uses: the operations that have it.
    """

    buffer: int
    values: np.ndarray
    uses: list


def weights_of(model):
    """The weights of a `ModelT` of any room, from small to large."""
    codes = flatbuffer.codes(model)
    found = {}
    for place, graph in enumerate(model.subgraphs):
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            if tensor.type == schema.TensorType.FLOAT32 and not tensor.isVariable and data is not None:
                values = np.frombuffer(bytes(data), "float32").reshape([] if tensor.shape is None else tensor.shape)
                found.setdefault(tensor.buffer, Weight(tensor.buffer, values, []))
        for operator in graph.operators:
            for i, index in enumerate(operator.inputs):
                if index >= 0 and (weight := found.get(graph.tensors[index].buffer)):
                    weight.uses.append(Use(place, operator, codes[operator.opcodeIndex], i))
    large = [weight for weight in found.values() if weight.values.size >= SMALL]
    return sorted(large, key=lambda weight: (weight.values.size, weight.buffer))


def by_sum(weight, values):
    """Values of a weight as [channels * n, K], a row for each sum that it is part of; None where that is not known.

    A transposed convolution of strides (a, b) gives places at each remainder of (a, b) sums of their own.
    """
    kinds = {(use.builtin, use.place) for use in weight.uses}
    if len(kinds) != 1 or not kinds <= {(builtin, 1) for builtin in MET}:
        return None
    rows = values.reshape(len(values), -1)
    if weight.uses[0].builtin == BUILTIN.TRANSPOSE_CONV:
        channels, high, wide, inputs = values.shape
        down, across = _strides(weight.uses[0].operator)
        if high % down or wide % across:
            return None
        taps = values.reshape(channels, high // down, down, wide // across, across, inputs)[:, ::-1, :, ::-1]
        rows = taps.transpose(0, 2, 4, 1, 3, 5).reshape(channels * down * across, -1)
    return rows if rows.shape[1] <= WIDEST else None


def from_sums(weight, rows):
    """The reverse of `by_sum`."""
    if weight.uses[0].builtin != BUILTIN.TRANSPOSE_CONV:
        return rows.reshape(weight.values.shape)
    channels, high, wide, inputs = weight.values.shape
    down, across = _strides(weight.uses[0].operator)
    taps = rows.reshape(channels, down, across, high // down, wide // across, inputs).transpose(0, 3, 1, 4, 2, 5)
    return taps[:, ::-1, :, ::-1].reshape(weight.values.shape)


def _strides(operator):
    return operator.builtinOptions.strideH, operator.builtinOptions.strideW


def _met(weight, use, x):
    """The inputs of each sum, [n, K], of the tensor x [B, ...] that meets a weight."""
    if use.builtin == BUILTIN.FULLY_CONNECTED:
        return x.reshape(-1, weight.values.shape[-1])
    options, (_, high, wide, _) = use.operator.builtinOptions, weight.values.shape
    strides, dilations, padding = _strides(use.operator), (1, 1), "SAME"
    if use.builtin == BUILTIN.TRANSPOSE_CONV:
        high, wide, strides = high // strides[0], wide // strides[1], (1, 1)
    else:
        dilations = (options.dilationHFactor, options.dilationWFactor)
        padding = "SAME" if options.padding == schema.Padding.SAME else "VALID"
    found = tf.image.extract_patches(x, [1, high, wide, 1], [1, *strides, 1], [1, *dilations, 1], padding).numpy()
    return found.reshape(-1, found.shape[-1])


def described(content):
    """How a TFLite file, as bytes, stores its weights of any room.

    Returns:
        {"of_float32": its size, as a part of what it would be in float32, and for each type, such as "int8", the names
        and shapes of the weights in it, "encoder/conv_1 [32,4,4,1]"}.
    """
    model, kinds, seen, more = flatbuffer.unpacked(content), {}, set(), 0
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        data, kind = model.buffers[tensor.buffer].data, TYPES.get(tensor.type)
        count = 1 if tensor.shape is None else int(np.prod(tensor.shape))
        if data is not None and kind and tensor.buffer not in seen and not tensor.isVariable and count >= SMALL:
            seen.add(tensor.buffer)
            more += 4 * count - len(data)
            kinds.setdefault(kind, []).append(f"{_layer(tensor)} [{','.join(map(str, tensor.shape))}]")
    return {"of_float32": round(len(content) / (len(content) + more), 3), **dict(sorted(kinds.items()))}


def _layer(tensor):
    """The path of a layer, as in Keras, from the name of its weight; the name itself where it has none."""
    name = tensor.name.decode().removesuffix(flatbuffer.CONSTANT.decode()).split(";")[-1]
    return "/".join(LAYER.findall(name)) or name


def products(content, model, weights, probes):
    """{buffer: sum of x x^T over inputs x of its sums, [K, K]}, of those weights whose sums are known.

    Args:
        content: the file, as bytes; model: the same as a `ModelT`.
        weights: some of it.
        probes: (signature, {input: [N, ...]}, ...) to run.
    """
    known = [weight for weight in weights if by_sum(weight, weight.values) is not None]
    graphs = {s.signatureKey.decode(): s.subgraphIndex for s in model.signatureDefs}
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # which keep their tensors inside
    interpreter = litert.opened(content, experimental_preserve_all_tensors=True, experimental_op_resolver_type=plain)
    found, chosen = {}, np.random.default_rng(0)
    for verb, inputs, *_ in probes:
        uses = [(w, use) for w in known for use in w.uses if use.graph == graphs[verb]]
        tensors = [int(use.operator.inputs[MET[use.builtin]]) for _, use in uses]
        for (weight, use), x in zip(uses, _values(interpreter, verb, inputs, graphs[verb], tensors), strict=True):
            met = _met(weight, use, x)
            if met.shape[1] == by_sum(weight, weight.values).shape[1]:  # of a grouped convolution, it is not
                met = met[chosen.permutation(len(met))[:ROWS]]
                found[weight.buffer] = found.get(weight.buffer, 0) + met.T @ met
    return found


def _values(interpreter, verb, inputs, graph, tensors):
    """What tensors of a graph hold, example after example: a list of arrays."""
    runner, seen = interpreter.get_signature_runner(verb), []
    for piece in litert.pieces(inputs, litert.batch_of(runner)):
        runner(**piece)
        seen.append([interpreter.get_tensor(tensor, graph) for tensor in tensors])
    return [np.concatenate(each) for each in zip(*seen, strict=True)]
