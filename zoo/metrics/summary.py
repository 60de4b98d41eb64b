"""From one number an example to one number a data set."""

import math

import numpy as np


def mean(values):
    """Mean of values [N], with its standard error: sd / sqrt(N), or None for a single value."""
    values = np.asarray(values, np.float64)
    error = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None
    return {"value": float(values.mean()), "standard_error": error}
