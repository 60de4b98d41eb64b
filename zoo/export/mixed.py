"""Mixed precision: which weights of a file take fewer bits, chosen by what each of them costs.

A weight in fewer bits is made float32 once, when the file is loaded: every sum stays in float32.
"""

from typing import NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from .. import presets
from . import constants, decisions, flatbuffer, litert, parity, quantization, rounding

MARGIN = 0.7  # of the tolerance that the search may use up: the gate looks at other examples
SEEDS = 1, 2  # of the random numbers of the search, and of those that weights are rounded by
SMALLEST = 1 / 16  # of the weights of a float16 file stay in float32 in any case
LARGEST = 0.55  # of float32 that a float16 file is worth
TRIED = 24  # weights that may be int8: the largest


class Probe(NamedTuple):
    """What the search gives to a signature, and what Keras makes of it."""

    verb: str
    inputs: dict
    expected: dict


def in_float16(content, model, examples=None, tolerance=None):
    """A float32 TFLite file, as bytes, with the weights in float16 that its tolerance permits.

    Those that cost the most for the room that they take stay in float32, and the smallest, which take none: they are
    what an example passes first and last and what makes the code, and make half of the error of a dense network. Where
    too much would stay, no more than those do, for the gate to show what that costs.

    Args:
        content: the file.
        model: the float32 Keras model that it was made from.
        examples: see `probes`.
        tolerance: in place of that of the precision.
    """
    trial = Trial(content, model, examples, "float16", tolerance)
    taken = np.cumsum([weight.values.size for weight in trial.weights])
    large = {w.buffer for w, sum in zip(trial.weights, taken, strict=True) if sum > SMALLEST * taken[-1]}
    halves = {w.buffer: rounding.to_float16(w.values) for w in trial.wide if w.buffer in large}
    forms = trial.lowered({}, {buffer: [half] for buffer, half in halves.items()})
    return written(content, forms if trial.room(forms) <= LARGEST * trial.room({}) else halves)


def in_int8(content, model, examples=None, tolerance=None):
    """A float32 TFLite file, as bytes, with the weights in int8 that its tolerance permits, the others in float16.

    Where it permits none, all are in int8, for the gate to show what that costs. Arguments as of `in_float16`.
    """
    trial = Trial(content, model, examples, "dynamic_int8", tolerance)
    halves = trial.lowered({}, {w.buffer: [rounding.to_float16(w.values)] for w in trial.wide})
    wide = trial.wide[-TRIED:]
    products = constants.products(content, trial.file, wide, probes(model, examples, SEEDS[1]))
    moves = {w.buffer: [_to_int8(w, axis, products.get(w.buffer)) for axis in (-1, 0)] for w in wide}
    forms = trial.lowered(halves, moves)
    if all(forms.get(buffer) is halves.get(buffer) for buffer in moves):
        forms = halves | {buffer: ways[-1] for buffer, ways in moves.items()}
    return written(content, forms)


def _to_int8(weight, axis, products):
    """A weight with its scales along an axis, rounded by what it meets where that is known."""
    nearest = rounding.to_int8(weight.values, axis % weight.values.ndim)
    if products is None:
        return nearest
    rows, steps = (constants.by_sum(weight, values) for values in (weight.values, nearest.steps))
    return nearest._replace(stored=constants.from_sums(weight, rounding.again(nearest, rows, steps, products)))


def written(content, forms):
    """A float32 TFLite file, as bytes, with weights rounded: {buffer: Rounded}."""
    model = flatbuffer.unpacked(content)
    for number, form in forms.items():
        model.buffers[number].data = np.ascontiguousarray(form.stored).reshape(-1).view("uint8")
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 5  # of scales along an axis
    model.operatorCodes.append(code)
    for graph in model.subgraphs:
        for index in [i for i, tensor in enumerate(graph.tensors) if tensor.buffer in forms]:
            form = forms[graph.tensors[index].buffer]
            flatbuffer.insert(graph, index, len(model.operatorCodes) - 1, form.type, form.scales, form.axis)
    return flatbuffer.packed(model)


def probes(model, examples=None, seed=SEEDS[0]):
    """What the search compares: examples and blends of two of them, which are stranger.

    Decoding and scoring are left to the gate: a reconstruction has what they have.

    Args:
        examples: data [N, *shape]; the model's own samples when None.
        seed: of random numbers, and which half of the examples is taken. The gate has others.
    """
    if examples is None:
        examples = model.run("sample", **model.random_inputs("sample", parity.MOST, seed))["x"]
    elif len(examples) > 1:
        examples = examples[seed % 2 :: 2]
    half = examples[: parity.MOST // 2]
    x, table, found = np.concatenate([half, quantization.blends(examples, len(half))]), model.signatures(), []
    x = parity.examples_for(model, x).x
    for verb, signature in table.items():
        if verb == decisions.SCORE or (verb == "decode" and "reconstruct" in table):
            continue
        inputs = presets.inputs_for(model, verb, signature, x) | model.random_inputs(verb, len(x), seed)
        found.append(Probe(verb, inputs, model.run(verb, **inputs)))
    return found


class Trial:
    """A float32 file whose weights can be rounded in place, and the error that this makes.

    Attributes:
        file: as a `ModelT`.
        weights: of the file, from small to large.
        wide: those of two axes and more. Biases stay as they are: an operation whose bias is made from float16 is slow,
            as XNNPACK leaves it out.
        probes: what is compared.
        limit: what the error may be.
    """

    def __init__(self, content, model, examples, precision, tolerance):
        known = quantization.PRECISIONS[precision]
        self.limit = MARGIN * (known.tolerance if tolerance is None else tolerance)
        self.probes, self.measure = probes(model, examples), known.measure
        self.file, self.content = flatbuffer.unpacked(content), bytearray(content)
        self.weights = constants.weights_of(self.file)
        self.wide = [weight for weight in self.weights if weight.values.ndim > 1]
        table = schema.Model.GetRootAs(self.content, 0)
        self.places = {weight.buffer: table.Buffers(weight.buffer).DataAsNumpy() for weight in self.weights}

    def error(self, forms):
        """The largest error of the file with weights rounded, {buffer: Rounded}; infinite where above the limit."""
        for weight in self.weights:
            values = forms[weight.buffer].values if weight.buffer in forms else weight.values
            self.places[weight.buffer][:] = np.ascontiguousarray(values).reshape(-1).view("uint8")
        interpreter, largest = litert.opened(bytes(self.content)), 0.0
        for probe in self.probes:
            found = litert.run(interpreter, probe.verb, probe.inputs)
            for name, expected in probe.expected.items():
                largest = max(largest, self.measure(found[name], expected)[1])
            if not largest <= self.limit:
                return np.inf
        return float(largest)

    def lowered(self, forms, moves):
        """Rounds weights so long as the error is within the limit: those first that cost least for what they save.

        Args:
            forms: {buffer: Rounded}, the weights that are rounded.
            moves: {buffer: [Rounded, ...]}, the ways to round one, or to round it further.

        Returns:
            {buffer: Rounded}.
        """
        together = forms | {buffer: ways[-1] for buffer, ways in moves.items()}
        if self.error(together) <= self.limit:
            return together
        cheapest = {}
        for buffer, way in ((buffer, way) for buffer, ways in moves.items() for way in ways):
            saved = self.room(forms) - self.room(forms | {buffer: way})
            cost = self.error(forms | {buffer: way}) ** 2 / saved if saved > 0 else np.inf
            if cost < cheapest.get(buffer, (np.inf, None))[0]:
                cheapest[buffer] = cost, way
        for buffer, (_, way) in sorted(cheapest.items(), key=lambda item: item[1][0]):
            if self.error(forms | {buffer: way}) <= self.limit:
                forms = forms | {buffer: way}
        return forms

    def room(self, forms):
        """Bytes of all weights."""
        return sum(forms[w.buffer].room if w.buffer in forms else w.values.nbytes for w in self.weights)
