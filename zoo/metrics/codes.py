"""What codes hold."""

import math

import numpy as np

from ..errors import InputError

ACTIVE = 0.01  # variance of posterior means above which a unit is active (Burda et al. 2015, Sec. 5.2)


def active_units(codes, threshold=ACTIVE):
    """The number of code dimensions whose posterior mean varies over the data (Burda et al. 2015).

    Args:
        codes: posterior means, [N, ...].
        threshold: variance above which a dimension counts.
    """
    return {"value": int((variances(codes) > threshold).sum()), "standard_error": None}


def variances(codes):
    """Variance over the data of every code dimension, [D]."""
    return np.asarray(codes, np.float64).reshape(len(codes), -1).var(0)


def rate_per_dimension(means, stddevs):
    """Mean KL(N(m, s^2) || N(0, 1)) of every code dimension in nats, [D]: the rate of a standard normal prior, split.

    Args:
        means, stddevs: of the posteriors, [N, ...].
    """
    m, s = (np.asarray(a, np.float64).reshape(len(a), -1) for a in (means, stddevs))
    return (0.5 * (m**2 + s**2 - 1.0) - np.log(s)).mean(0)


def linear_probe(train_codes, train_labels, test_codes, test_labels):
    """Accuracy on test codes of a logistic regression fitted to standardised train codes, with its standard error.

    Args:
        train_codes, test_codes: [N, ...].
        train_labels, test_labels: integers, [N].

    Raises:
        InputError: the training labels are all the same.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(train_labels)) < 2:
        raise InputError("a linear probe needs labels of two classes or more")
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    probe.fit(_flat(train_codes), train_labels)
    accuracy = float(probe.score(_flat(test_codes), test_labels))
    return {"value": accuracy, "standard_error": math.sqrt(accuracy * (1.0 - accuracy) / len(test_labels))}


def _flat(codes):
    return np.asarray(codes, np.float64).reshape(len(codes), -1)
