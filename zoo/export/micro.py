"""Microcontrollers: an int8 file and a C header for each signature, run in tflite-micro before they are kept.

The score is taken in float32, of what int8 layers give: in the 256 steps of an int8 number scores lose their order.

TensorFlow Lite Micro knows one subgraph a file and fewer operations than phones. What a signature gives beside its main
result (the deviations of a code, the verdict on a score) is left out: compare the score with `threshold` of micro.json
on the device.
"""

import json
import re
from functools import partial

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from .. import weights
from ..base import Signature
from ..errors import GateError, InputError
from . import decisions, flatbuffer, litert, parity, quantization, signatures, tflite
from .silence import recorded

DESCRIBED = "micro.json"
BESIDE = {"stddev", decisions.VERDICT}  # outputs that need float arithmetic
ARENA = 1 << 24  # bytes at most, beyond ten times the model: no microcontroller has them
USED = re.compile(r"Arena allocation total (\d+) bytes")
FAILED = re.compile(r"Node (\w+) \(|builtin opcode '(\w+)'")  # how tflite-micro names an operation
COLUMNS = 16  # bytes a line of a header


class Main:
    """A model seen through the main results of some of its signatures.

    Args:
        model: a model in float32.
        verbs: names of signatures; all when None.
    """

    def __init__(self, model, verbs=None):
        self._model, self._verbs = model, verbs

    def __getattr__(self, name):
        return getattr(self._model, name)

    def signatures(self):
        return {
            verb: Signature(partial(self._main, signature.function), signature.inputs)
            for verb, signature in self._model.signatures().items()
            if self._verbs is None or verb in self._verbs
        }

    def run(self, verb, **inputs):
        return self._main(self._model.run, verb, **inputs)

    @staticmethod
    def _main(function, *arguments, **inputs):
        return {name: value for name, value in function(*arguments, **inputs).items() if name not in BESIDE}


def write_micro(model, path, calibration, verbs=None, **_):
    """Writes VERB.tflite and VERB.h for each signature that fits, and micro.json, to a folder.

    Args:
        model: a model in float32.
        path: the folder to make.
        calibration: examples [N, *shape] that the ranges of activations are learned from.
        verbs: names of signatures, separated by commas, all of which must fit; those that fit when None.

    Raises:
        InputError: the model has no such signature.
        GateError: an operation of a signature that was asked for, or of each, is not in tflite-micro.
    """
    asked = _asked(model, verbs)
    path.mkdir()
    fit, left_out = {}, {}
    for verb in asked or model.signatures():
        try:
            fit[verb] = _written(Main(model, [verb]), verb, path, calibration)
        except GateError as error:
            if asked:
                raise GateError(
                    f"{error}; --verbs asks for it, and without --verbs what does not fit is left out"
                ) from None
            left_out[verb] = str(error)
    if not fit:
        raise GateError(f"no signature fits tflite-micro: {next(iter(left_out.values()))}")
    said = {"signatures": fit, "left_out": left_out, "threshold": model.threshold}
    weights.write_bytes(path / DESCRIBED, f"{json.dumps(said, indent=2)}\n".encode())


def _asked(model, verbs):
    """The names in "encode,score", or None. Raises InputError where the model has no such signature."""
    if verbs is None:
        return None
    names, known = [name.strip() for name in verbs.split(",")], model.signatures()
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"verbs: no signature {unknown[0]!r}; the model has {', '.join(known)}", "verbs")
    return names


def _written(main, verb, path, calibration):
    """Writes one signature; what micro.json says of it."""
    file = path / f"{verb}.tflite"
    examples = partial(quantization.calibration, main, calibration)
    try:
        integers = verb != decisions.SCORE
        tflite.write_functions(signatures.functions(main, 1), file, "int8", examples, integers=integers)
        content = file.read_bytes()
        arena = arena_of(content, verb)
    except GateError:
        file.unlink(missing_ok=True)
        raise
    described = {
        "flash": len(content),
        "arena": arena,
        "operations": litert.operations(file),
        "inputs": _tensors(content, "inputs"),
        "outputs": _tensors(content, "outputs"),
    }
    weights.write_bytes(path / f"{verb}.h", header(verb, content, described).encode())
    return described


def arena_of(content, verb):
    """Bytes of working memory of one run in tflite-micro. Raises GateError where it cannot run the file."""
    try:
        with recorded() as said:
            interpreter = _interpreter(content)
            for i, tensor in enumerate(_tensors(content, "inputs").values()):
                interpreter.set_input(np.zeros(tensor["shape"], tensor["dtype"]), i)
            interpreter.invoke()
            interpreter.print_allocations()
    except RuntimeError:
        names = [name for found in FAILED.findall(said()) for name in found if name]
        raise GateError(f"tflite-micro has no {names[0] if names else 'room'} in int8 (signature {verb})") from None
    return int(USED.search(said())[1])


def _interpreter(content):
    from tflite_micro.python.tflite_micro import runtime

    return runtime.Interpreter.from_bytes(content, arena_size=10 * len(content) + ARENA)


def _tensors(content, side):
    """{name: {"dtype", "shape", "scale", "zero_point"}} of the "inputs" or "outputs" of a file, in its order.

    A real value is scale (q - zero_point); real numbers, and integers of their own such as indices, have a scale of 0.
    """
    model = flatbuffer.unpacked(content)
    (signature,), graph = model.signatureDefs, model.subgraphs[0]
    names = {tensor.tensorIndex: tensor.name.decode() for tensor in getattr(signature, side)}
    return {names[i]: _tensor(graph.tensors[i]) for i in getattr(graph, side)}


def _tensor(tensor):
    known = tensor.quantization
    scaled = known is not None and known.scale is not None
    types = {schema.TensorType.INT8: "int8", schema.TensorType.INT32: "int32", schema.TensorType.FLOAT32: "float32"}
    return {
        "dtype": types[tensor.type],
        "shape": [int(size) for size in tensor.shape],
        "scale": float(known.scale[0]) if scaled else 0.0,
        "zero_point": int(known.zeroPoint[0]) if scaled else 0,
    }


def header(verb, content, described):
    """A C header that holds a file, the memory it takes, and what its numbers stand for."""
    name = f"zoo_{verb}"
    lines = [
        f"// {verb}: TensorFlow Lite Micro model. The real value of an int8 number q is scale * (q - zero_point).",
        "#pragma once",
        "#include <stdalign.h>",
        f"#define {name.upper()}_ARENA {described['arena']}  // bytes, as measured where pointers have 8 bytes",
    ]
    for side in ("inputs", "outputs"):
        for tensor, known in described[side].items():
            prefix, shape = f"{name}_{tensor}".upper(), ", ".join(map(str, known["shape"]))
            lines.append(f"// {side[:-1]} {tensor}: {known['dtype']} [{shape}]")
            if known["scale"]:
                lines.append(f"#define {prefix}_SCALE {known['scale']:.9g}")
                lines.append(f"#define {prefix}_ZERO_POINT ({known['zero_point']})")
    lines.append(f"alignas(16) static const unsigned char {name}[{len(content)}] = {{")
    rows = (content[start : start + COLUMNS] for start in range(0, len(content), COLUMNS))
    lines += [f"{','.join(f'0x{byte:02x}' for byte in row)}," for row in rows]
    return "\n".join([*lines, "};", ""])


def verify_micro(path, model, examples=None, tolerance=None, **_):
    """Every signature of a folder in tflite-micro beside the Keras model, by int8's limits: a list of parity.Row."""
    described = json.loads((path / DESCRIBED).read_text())["signatures"]
    main = Main(signatures.in_float32(model), described)
    interpreters = {verb: _interpreter((path / f"{verb}.tflite").read_bytes()) for verb in described}

    def call(verb, inputs):
        return run(interpreters[verb], described[verb], inputs)

    x, precision = parity.examples_for(model, examples).x, quantization.PRECISIONS["int8"]
    rows = quantization.compare(call, main, x, 1, precision, tolerance)
    sides = ("inputs", "outputs")  # as the file has them: integers with a scale
    return [row._replace(**{side: described[row.signature][side] for side in sides}) for row in rows]


def run(interpreter, described, inputs):
    """Runs a file on real arrays [N, ...]: {output: array [N, ...]}, one example at a time."""
    found = {name: [] for name in described["outputs"]}
    for i in range(len(next(iter(inputs.values())))):
        for index, (name, known) in enumerate(described["inputs"].items()):
            interpreter.set_input(_quantized(inputs[name][i : i + 1], known), index)
        interpreter.invoke()
        for index, (name, known) in enumerate(described["outputs"].items()):
            found[name].append(_real(interpreter.get_output(index), known))
    return {name: np.concatenate(pieces) for name, pieces in found.items()}


def _quantized(values, known):
    if not known["scale"]:
        return np.array(values, known["dtype"])
    return np.clip(np.round(values / known["scale"]) + known["zero_point"], -128, 127).astype("int8")


def _real(values, known):
    if not known["scale"]:
        return np.array(values)
    return np.float32(known["scale"]) * (values.astype("float32") - known["zero_point"])
