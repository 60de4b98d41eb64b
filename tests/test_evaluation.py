"""Metrics against NumPy and scikit-learn, and what `evaluate` says of each kind of model."""

import json

import numpy as np
import pytest
import scipy.linalg

import zoo
from zoo import evaluation, metrics
from zoo.cli import evaluate as face
from zoo.errors import InputError

RANDOM = np.random.default_rng(0)
LIKELIHOOD = {"elbo", "distortion", "rate", "nll", "bits_per_dim", "effective_samples"}
OF_IMAGES = set(evaluation.METRICS) - set(evaluation.TOKENS)
EXPECTED = {  # what each model can be measured by
    "vae_dense": OF_IMAGES,
    "iwae_conv": OF_IMAGES,
    "vamp_vae_dense": OF_IMAGES,
    "ae_dense": {"mse", "psnr", "linear_probe", "modes"},
    "vq_vae_conv": {"mse", "psnr", "linear_probe", "modes"},
    "gan_dense": {"modes"},
}


@pytest.fixture(scope="module")
def digits():
    return zoo.data.load("digits", limit=400)


def model(name, shape=(8, 8, 1), **words):
    return zoo.create_model(name, input_shape=shape, latent_dim=3, widths=(8,), **words)


def test_mean_has_its_standard_error():
    values = RANDOM.normal(size=50)
    assert metrics.mean(values) == {"value": values.mean(), "standard_error": values.std(ddof=1) / np.sqrt(50)}
    assert metrics.mean([3.0]) == {"value": 3.0, "standard_error": None}


def test_reconstruction_equals_numpy():
    x, x_hat = RANDOM.uniform(size=(2, 9, 4, 4, 1))
    errors = ((x - x_hat) ** 2).mean((1, 2, 3))
    assert np.isclose(metrics.mse(x, x_hat)["value"], errors.mean())
    assert np.isclose(metrics.psnr(x, x_hat)["value"], (10 * np.log10(1 / errors)).mean())
    assert metrics.psnr(x, x)["value"] == 120.0


def test_active_units_are_those_that_vary():
    codes = RANDOM.normal(size=(5000, 4)) * np.sqrt([1.0, 0.02, 0.005, 0.0])
    assert metrics.active_units(codes + 7.0)["value"] == 2


def test_rate_per_dimension_is_the_kl_of_normals():
    m, s = np.array([[0.0, 1.0], [0.0, 3.0]]), np.array([[1.0, 1.0], [1.0, 2.0]])
    expected = [0.0, np.mean([0.5, 0.5 * (9 + 4 - 1) - np.log(2)])]
    assert np.allclose(metrics.rate_per_dimension(m, s), expected)


def test_a_linear_probe_finds_what_is_linear_at_any_scale():
    labels = RANDOM.integers(0, 3, 600)
    codes = (np.eye(3)[labels] + 0.05 * RANDOM.normal(size=(600, 3))) * [1e-4, 1.0, 1e4]
    assert metrics.linear_probe(codes[:400], labels[:400], codes[400:], labels[400:])["value"] == 1.0
    chance = metrics.linear_probe(codes[:400], RANDOM.integers(0, 2, 400), codes[400:], RANDOM.integers(0, 2, 200))
    assert abs(chance["value"] - 0.5) < 4 * chance["standard_error"]
    with pytest.raises(InputError, match="two classes"):
        metrics.linear_probe(codes, np.zeros(600), codes, labels)


def test_modes_are_the_classes_that_samples_are_of():
    labels = np.arange(400) % 4
    x = np.eye(4)[labels][:, :, None] + 0.05 * RANDOM.normal(size=(400, 4, 1))
    data = (x[:300], labels[:300], x[300:], labels[300:])
    assert metrics.mode_coverage(x, *data) == {
        "value": 4,
        "standard_error": None,
        "classes": 4,
        "classifier_accuracy": 1.0,
    }
    assert metrics.mode_coverage(x[labels < 3], *data)["value"] == 3
    assert metrics.mode_coverage(np.repeat(x[:1], 500, 0), *data)["value"] == 1
    few = np.concatenate([np.repeat(x[:1], 991, 0), np.repeat(x[1:2], 9, 0)])
    assert metrics.mode_coverage(few, *data)["value"] == 1  # nine of a thousand are too few
    with pytest.raises(InputError, match="two classes"):
        metrics.mode_coverage(x, x, np.zeros(400), x, labels)
    with pytest.raises(InputError, match="finite"):
        metrics.mode_coverage(x * np.nan, *data)


def test_the_frechet_distance_of_normals_is_that_of_its_formula():
    a = RANDOM.normal(size=(500, 3)) @ RANDOM.normal(size=(3, 3))
    b = RANDOM.normal(size=(400, 3)) @ RANDOM.normal(size=(3, 3)) + 2.0
    cross = scipy.linalg.sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * cross)
    assert np.isclose(metrics.frechet_distance(a, b)["value"], expected)
    assert np.isclose(metrics.frechet_distance(a, a + np.array([3.0, 0.0, 4.0]))["value"], 25.0)
    assert np.isclose(metrics.frechet_distance(a, -a + 2 * a.mean(0))["value"], 0.0, atol=1e-6)


def test_precision_and_recall_are_the_shares_within_balls():
    found, expected = RANDOM.normal(size=(60, 2)) * 0.4, RANDOM.normal(size=(80, 2))

    def share(points, others):
        radii = [sorted(np.linalg.norm(others - other, axis=1))[3] for other in others]  # the nearest is itself
        return np.mean([any(np.linalg.norm(p - o) <= r for o, r in zip(others, radii, strict=True)) for p in points])

    scores = metrics.precision_recall(found, expected)
    assert scores["precision"]["value"] == share(found, expected)
    assert scores["recall"]["value"] == share(expected, found) < scores["precision"]["value"]
    assert metrics.precision_recall(expected, expected)["recall"]["value"] == 1.0
    assert metrics.precision_recall(found + 50.0, expected)["precision"]["value"] == 0.0
    with pytest.raises(InputError, match="more than 3"):
        metrics.precision_recall(found[:3], expected)


def test_features_of_classes_are_those_that_the_classifier_decides_by(digits):
    x, y = digits.preprocessor.apply(digits.train.x), digits.train.y
    features, classifier = metrics.class_features(x, y)
    logits = features(x) @ classifier.coefs_[-1] + classifier.intercepts_[-1]
    assert np.array_equal(logits.argmax(1), classifier.predict(x.reshape(len(x), -1)))
    with pytest.raises(InputError, match="two classes"):
        metrics.class_features(x, np.zeros(len(x)))


def test_clusters_meet_labels_whatever_their_names():
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    assert metrics.clustering(labels, (labels + 1) % 3) == {
        "accuracy": 1.0,
        "normalized_mutual_information": 1.0,
        "adjusted_rand_index": 1.0,
    }
    split = metrics.clustering(labels, np.array([0, 0, 3, 1, 1, 1, 2, 1]))  # one of each of two classes is elsewhere
    assert split["accuracy"] == 6 / 8 and 0 < split["adjusted_rand_index"] < 1
    assert metrics.clustering(labels, np.zeros(8, int))["accuracy"] == 3 / 8


@pytest.mark.parametrize("name", EXPECTED)
def test_everything_is_measured_or_has_a_reason(name, digits):
    found = evaluation.evaluate(model(name), digits, samples=5, limit=20)
    assert set(found["metrics"]) == EXPECTED[name]
    assert set(found["metrics"]) | set(found["skipped"]) == set(evaluation.METRICS)
    assert not set(found["metrics"]) & set(found["skipped"]) and all(found["skipped"].values())
    assert found["n"] == 20 and found["settings"]["samples"] == 5
    assert all(set(entry) >= {"value", "standard_error"} for entry in found["metrics"].values())
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_an_evaluation_repeats_and_its_numbers_belong_together(digits):
    vae = model("vae_dense")
    once, again = (evaluation.evaluate(vae, digits, samples=7, limit=30)["metrics"] for _ in range(2))
    assert once == again
    value = {name: entry["value"] for name, entry in once.items()}
    assert np.isclose(value["elbo"], -(value["distortion"] + value["rate"]), rtol=1e-6)
    assert np.isclose(value["bits_per_dim"], value["nll"] / 64 / np.log(2))
    assert 1 <= value["effective_samples"] <= 7 and value["nll"] < -value["elbo"]


@pytest.mark.parametrize("name", ["vae_conv", "ae_conv", "gan_conv"])
def test_tokens_are_measured_or_have_a_reason(name):
    bundle = zoo.data.load(RANDOM.integers(0, 5, (60, 8)), kind="tokens")
    words = {} if name == "gan_conv" else {"likelihood": "categorical"}
    found = evaluation.evaluate(model(name, shape=(8, 5), **words), bundle, samples=5, split="train")
    assert set(found["metrics"]) | set(found["skipped"]) == set(evaluation.METRICS)
    assert not set(found["metrics"]) & set(found["skipped"])
    assert ("perplexity" in found["metrics"]) == (name == "vae_conv")
    assert ("token_accuracy" in found["metrics"]) == (name != "gan_conv")


def test_tables_have_no_peak_signal():
    bundle = zoo.data.load(RANDOM.normal(size=(60, 4)))
    found = evaluation.evaluate(model("vae_dense", (4,), likelihood="gaussian"), bundle, samples=3)
    assert "table" in found["skipped"]["psnr"] and "labels" in found["skipped"]["linear_probe"]
    assert "mse" in found["metrics"]


def test_a_number_that_is_not_finite_is_left_out(digits):
    vae = model("vae_dense")
    vae.decoder.weights[-1].assign(np.full((64,), np.nan))
    found = evaluation.evaluate(vae, digits, samples=2, limit=5)
    assert found["skipped"]["nll"] == found["skipped"]["mse"] == "is not finite" and not LIKELIHOOD - {"rate"} & set(
        found["metrics"]
    )


def test_a_split_that_is_empty_is_an_error(digits):
    with pytest.raises(InputError, match="there are: train, validation, test"):
        evaluation.evaluate(model("vae_dense"), digits, split="all")
    with pytest.raises(InputError, match="bundle: is a ndarray; need"):
        evaluation.evaluate(model("vae_dense"), digits.test.x)


def test_progress_ends_at_all_examples(digits):
    seen = []
    evaluation.evaluate(
        model("vae_dense"), digits, samples=64, limit=20, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(16, 20), (20, 20)]


def test_binarized():
    x = np.broadcast_to(np.float32([0.0, 0.25, 0.5, 1.0]), (3000, 4))
    assert evaluation.binarized(x) is x
    assert np.array_equal(evaluation.binarized(x, "threshold")[0], [0, 0, 1, 1])
    drawn = evaluation.binarized(x, "stochastic", seed=1)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert np.all(np.abs(drawn.mean(0) - x[0]) <= 4 * np.sqrt(x[0] * (1 - x[0]) / 3000))
    assert np.array_equal(evaluation.binarized(x[:7], "stochastic", seed=1), drawn[:7])
    assert not np.array_equal(drawn[:1024], drawn[1024:2048])  # each example is drawn by itself
    assert not np.array_equal(evaluation.binarized(x, "stochastic", seed=2), drawn)


MEASURED = {"metrics": {"nll": {"value": 95.5, "standard_error": 0.1}}, "skipped": {"psnr": "a reason"}}


@pytest.mark.parametrize(
    "flag, metric, limit, unmet",
    [
        ("--fail-over", "nll", 95.5, None),
        ("--fail-over", "nll", 95.0, "nll is 95.5, over 95"),
        ("--fail-under", "nll", 95.5, None),
        ("--fail-under", "nll", 96.0, "nll is 95.5, under 96"),
        ("--fail-under", "psnr", 1.0, "psnr was not measured: a reason"),
    ],
)
def test_gates(flag, metric, limit, unmet):
    assert face.failure(MEASURED, flag, metric, limit) == unmet


@pytest.mark.parametrize("text", ["nll", "nll=", "nll=low"])
def test_a_gate_that_is_no_number_is_refused(text):
    with pytest.raises(InputError, match="needs METRIC=VALUE"):
        face.gate("--fail-over", text)
