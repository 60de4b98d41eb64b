"""Arrays of weights in fewer bits."""

from typing import NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema

STEPS = 127  # of int8, to each side of zero
DAMPING = 0.1  # of the mean square of the inputs, which is added to that of each


class Rounded(NamedTuple):
    """Weights as a file stores them.

    Attributes:
        stored: float16 or int8, of the shape of the weights.
        scales: the size of a step of integers at each place along an axis; None for float16.
        axis: that of the scales.
    """

    stored: np.ndarray
    scales: np.ndarray | None = None
    axis: int = 0

    @property
    def type(self):
        """The `TensorType` of what is stored."""
        return schema.TensorType.FLOAT16 if self.scales is None else schema.TensorType.INT8

    @property
    def values(self):
        """What an interpreter makes of it, float32."""
        return self.stored.astype("float32") * self.steps

    @property
    def steps(self):
        """What each of the stored numbers stands for a multiple of; 1 for float16."""
        if self.scales is None:
            return np.ones_like(self.stored, "float32")
        return np.broadcast_to(_along(self.scales, self.stored.ndim, self.axis), self.stored.shape)

    @property
    def room(self):
        """Bytes of the numbers, of the scales and of the zero that a file has for each scale."""
        return self.stored.nbytes + (0 if self.scales is None else 12 * len(self.scales))


def to_float16(weights):
    """Each number to the nearest."""
    return Rounded(weights.astype("float16"))


def to_int8(weights, axis):
    """Each number to the nearest of 255 steps, by a scale for each place along an axis."""
    highest = np.max(np.abs(weights), tuple(i for i in range(weights.ndim) if i != axis))
    scales = np.maximum(highest / STEPS, np.finfo("float32").tiny).astype("float32")
    return Rounded(_steps(weights, _along(scales, weights.ndim, axis)).astype("int8"), scales, axis)


def again(rounded, rows, steps, products):
    """Weights [N, K] on the same grid, so that sums over real inputs change less than by the nearest of each number.

    Column after column is rounded, and what was lost so far is made up for by the next, as far as inputs go together:
    GPTQ (Frantar et al. 2023, Algorithm 1) in the form of LDLQ (Chee et al. 2023, Eq. 2).

    Args:
        rounded: the nearest.
        rows: the weights of each sum, [N, K].
        steps: of the grid, for integers, [N, K].
        products: sum of x x^T over inputs x, [K, K].

    Returns:
        What is stored of the rows, [N, K].
    """
    order = np.argsort(-np.diag(products))
    damping = np.full(len(order), DAMPING * np.mean(np.diag(products)) + 1e-12, "float32")
    damped = products[np.ix_(order, order)] + np.diag(damping)
    upper = np.linalg.cholesky(damped[::-1, ::-1])[::-1, ::-1]  # damped = upper upper^T
    feedback, rows, steps = upper / np.diag(upper), rows[:, order], steps[:, order]
    stored, lost = np.zeros(rows.shape, rounded.stored.dtype), np.zeros_like(rows, order="F")
    for k in range(len(order)):
        wanted = rows[:, k] + lost[:, :k] @ feedback[:k, k]
        stored[:, k] = wanted if rounded.scales is None else _steps(wanted, steps[:, k])
        lost[:, k] = rows[:, k] - stored[:, k] * steps[:, k]
    return stored[:, np.argsort(order)]


def _steps(weights, scales):
    return np.clip(np.round(weights / scales), -STEPS, STEPS)


def _along(scales, axes, axis):
    return scales.reshape([-1 if i == axis else 1 for i in range(axes)])
