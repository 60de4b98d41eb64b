import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from zoo.terms.transport import sliced_wasserstein

RANDOM = np.random.default_rng(0)
A, B = RANDOM.normal(size=(30, 4)), 0.5 * RANDOM.normal(size=(30, 4)) + 1.0


@pytest.mark.parametrize("length", [0.2, 1.0, 7.0])
def test_on_one_line_it_is_the_cost_of_the_best_assignment(length):
    unit = np.array([1.0, 2.0, -2.0, 0.0]) / 3.0
    cost = ((A @ unit)[:, None] - (B @ unit)[None]) ** 2
    best = cost[linear_sum_assignment(cost)].mean()
    assert np.isclose(sliced_wasserstein(A, B, length * unit[None]), best, rtol=1e-9)


def test_many_lines_give_the_mean_of_each():
    directions = RANDOM.normal(size=(6, 4))
    each = [float(sliced_wasserstein(A, B, line[None])) for line in directions]
    assert np.isclose(sliced_wasserstein(A, B, directions), np.mean(each), rtol=1e-9)


def test_of_a_shifted_copy_it_is_the_squared_shift_over_d():
    """E[(v's)^2] = |s|^2 / D for v uniform on the sphere."""
    shift, directions = np.array([1.0, -2.0, 0.5, 0.0]), RANDOM.normal(size=(40_000, 4))
    units = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    error = ((units @ shift) ** 2).std() / np.sqrt(len(units))
    found = sliced_wasserstein(A, A[::-1] + shift, directions)
    assert abs(float(found) - (shift**2).sum() / 4) < 4 * error


def test_it_is_zero_between_equal_samples_in_any_order():
    assert np.isclose(sliced_wasserstein(A, A[RANDOM.permutation(30)], RANDOM.normal(size=(5, 4))), 0.0)
