"""How near reconstructions are to data."""

import numpy as np

from .summary import mean

SMALLEST = 1e-12  # mean squared error that a PSNR sees: 120 dB is called perfect


def mse(x, x_hat):
    """Mean squared error per value, in squared units of the data.

    Args:
        x, x_hat: data and reconstructions, [N, ...].
    """
    return mean(squared_errors(x, x_hat))


def psnr(x, x_hat):
    """Peak signal-to-noise ratio in dB, the mean over examples; values lie in [0, 1].

    Args:
        x, x_hat: data and reconstructions, [N, ...].
    """
    return mean(-10.0 * np.log10(np.maximum(squared_errors(x, x_hat), SMALLEST)))


def squared_errors(x, x_hat):
    """Mean squared error of every example over the values that it has (the others are NaN in x), [N]."""
    x, x_hat = (np.asarray(a, np.float64).reshape(len(a), -1) for a in (x, x_hat))
    there = ~np.isnan(x)
    return np.where(there, (x - x_hat) ** 2, 0.0).sum(1) / np.maximum(1, there.sum(1))
