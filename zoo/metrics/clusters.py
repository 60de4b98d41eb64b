"""How clusters meet labels."""

import numpy as np


def clustering(labels, clusters):
    """Agreement of clusters with labels that they were found without.

    Args:
        labels, clusters: whole numbers from 0, [N].

    Returns:
        {"accuracy": the share of examples in the cluster that stands for their label, at the best one-to-one
        assignment of clusters to labels (Xie et al. 2016, Eq. 10, as VaDE reports it), "normalized_mutual_information",
        "adjusted_rand_index"}.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    labels, clusters = np.asarray(labels), np.asarray(clusters)
    counts = np.zeros((clusters.max() + 1, labels.max() + 1), np.int64)
    np.add.at(counts, (clusters, labels), 1)
    matched = counts[linear_sum_assignment(counts, maximize=True)].sum()
    return {
        "accuracy": float(matched / len(labels)),
        "normalized_mutual_information": float(normalized_mutual_info_score(labels, clusters)),
        "adjusted_rand_index": float(adjusted_rand_score(labels, clusters)),
    }
