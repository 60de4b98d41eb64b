"""Anomaly scores, the line drawn by them, and the estimators and the command that use both."""

import json
import pickle

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_random_state
from sklearn.utils.estimator_checks import check_estimator

import zoo
from zoo import cli, scoring
from zoo.errors import InputError
from zoo.metrics.anomaly import (
    NARROWEST,
    SCORES,
    anomaly_scores,
    conformal_p_values,
    conformal_threshold,
    mixture_scores,
    mixture_width,
)
from zoo.metrics.heatmaps import MAPS, heat_maps
from zoo.sklearn import AnomalyDetector, AutoencoderTransformer

FEW = {"steps": 5, "hyperparameters": {"widths": [8]}, "latent_dim": 2, "random_state": 0}
QUICK = FEW | {"resolutions": (1.0,)}


@pytest.fixture(scope="module")
def rows():
    """500 points near a plane in 6 dimensions, and 25 away from it."""
    random = np.random.default_rng(0)
    plane = random.normal(size=(2, 6))
    normal = random.normal(size=(500, 2)) @ plane + 0.05 * random.normal(size=(500, 6))
    return normal, random.normal(size=(25, 6)) * np.std(normal, 0)


@pytest.fixture(scope="module")
def detector(rows):
    return AnomalyDetector(latent_dim=4, steps=400, hyperparameters={"widths": [32]}, random_state=0).fit(rows[0])


# The line


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.3])
def test_a_conformal_threshold_keeps_its_promise_for_any_score(rate):
    random = np.random.default_rng(1)
    alarms, trials, n = 0, 2000, 199
    for _ in range(trials):
        scores = random.standard_cauchy(n + 1)
        alarms += scores[-1] > conformal_threshold(scores[:-1], rate)
    expected = 1 - np.ceil((n + 1) * (1 - rate)) / (n + 1)
    assert abs(alarms / trials - expected) < 4 * np.sqrt(rate / trials)
    assert expected <= rate + 1e-12


def test_conformal_p_values_are_uniform_and_agree_with_the_threshold():
    random = np.random.default_rng(2)
    normal, scores = random.normal(size=999), random.normal(size=500)
    p = conformal_p_values(normal, scores)
    assert np.allclose(p, [(1 + (normal >= s).sum()) / 1000 for s in scores])
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    for rate in (0.01, 0.25, 0.5):
        assert np.array_equal(p <= rate, scores > conformal_threshold(normal, rate))


def test_too_few_normal_examples_tell_nothing():
    assert conformal_threshold(np.arange(98.0), 0.01) == np.inf
    assert conformal_threshold(np.arange(99.0), 0.01) == 98.0


# The scores


def test_scores_are_what_they_are_called():
    x = np.random.default_rng(3).uniform(size=(6, 5)).astype("float32")
    model = zoo.create_model("vae_dense", input_shape=(5,), latent_dim=3, widths=[8], likelihood="gaussian")
    found = {name: anomaly_scores(model, x, name, samples=4000) for name in SCORES}
    assert all(values.shape == (6,) and values.dtype == np.float64 for values in found.values())
    z = model.encode(x)
    assert np.allclose(found["reconstruction"], ((x - model.reconstruct(x)) ** 2).sum(1), rtol=1e-5)
    assert np.allclose(found["latent"], -stats.norm.logpdf(z).sum(1), rtol=1e-5)
    stddev = model.run("encode", x=x)["stddev"]
    rate = 0.5 * (z**2 + stddev**2 - 1 - 2 * np.log(stddev)).sum(1)
    assert np.allclose(found["elbo"] - found["reconstruction_probability"], rate, rtol=1e-4)
    assert (found["likelihood"] <= found["elbo"]).all()
    assert np.allclose(found["score"], model.score(x))


def test_scores_that_a_model_cannot_give_are_named():
    x = np.zeros((2, 5), "float32")
    model = zoo.create_model("ae_dense", input_shape=(5,), latent_dim=3, widths=[8])
    for name in ("elbo", "likelihood", "reconstruction_probability", "latent"):
        with pytest.raises(InputError, match="points"):
            anomaly_scores(model, x, name)
    with pytest.raises(InputError, match="did you mean 'likelihood'"):
        anomaly_scores(model, x, "likelyhood")


def test_a_score_does_not_depend_on_the_place_of_the_example():
    x = np.random.default_rng(4).uniform(size=(40, 5)).astype("float32")
    model = zoo.create_model("vae_dense", input_shape=(5,), latent_dim=3, widths=[8], likelihood="gaussian")
    for name in SCORES:
        assert np.allclose(anomaly_scores(model, x, name)[::-1], anomaly_scores(model, x[::-1], name), rtol=1e-6), name


# The maps


@pytest.fixture(scope="module")
def scratched():
    """Images like those that the model was trained on, and the same ones with a scratch each."""
    x = np.load(zoo.load_model("vae_dense.mnist").preset.path / "golden.npz")["reconstruct/inputs/x"]
    damaged = x.copy()
    for i, image in enumerate(damaged):
        image[np.arange(4, 24), (np.arange(20) // 2 + i + 6) % 28] = 1
    return x, damaged


def test_maps_are_what_they_are_called(scratched):
    x = scratched[1]
    model = zoo.create_model("ae_dense", input_shape=(28, 28, 1), latent_dim=3, widths=[8], likelihood="gaussian")
    error = (x - model.reconstruct(x))[..., 0]
    difference, expected = heat_maps(model, x, "difference")
    assert difference.shape == (8, 28, 28) and np.allclose(difference, np.abs(error), atol=1e-6)
    assert np.allclose(expected, model.reconstruct(x), atol=1e-6)
    assert np.allclose(heat_maps(model, x, "surprise")[0], -stats.norm.logpdf(error), atol=1e-5)
    random = zoo.create_model("vae_dense", input_shape=(28, 28, 1), latent_dim=3, widths=[8])
    total = heat_maps(random, x, "surprise")[0].sum((1, 2))
    assert np.allclose(total, anomaly_scores(random, x, "reconstruction_probability", 2000), rtol=0.02)


def test_a_restored_image_shows_the_scratch_better(scratched):
    x, damaged = scratched
    model = zoo.load_model("vae_dense.mnist")
    changed = (np.abs(damaged - x) > 0.1).ravel()
    found = {kind: average_precision_score(changed, heat_maps(model, damaged, kind)[0].ravel()) for kind in MAPS}
    assert found["restoration"] > found["difference"] > 3 * changed.mean()
    expected = {kind: heat_maps(model, damaged, kind)[1] for kind in ("restoration", "difference")}
    assert ((expected["restoration"] - x) ** 2).mean() < ((expected["difference"] - x) ** 2).mean()


@pytest.mark.parametrize("kind", MAPS)
def test_maps_of_rows_say_which_column_is_strange(kind):
    model = zoo.create_model("vae_dense", input_shape=(5,), latent_dim=3, widths=[8], likelihood="gaussian")
    x = np.random.default_rng(5).normal(size=(3, 5)).astype("float32")
    x[:, 2] = 20.0
    maps, expected = heat_maps(model, x, kind)
    assert maps.shape == expected.shape == (3, 5) and (maps.argmax(1) == 2).all()


def test_maps_that_there_are_not_are_named():
    model = zoo.create_model("vae_dense", input_shape=(5,), latent_dim=3, widths=[8], likelihood="gaussian")
    with pytest.raises(InputError, match="did you mean 'difference'"):
        heat_maps(model, np.zeros((2, 5)), "differences")
    with pytest.raises(InputError, match="no encoder"):
        heat_maps(zoo.create_model("gan_dense", input_shape=(5,), latent_dim=3, output="linear"), np.zeros((2, 5)))


# The estimators


def test_the_detector_finds_what_is_off_the_plane(detector, rows):
    normal, strange = rows
    labels = np.repeat([0, 1], [len(normal), len(strange)])
    assert roc_auc_score(labels, -detector.score_samples(np.concatenate(rows))) > 0.95
    assert (detector.predict(normal) == -1).mean() == pytest.approx(0.1, abs=0.003)
    decisions = detector.decision_function(strange)
    assert np.array_equal(detector.predict(strange) == -1, decisions < 0)
    assert np.allclose(decisions + detector.offset_, detector.score_samples(strange))


def test_a_row_is_scored_alike_in_any_company(detector, rows):
    everything = detector.score_samples(rows[0])
    alone = np.concatenate([detector.score_samples(row[None]) for row in rows[0][:5]])
    assert np.array_equal(everything[:5], alone)


def test_a_pickled_detector_decides_alike(detector, rows):
    again = pickle.loads(pickle.dumps(detector))
    assert np.allclose(again.score_samples(rows[1]), detector.score_samples(rows[1]), rtol=1e-6)


def test_a_conformal_detector_gives_p_values(rows):
    normal, strange = rows
    words = {"threshold": "conformal", "contamination": 0.05, "criterion": "likelihood"}
    detector = AnomalyDetector(**words, **QUICK).fit(normal)
    assert len(detector.normal_scores_) == 100
    scores = anomaly_scores(detector.models_[0], detector._values(strange), "likelihood")
    assert np.array_equal(np.argsort(scores), np.argsort(-detector.score_samples(strange)))
    p = detector.p_values(strange)
    assert ((p > 0) & (p <= 1)).all()
    assert np.array_equal(p <= 0.05, detector.predict(strange) == -1)


def test_a_mixture_is_what_it_is_called():
    random = np.random.default_rng(8)
    x, centers = random.normal(size=(30, 3)), random.normal(size=(7, 3))
    density = np.mean([stats.multivariate_normal(c, 0.4**2).pdf(x) for c in centers], axis=0)
    assert np.allclose(mixture_scores(x, centers, 0.4), -np.log(density))
    assert np.isfinite(mixture_scores(x + 1e6, centers, 1e-3)).all()
    own = np.array([2, *[-1] * 29])
    found = mixture_scores(x, centers, 0.4, own)
    assert found[0] == pytest.approx(mixture_scores(x[:1], np.delete(centers, 2, 0), 0.4)[0])
    assert np.allclose(found[1:], -np.log(density[1:]))


@pytest.mark.parametrize("own", [False, True])
def test_the_width_of_a_mixture_is_the_likeliest(own):
    random = np.random.default_rng(9)
    centers = random.normal(size=(300, 2))
    x = centers if own else centers[:200] + 0.3 * random.normal(size=(200, 2))
    numbers = np.arange(len(x)) if own else None
    found = mixture_width(x, centers, numbers)

    def lost(width):
        others = [np.delete(centers, i, 0) if own else centers for i in range(len(x))]
        return np.mean([mixture_scores(x[i : i + 1], others[i], width)[0] for i in range(len(x))])

    assert lost(found) < min(lost(0.9 * found), lost(1.1 * found))
    assert mixture_width(np.ones((5, 2)), np.ones((5, 2)), numbers[:5] if own else None) == NARROWEST


def test_rows_are_scored_by_their_distance_from_what_the_models_make_of_the_training_rows(detector, rows):
    normal, strange = rows
    assert [float(np.exp(model.observation.log_sigma)) for model in detector.models_] == pytest.approx([1.0, 0.3, 0.1])
    first, last = (model.encoder.get_weights()[0] for model in detector.models_[::2])
    assert not np.allclose(first, last)
    seed = int(check_random_state(0).randint(2**31 - 2**10))
    parts = train_test_split(normal, test_size=0.15, random_state=seed)
    seen, unseen = map(detector._values, parts)
    found, learned = [], []
    for model, width in zip(detector.models_, detector.widths_, strict=True):
        centers = model.reconstruct(seen)
        before, scores = (mixture_scores(x, centers, width) for x in (unseen, detector._values(strange)))
        assert width == pytest.approx(mixture_width(unseen, centers), rel=1e-3)
        found.append((scores - np.median(before)) / stats.iqr(before))
        without = mixture_scores(seen, centers, width, np.arange(len(seen)))
        learned.append((without - np.median(before)) / stats.iqr(before))
    assert np.allclose(-detector.score_samples(strange), np.mean(found, 0), rtol=1e-3)
    assert np.allclose(-detector.score_samples(parts[0]), np.mean(learned, 0), rtol=1e-3, atol=1e-4)


def test_a_model_that_learns_its_rows_by_heart_is_stopped_early():
    random = np.random.default_rng(6)
    normal, new = random.normal(size=(60, 20)), random.normal(size=(200, 20))
    words = {"resolutions": (0.1,), "steps": 600, "random_state": 0, "hyperparameters": {"widths": [256]}}
    words |= {"latent_dim": 4}
    stopped, driven = (AnomalyDetector(validation_fraction=f, **words).fit(normal) for f in (0.2, 0.0))
    steps = [int(detector.models_[0].step) for detector in (stopped, driven)]
    assert steps[0] < 600 and steps[1] == 600
    lost = [anomaly_scores(d.models_[0], d._values(new), "likelihood").mean() for d in (stopped, driven)]
    assert lost[0] < 0.95 * lost[1]


def test_points_for_codes_and_other_likelihoods_have_one_model(rows):
    for words in ({"model": "ae_dense"}, {"hyperparameters": {"widths": [8], "likelihood": "laplace"}}):
        detector = AnomalyDetector(**FEW | words).fit(rows[0])
        assert len(detector.models_) == 1 and np.isfinite(detector.score_samples(rows[1])).all()


def test_the_same_state_gives_the_same_detector(rows):
    first, second = (AnomalyDetector(**QUICK).fit(rows[0]).score_samples(rows[1]) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"contamination": 0.7}, "contamination: needs a fraction in"),
        ({"resolutions": (1.0, 0.0)}, "resolutions: need numbers above 0"),
        ({"validation_fraction": 1.0}, "validation_fraction: needs a fraction in"),
        ({"criterion": "mixtures"}, "criterion: unknown 'mixtures'; did you mean 'mixture'"),
        ({"threshold": "best"}, "takes quantile or conformal"),
        ({"model": "gan_dense"}, "has no encoder"),
        ({"model": "vea_dense"}, "did you mean 'vae_dense'"),
        ({"input_shape": (4, 4, 1)}, "has 16 values; a row has 6"),
        ({"hyperparameters": {"width": [8]}}, "widths"),
    ],
)
def test_bad_words_are_one_line(rows, words, said):
    with pytest.raises(InputError, match=said) as error:
        AnomalyDetector(**{**QUICK, **words}).fit(rows[0])
    assert "\n" not in str(error.value)


def test_codes_work_in_a_pipeline_and_in_a_search(rows):
    X = np.concatenate(rows)
    y = (X[:, 0] > 0).astype(int)
    pipeline = make_pipeline(AutoencoderTransformer("ae_dense", **FEW), LogisticRegression())
    search = GridSearchCV(pipeline, {"autoencodertransformer__latent_dim": [1, 3]}, cv=2).fit(X, y)
    best = search.best_estimator_[0]
    assert best.transform(X).shape == (len(X), search.best_params_["autoencodertransformer__latent_dim"])
    assert next(iter(best.get_feature_names_out())) == "autoencodertransformer0"


def test_the_transformer_leads_back(rows):
    coder = AutoencoderTransformer("ae_dense", **{**FEW, "steps": 800, "hyperparameters": {"widths": [32]}})
    codes = coder.fit_transform(rows[0])
    back = coder.inverse_transform(codes)
    assert back.shape == rows[0].shape
    assert ((back - rows[0]) ** 2).mean() < 0.2 * rows[0].var()
    with pytest.raises(InputError, match="this transformer gives"):
        coder.inverse_transform(codes[:, :1])


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [AnomalyDetector(**QUICK), AutoencoderTransformer("ae_dense", **FEW)])
def test_scikit_learn_finds_nothing_to_complain_of(estimator):
    check_estimator(estimator)


# The command


@pytest.fixture
def run(capfd):
    """A function that runs a command: (exit code, stdout, stderr)."""

    def command(*arguments):
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([*map(str, arguments)])
        return ended.value.code or 0, *capfd.readouterr()

    return command


def test_score_names_the_strange_ones(run, tmp_path):
    digits = zoo.data.load("digits", resize=(28, 28))
    x = digits.test.x[:60].copy()
    x[7] = 255 - x[7]
    np.savez(tmp_path / "mixed.npz", x=x, y=(np.arange(60) == 7).astype(int))
    name, data = "ae_conv.mnist", tmp_path / "mixed.npz"
    code, out, err = run("score", name, "--data", data, "--normal", "0", "--json", "--out", tmp_path / "scores.csv")
    assert code == 0, err
    found = json.loads(out)
    assert found["examples"] == 60 and found["strangest"][0]["example"] == 7
    assert found["auroc"] == 1.0
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[0] == "example,score,p_value,is_anomaly,y" and len(lines) == 61
    decided = scoring.score(zoo.load_model(name), x)
    assert float(lines[8].split(",")[1]) == decided.scores[7] and decided.is_anomaly[7]
    assert decided.is_anomaly.sum() == found["anomalies"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--criterion", "elbow"], "did you mean 'elbo'"),
        (["--rate", "1.5"], "between 0 and 1"),
        (["--rate", "0.00001"], "normal examples calibrate rates of"),
        (["--normal", "eleven"], "no such class"),
        (["--criterion", "latent"], "points that no prior"),
        (["--map", "surprise"], "add --out strangest.png"),
    ],
)
def test_score_says_what_is_wrong(run, options, said):
    code, out, err = run("score", "ae_conv.mnist", "--data", "digits", "--resize", "model", *options)
    assert code == 2 and said in err and err.count("\n") == 1 and not out
