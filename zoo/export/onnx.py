"""ONNX: a file for each signature, at any batch, for runtimes that know neither TensorFlow nor TFLite."""

import contextlib
import importlib.util
import logging
from types import SimpleNamespace

import numpy as np

from .. import weights
from ..errors import GateError, InputError
from . import parity, signatures
from .silence import quiet

MODULES = ("tf2onnx", "onnxruntime")  # of the extra
OPSET = 17  # what runtimes of 2022 and later have, in browsers too
TOLERANCE = 1e-5


def missing():
    """Those of its modules that are not installed."""
    return [name for name in MODULES if importlib.util.find_spec(name) is None]


def write_onnx(model, path):
    """Writes each signature of a float32 model to a folder: encode.onnx, decode.onnx, ...

    Raises:
        GateError: an operation has no translation.
    """
    path.mkdir()
    for verb, function in signatures.functions(model).items():
        weights.write_bytes(path / f"{verb}.onnx", converted(verb, function).SerializeToString())


def converted(verb, function):
    """A concrete function of named tensors as an onnx.ModelProto."""
    import tf2onnx

    traced = SimpleNamespace(get_concrete_function=lambda: function)  # what is traced already is not traced again
    try:
        with _silent():
            proto, _ = tf2onnx.convert.from_function(
                traced, input_signature=(), opset=OPSET, custom_op_handlers=HANDLERS
            )
    except ValueError as error:  # of an output that is called as an input, say
        raise GateError(f"tf2onnx cannot translate the signature {verb}: {str(error).splitlines()[0]}") from None
    _require_translated(verb, proto)
    for tensor in (*proto.graph.input, *proto.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
    return proto


def _expm1(context, node, name, args):
    """exp(x) - 1."""
    from tf2onnx import utils

    node.type = "Exp"
    one = context.make_const(utils.make_name("one"), np.float32(1)).output[0]
    power = node.output[0]
    context.insert_new_node_on_output("Sub", power, inputs=[power, one], name=utils.make_name(name))


def _broadcast_shapes(context, node, name, args):
    """The shape that two shapes are broadcast to: the larger of each size, after ones that make them equally long."""
    from tf2onnx import utils

    lengths, kind = [context.get_shape(shape)[0] for shape in node.input], context.get_dtype(node.input[0])
    shapes = []
    for shape, length in zip(node.input, lengths, strict=True):
        if missing := max(lengths) - length:
            ones = context.make_const(utils.make_name("ones"), np.ones(missing, utils.map_onnx_to_numpy_type(kind)))
            shape = context.make_node("Concat", [ones.output[0], shape], attr={"axis": 0}).output[0]
        shapes.append(shape)
    outputs = node.output
    context.remove_node(node.name)
    context.make_node("Max", shapes, name=name, outputs=outputs, shapes=[[max(lengths)]], dtypes=[kind])


HANDLERS = {"Expm1": (_expm1, []), "BroadcastArgs": (_broadcast_shapes, [])}  # what the converter does not know


def _require_translated(verb, proto):
    """Raises GateError that names the operations which were left as they are in TensorFlow."""
    import onnx

    left = {node.op_type for node in proto.graph.node if not node.domain and not onnx.defs.has(node.op_type)}
    if left:
        raise GateError(f"no ONNX operation for {', '.join(sorted(left))} (signature {verb})")


@contextlib.contextmanager
def _silent():
    """The converter reports on the root's logger; what it could not translate is seen in its result."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with quiet():
            yield
    finally:
        logger.setLevel(level)


def open_onnx(path, threads=1):
    """A session of one ONNX file, by its path or as bytes. Raises InputError where it is not one."""
    import onnxruntime

    model, options = path if isinstance(path, bytes) else str(path), onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime has a dozen exceptions without a common ancestor of their own
        raise InputError(f"{path}: not a readable ONNX file ({str(error).splitlines()[0]})") from None


def verify_onnx(path, model, examples=None, tolerance=TOLERANCE):
    """Every signature of a folder of ONNX files in onnxruntime beside the Keras model: a list of parity.Row."""
    model = signatures.in_float32(model)

    def run(verb, inputs):
        file = path / f"{verb}.onnx"
        if not file.is_file():
            return {}
        session = open_onnx(file)
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs), strict=True))

    return parity.compare(run, model, parity.examples_for(model, examples).x, None, tolerance)
