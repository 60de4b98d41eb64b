"""Compares anomaly detectors on the same splits, by their AUROC: docs/anomaly.json.

python docs/anomaly.py tables --data FOLDER     six tables of the ODDS collection, a .npz each with X [N, F] and y [N]
python docs/anomaly.py development              tables of scikit-learn, on which our own settings were chosen
python docs/anomaly.py digits                   MNIST without one digit, which is then to be found

Normal examples are split in halves by the seed; detectors see the first half and are judged on the second one together
with all anomalies. No detector is given labels. Peers run with the settings that they come with, and standardised
columns where they do not scale by themselves. `--only NAME` runs some of them; what is in the file is kept and not run
again unless --again is given. The peers of PyOD need the extra `bench`.
"""

import argparse
import importlib.metadata
import json
import time
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

RESULTS = Path(__file__).with_suffix(".json")
TABLES = ("breastw", "cardio", "mammography", "pendigits", "satimage-2", "thyroid")
SEEDS = 5
DIGITS = {"seeds": 1, "train": 4000, "test": 2000}  # normal images to learn from, and images to judge by
PACKAGES = ("autoencoder-zoo", "scikit-learn", "pyod", "torch", "tensorflow", "keras")


# The detectors: (train [N, F], test [M, F], seed) -> how strange each row of test is, [M]


def zoo_detector(train, test, seed):
    from zoo.sklearn import AnomalyDetector

    return -AnomalyDetector("vae_dense", random_state=seed).fit(train).score_samples(test)


def pyod_detector(name):
    def detector(train, test, seed):
        from pyod.models.auto_encoder import AutoEncoder
        from pyod.models.vae import VAE

        return {"AutoEncoder": AutoEncoder, "VAE": VAE}[name](random_state=seed, verbose=0).fit(train).decision_function(
            test
        )

    return detector


def isolation_forest(train, test, seed):
    return -IsolationForest(random_state=seed).fit(train).score_samples(test)


def standardised(detector):
    def scaled(train, test, seed):
        scaler = StandardScaler().fit(train)
        return detector(scaler.transform(train), scaler.transform(test), seed)

    return scaled


def pca(train, test, seed):
    """Squared error of the reconstruction from the components that hold nine tenths of the variance."""
    found = PCA(0.9, svd_solver="full").fit(train)
    return np.square(test - found.inverse_transform(found.transform(test))).sum(1)


def gaussian(train, test, seed):
    return EmpiricalCovariance().fit(train).mahalanobis(test)


def neighbours(train, test, seed):
    """Mean distance to the five nearest rows."""
    return NearestNeighbors(n_neighbors=5).fit(train).kneighbors(test)[0].mean(1)


def local_outlier_factor(train, test, seed):
    return -LocalOutlierFactor(novelty=True).fit(train).score_samples(test)


def distance(train, test, seed):
    """From the mean: what a detector has to be better than."""
    return np.square(test).sum(1)


DETECTORS = {
    "zoo vae_dense": zoo_detector,
    "PyOD AutoEncoder": pyod_detector("AutoEncoder"),
    "PyOD VAE": pyod_detector("VAE"),
    "IsolationForest": isolation_forest,
    "PCA": standardised(pca),
    "EmpiricalCovariance": standardised(gaussian),
    "nearest neighbours": standardised(neighbours),
    "LocalOutlierFactor": standardised(local_outlier_factor),
    "distance": standardised(distance),
}


# The data: {name: (X, y)}, y is 1 for anomalies


def tables(folder):
    if folder is None:
        raise SystemExit("tables: need --data FOLDER")
    return {name: (read["X"].astype(float), read["y"]) for name in TABLES for read in [np.load(folder / f"{name}.npz")]}


def development(folder=None):
    """Each class of wine and digits in turn is the normal one, as are the benign of breast_cancer."""
    found = {"breast_cancer": (datasets.load_breast_cancer().data, datasets.load_breast_cancer().target == 0)}
    for name, read in {"wine": datasets.load_wine(), "digits": datasets.load_digits()}.items():
        found |= {f"{name} {label}": (read.data, read.target != label) for label in np.unique(read.target)}
    return found


def split(x, y, seed):
    """Rows to learn from, rows to judge by, and which of these are anomalies."""
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
    half = len(normal) // 2
    judged = np.concatenate([normal[half:], np.flatnonzero(y)])
    return x[normal[:half]], x[judged], y[judged]


# The comparison


def compare(kind, sets, detectors, again):
    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    found = results.setdefault(kind, {})
    for name in detectors:
        for table, (x, y) in sets.items():
            known = found.setdefault(name, {})
            if table in known and not again:
                continue
            begun = time.perf_counter()
            known[table] = [round(judge(DETECTORS[name], x, y, seed), 4) for seed in range(SEEDS)]
            print(f"{name:20} {table:14} {np.mean(known[table]):.4f}  {time.perf_counter() - begun:.0f} s", flush=True)
            results["versions"] = versions()
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def judge(detector, x, y, seed):
    train, test, wanted = split(x, y, seed)
    return float(roc_auc_score(wanted, detector(train, test, seed)))


def versions():
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("tables", "development"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", action="append", choices=tuple(DETECTORS))
    parser.add_argument("--again", action="store_true")
    chosen = parser.parse_args()
    sets = {"tables": tables, "development": development}[chosen.kind](chosen.data)
    compare(chosen.kind, sets, chosen.only or DETECTORS, chosen.again)
