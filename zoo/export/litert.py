"""TFLite files in the interpreter that phones have."""

import struct
from collections import Counter
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from ..errors import GateError, InputError
from . import parity, quantization, signatures
from .silence import quiet

BUILTINS = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}


def open_tflite(path, threads=1):
    """An interpreter of a file. Raises InputError where it is not a TFLite file."""
    try:
        return opened(Path(path).read_bytes(), threads)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: not a readable TFLite file ({str(error).splitlines()[0]})") from None


def opened(content, threads=1, **settings):
    """An interpreter of the bytes of a file, with settings of its own; raises what it raises."""
    with quiet():
        interpreter = Interpreter(model_content=content, num_threads=threads, **settings)
        interpreter.allocate_tensors()
        return interpreter


def operations(path):
    """{name of a builtin: how often all signatures of a file use it}, read without an interpreter.

    Raises:
        InputError: the file is not TFLite.
        GateError: an operation is not a builtin, so that a plain interpreter cannot run the file.
    """
    try:
        return _operations(path)
    except (IndexError, KeyError, TypeError, UnicodeDecodeError, struct.error) as error:  # of the reader
        raise InputError(f"{path}: not a readable TFLite file ({type(error).__name__})") from None


def _operations(path):
    model = schema.Model.GetRootAs(Path(path).read_bytes(), 0)
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    for code in codes:
        if code.CustomCode():
            raise GateError(f"{path}: {code.CustomCode().decode()} is not a builtin operation")
    names = [BUILTINS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())] for code in codes]  # old codes end at 127
    graphs = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    used = Counter(names[g.Operators(i).OpcodeIndex()] for g in graphs for i in range(g.OperatorsLength()))
    return dict(sorted(used.items()))


def batch_of(runner):
    """How many examples a signature takes at once."""
    return int(next(iter(runner.get_input_details().values()))["shape"][0])


def run(interpreter, verb, inputs):
    """Runs a signature on arrays [N, ...] of any N: {output: array [N, ...]}, empty where it cannot."""
    if verb not in interpreter.get_signature_list():
        return {}
    runner = interpreter.get_signature_runner(verb)
    taken = {name: tuple(details["shape"][1:]) for name, details in runner.get_input_details().items()}
    if taken != {name: array.shape[1:] for name, array in inputs.items()}:
        return {}
    count, batch = len(next(iter(inputs.values()))), batch_of(runner)
    try:
        found = [runner(**piece) for piece in pieces(inputs, batch)]
    except RuntimeError:  # an operation that has no kernel for the types of this file
        return {}
    return {name: np.concatenate([piece[name] for piece in found])[:count] for name in found[0]}


def pieces(inputs, batch):
    """Examples of every input, some at a time; the last batch is filled up by its first example."""
    count = len(next(iter(inputs.values())))
    for start in range(0, count, batch):
        chosen = [i if i < count else start for i in range(start, start + batch)]
        yield {name: array[chosen] for name, array in inputs.items()}


def verify_tflite(path, model, examples=None, tolerance=None, batch=None, quantize="none", interpreter=None, **_):
    """Every signature of a TFLite file beside the Keras model.

    Args:
        path: the file.
        model: what it was made from.
        examples: data [N, *input_shape]; the preset's, or random ones, when None.
        tolerance: of the error, see `quantization.PRECISIONS`; that of the precision when None.
        batch: what the signatures take at once; the file's when None.
        quantize: the precision of the file.
        interpreter: of the file: a `sandbox.Guarded` where nobody vouches for it; one in this process when None.

    Returns:
        A list of parity.Row.

    Raises:
        InputError: the file is not TFLite, or the examples do not fit the model.
        GateError: the file needs more than builtin operations.
    """
    model, interpreter = signatures.in_float32(model), interpreter or open_tflite(path)
    operations(path)
    x, precision = parity.examples_for(model, examples).x, quantization.PRECISIONS[quantize]
    if batch is None:
        there = [verb for verb in model.signatures() if verb in interpreter.get_signature_list()]
        batch = batch_of(interpreter.get_signature_runner(there[0])) if there else None

    def call(verb, inputs):
        return run(interpreter, verb, inputs)

    return quantization.compare(call, model, x, batch, precision, tolerance)
