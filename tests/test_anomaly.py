"""Anomaly scores, the line drawn by them, and the estimators and the command that use both."""

import json
import pickle

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import zoo
from zoo import cli, scoring
from zoo.errors import InputError
from zoo.metrics.anomaly import SCORES, anomaly_scores, conformal_p_values, conformal_threshold
from zoo.sklearn import AnomalyDetector, AutoencoderTransformer

QUICK = {"steps": 5, "hyperparameters": {"widths": [8]}, "latent_dim": 2, "random_state": 0}


@pytest.fixture(scope="module")
def rows():
    """500 points near a plane in 6 dimensions, and 25 away from it."""
    random = np.random.default_rng(0)
    plane = random.normal(size=(2, 6))
    normal = random.normal(size=(500, 2)) @ plane + 0.05 * random.normal(size=(500, 6))
    return normal, random.normal(size=(25, 6)) * np.std(normal, 0)


@pytest.fixture(scope="module")
def detector(rows):
    words = {"widths": [32], "likelihood": "sigma"}
    return AnomalyDetector(latent_dim=4, steps=1000, hyperparameters=words, random_state=0).fit(rows[0])


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
    detector = AnomalyDetector(threshold="conformal", contamination=0.05, **QUICK).fit(normal)
    assert len(detector.normal_scores_) == 100
    p = detector.p_values(strange)
    assert ((p > 0) & (p <= 1)).all()
    assert np.array_equal(p <= 0.05, detector.predict(strange) == -1)


def test_the_same_state_gives_the_same_detector(rows):
    first, second = (AnomalyDetector(**QUICK).fit(rows[0]).score_samples(rows[1]) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"contamination": 0.7}, "contamination: needs a fraction in"),
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
    pipeline = make_pipeline(AutoencoderTransformer("ae_dense", **QUICK), LogisticRegression())
    search = GridSearchCV(pipeline, {"autoencodertransformer__latent_dim": [1, 3]}, cv=2).fit(X, y)
    best = search.best_estimator_[0]
    assert best.transform(X).shape == (len(X), search.best_params_["autoencodertransformer__latent_dim"])
    assert next(iter(best.get_feature_names_out())) == "autoencodertransformer0"


def test_the_transformer_leads_back(rows):
    coder = AutoencoderTransformer("ae_dense", **{**QUICK, "steps": 800, "hyperparameters": {"widths": [32]}})
    codes = coder.fit_transform(rows[0])
    back = coder.inverse_transform(codes)
    assert back.shape == rows[0].shape
    assert ((back - rows[0]) ** 2).mean() < 0.2 * rows[0].var()
    with pytest.raises(InputError, match="this transformer gives"):
        coder.inverse_transform(codes[:, :1])


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [AnomalyDetector(**QUICK), AutoencoderTransformer("ae_dense", **QUICK)])
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
    ],
)
def test_score_says_what_is_wrong(run, options, said):
    code, out, err = run("score", "ae_conv.mnist", "--data", "digits", "--resize", "model", *options)
    assert code == 2 and said in err and err.count("\n") == 1 and not out
