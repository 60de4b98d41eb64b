"""Whether an exported function gives what the Keras model gives."""

from typing import NamedTuple

import numpy as np

from .. import numerics, presets
from ..errors import GateError
from . import decisions

RANDOM, MOST = 8, 64  # examples drawn where none are given; examples used at most
NUDGE = 1e-5  # relative change of the data that must not change an index


class Row(NamedTuple):
    """One signature beside the Keras model.

    Attributes:
        signature: its name.
        inputs, outputs: {name: {"dtype", "shape"}}; a dimension of None is dynamic.
        examples: how many were compared.
        max_abs_error: largest difference of an output.
        error: the same, relative where the expected value is beyond 1; infinite where outputs are missing, have another
            shape, or are integers that differ.
        tolerance: of the error.
        decisions: of a score with a threshold: see `decisions.compared`.
    """

    signature: str
    inputs: dict
    outputs: dict
    examples: int
    max_abs_error: float
    error: float
    tolerance: float
    decisions: dict | None = None

    @property
    def passed(self):
        """Whether the error is within the tolerance, and no decision differs."""
        return bool(self.error <= self.tolerance) and not (self.decisions and self.decisions["different"])

    def to_dict(self):
        """Ready for JSON: a number that is not finite becomes None."""
        numbers = {name: _finite(getattr(self, name)) for name in ("max_abs_error", "error")}
        said = {**self._asdict(), **numbers, "passed": self.passed}
        return {name: value for name, value in said.items() if name != "decisions" or value}


class ParityError(GateError):
    """An exported model is not equal to the Keras model; `rows` holds what was measured."""

    def __init__(self, message, rows):
        super().__init__(message)
        self.rows = rows


class Examples(NamedTuple):
    """Data [N, *shape] to compare on, where they are from, and how many were left out because their index is a tie."""

    x: np.ndarray
    origin: str
    ties: int


def examples_for(model, given=None):
    """The examples given, else those of the model's preset, else random numbers in (0, 1].

    An example whose integer outputs (the index of the nearest code) change when the data change by a hundred-thousandth
    has no one right answer: it is left out, and counted.

    Raises:
        GateError: no example is left.
    """
    origin, x = "given", given
    if x is None and getattr(model, "preset", None):
        origin, x = "preset", model.preset.examples()
    if x is None:
        origin, x = "random", numerics.uniform((RANDOM, *model.example_shape), numerics.key("examples")).numpy()
    x = np.asarray(x, "float32")[:MOST]
    kept = x[_settled(model, x)]
    if not len(kept):
        raise GateError(f"none of {len(x)} examples can be compared: each lies between two codes")
    return Examples(kept, origin, len(x) - len(kept))


def _settled(model, x):
    """Which examples keep their integer outputs when the data change a little, bool [N]."""
    settled = np.ones(len(x), bool)
    for verb, signature in model.signatures().items():
        if set(signature.inputs) != {"x"}:
            continue
        for name, expected in model.run(verb, x=x).items():
            if expected.dtype.kind == "i" and name != decisions.VERDICT:
                for factor in (1 - NUDGE, 1 + NUDGE):
                    same = model.run(verb, x=x * np.float32(factor))[name] == expected
                    settled &= same.reshape(len(x), -1).all(1)
    return settled


def compare(run, model, x, batch, tolerance, measure=None):
    """Every signature of a model beside an exported one.

    Args:
        run: (verb, {input: array [N, ...]}) -> {output: array [N, ...]}; without outputs where it has no such verb.
        model: the Keras model, in float32.
        x: examples [N, *shape].
        batch: what the exported signatures take, None where any.
        tolerance: of the error, see `Row`.
        measure: (found, expected) -> (largest difference, error) of an output; `difference` if None.

    Returns:
        A list of Row.
    """
    return [_row(run, model, verb, x, batch, tolerance, measure or difference) for verb in model.signatures()]


def _row(run, model, verb, x, batch, tolerance, measure):
    inputs = presets.inputs_for(model, verb, model.signatures()[verb], x)
    expected, found = model.run(verb, **inputs), run(verb, inputs)
    errors, same = [(np.inf, np.inf)], found.keys() == expected.keys()
    if same:
        errors = [measure(found[name], expected[name]) for name in expected if name != decisions.VERDICT]
    absolute, error = (float(value) for value in np.max(errors, axis=0))
    sides = (described(arrays, batch) for arrays in (inputs, found or expected))
    decided = None
    if same and decisions.VERDICT in expected:
        decided = decisions.compared(found, expected, model.threshold, absolute)
    return Row(verb, *sides, len(x), absolute, error, tolerance, decided)


def difference(found, expected):
    """(largest absolute difference, the same relative where the expected value is beyond 1) of two arrays."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return np.inf, np.inf
    if expected.dtype.kind == "i":
        return (0.0, 0.0) if np.array_equal(found, expected) else (np.inf, np.inf)
    absolute = np.abs(found.astype("float64") - expected)
    return np.max(absolute), np.max(absolute / np.maximum(1.0, np.abs(expected)))


def described(arrays, batch):
    """{name: {"dtype", "shape"}} of arrays [N, ...], for another N."""
    return {name: {"dtype": str(a.dtype), "shape": [batch, *a.shape[1:]]} for name, a in arrays.items()}


def exactly(arrays):
    """{name: {"dtype", "shape"}} of arrays without a batch axis."""
    return {name: {"dtype": str(a.dtype), "shape": list(a.shape)} for name, a in arrays.items()}


def require(rows):
    """Raises ParityError, naming the worst signature, unless all rows have passed."""
    failed = [row for row in rows if not row.passed]
    if failed:
        worst = max(failed, key=lambda row: np.nan_to_num(row.error, nan=np.inf))
        if worst.error <= worst.tolerance:
            count, threshold = worst.decisions["different"], worst.decisions["threshold"]
            where = f"{count} of {worst.examples} examples are on the other side of the threshold {threshold:g}"
            raise ParityError(f"signature {worst.signature}: {where}; nothing was kept", rows)
        raise ParityError(
            f"signature {worst.signature}: differs from the Keras model by {worst.error:.1e}, more than "
            f"{worst.tolerance:g}; nothing was kept",
            rows,
        )


def _finite(number):
    return number if np.isfinite(number) else None
