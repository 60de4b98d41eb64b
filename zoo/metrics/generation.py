"""How near samples are to data, as features of them say."""

import numpy as np

from ..errors import InputError
from .summary import mean

NEIGHBOURS = 3  # that the support of a set of features reaches to as in Kynkaanniemi et al. 2019
HIDDEN = (128, 64)


def class_features(train, labels, seed=0):
    """What a small classifier of the data looks at: its last hidden layer.

    Stands for the Inception network of Heusel et al. 2017, which knows photographs only. Distances compare models on
    the same data and with the same features, and nothing else.

    Args:
        train: [N, ...].
        labels: integers, [N].
        seed: of the classifier's first weights.

    Returns:
        (features, classifier): from [N, ...] to [N, 64], and scikit-learn's `MLPClassifier`, fitted.

    Raises:
        InputError: the labels are all the same.
    """
    from sklearn.neural_network import MLPClassifier

    if len(np.unique(labels)) < 2:
        raise InputError("features of classes need labels of two classes or more")
    classifier = MLPClassifier(HIDDEN, early_stopping=True, n_iter_no_change=3, random_state=seed)
    classifier.fit(_flat(train), labels)

    def features(x):
        hidden = _flat(x)
        for kernel, bias in list(zip(classifier.coefs_, classifier.intercepts_, strict=True))[:-1]:
            hidden = np.maximum(hidden @ kernel + bias, 0)
        return hidden

    return features, classifier


def frechet_distance(found, expected):
    """|m - m'|^2 + tr(C + C' - 2 (C C')^1/2) of means and covariances of features (Heusel et al. 2017, Eq. 6).

    It falls with the number of samples: compare equal numbers.

    Args:
        found, expected: features of samples and of data, [N, F] each.
    """
    (mean, covariance), (other, others) = (_moments(features) for features in (found, expected))
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ others @ root), 0)).sum()
    value = np.sum((mean - other) ** 2) + np.trace(covariance) + np.trace(others) - 2 * overlap
    return {"value": float(value), "standard_error": None}


def precision_recall(found, expected, neighbours=NEIGHBOURS):
    """The share of samples that lie among data, and the share of data that lie among samples.

    A set of features covers the balls around each of them that reach to its k-th nearest neighbour in the set
    (Kynkaanniemi et al. 2019, Eq. 1 and 2).

    Args:
        found, expected: features of samples and of data, [N, F] each.
        neighbours: k.

    Returns:
        {"precision": {"value", "standard_error"}, "recall": ...}.
    """
    sets = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    if min(map(len, sets)) <= neighbours:
        raise InputError(f"precision and recall need more than {neighbours} samples and examples")
    shares = {"precision": _covered(*sets, neighbours), "recall": _covered(*sets[::-1], neighbours)}
    return {name: mean(inside) for name, inside in shares.items()}


def _covered(points, others, neighbours):
    """Whether each point lies in one of the balls of the others, [N] of 0 and 1."""
    from sklearn.metrics import pairwise_distances_chunked
    from sklearn.neighbors import NearestNeighbors

    radii = NearestNeighbors(n_neighbors=neighbours).fit(others).kneighbors()[0][:, -1]
    return np.concatenate(
        [(distances <= radii).any(1) for distances in pairwise_distances_chunked(points, others)]
    ).astype(np.float64)


def _moments(features):
    features = np.asarray(features, np.float64)
    return features.mean(0), np.atleast_2d(np.cov(features.T))


def _flat(x):
    return np.asarray(x, np.float32).reshape(len(x), -1)
