"""A learning rate by a range test: it grows from step to step, and the loss of some examples says what is too much.

After Smith 2017, "Cyclical Learning Rates for Training Neural Networks", Sec. 3.3.
"""

import math

import numpy as np

from ..errors import InputError

RATES = np.geomspace(1e-5, 1.0, 100)  # that are tried, a step each
SMOOTHING = 2  # neighbours on each side that a loss is averaged with
MARGIN = 10.0  # between the rate of the lowest loss, beyond which training breaks, and the one that is used


def range_test(advance, judge, rates=RATES):
    """The tenth part of the learning rate at which the loss was lowest, with two digits.

    Args:
        advance: trains for one step with the learning rate that it is called with.
        judge: gives the loss after it, of the same examples each time.

    Raises:
        InputError: no rate makes the loss smaller.
    """
    first, losses = judge(), []
    for rate in rates:
        advance(float(rate))
        losses.append(judge())
        if not math.isfinite(losses[-1]) or _diverged(first, losses):
            break
    finite = [loss for loss in losses if math.isfinite(loss)]
    smooth = [float(np.mean(finite[max(0, i - SMOOTHING) : i + SMOOTHING + 1])) for i in range(len(finite) - SMOOTHING)]
    if not smooth or min(smooth) >= first:
        raise InputError(
            "training.learning_rate: auto finds none, as no step made the loss smaller; give a number",
            key="training.learning_rate",
        )
    return float(f"{rates[int(np.argmin(smooth))] / MARGIN:.2g}")


def _diverged(first, losses):
    """Whether the loss has risen above the first by more than it had fallen, and by a tenth."""
    return losses[-1] - first > max(first - min(losses), 0.1 * abs(first))
