"""Whether samples are of every kind that the data have."""

import numpy as np

from ..errors import InputError

SHARE = 0.01  # of the samples; a class with fewer does not count as covered
NEIGHBOURS = 5


def mode_coverage(samples, train, train_labels, test, test_labels):
    """How many classes samples cover, as a classifier of the data sees them: fewer than there are is mode collapse.

    The classifier is of the k nearest neighbours, fitted here. A class is covered when at least 1% of the samples are
    of it. Counting modes by a classifier is how Metz et al. 2017 (arXiv:1611.02163, Sec. 3.3.1) measure collapse.

    Args:
        samples: [M, ...], values as those of the data.
        train, test: [N, ...].
        train_labels, test_labels: integers, [N].

    Returns:
        {"value": classes covered, "standard_error": None, "classes": how many there are, "classifier_accuracy": of the
        classifier, on the test data}.

    Raises:
        InputError: the training labels are all the same, or a sample is not finite.
    """
    from sklearn.neighbors import KNeighborsClassifier

    classes, counts = np.unique(train_labels, return_counts=True)
    if len(classes) < 2:
        raise InputError("modes need labels of two classes or more")
    if not np.isfinite(samples).all():
        raise InputError("samples are not finite")
    classifier = KNeighborsClassifier(min(NEIGHBOURS, int(counts.min()))).fit(_flat(train), train_labels)
    accuracy = float(classifier.score(_flat(test), test_labels))
    found = classifier.predict(_flat(samples))
    covered = sum(np.mean(found == one) >= SHARE for one in classes)
    return {
        "value": int(covered),
        "standard_error": None,
        "classes": len(classes),
        "classifier_accuracy": accuracy,
    }


def _flat(x):
    return np.asarray(x, np.float32).reshape(len(x), -1)
