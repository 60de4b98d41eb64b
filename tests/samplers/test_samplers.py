"""Fitted samplers: their densities, their samples, and what becomes of them in a run and in exported files."""

import functools
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from scipy.stats import multivariate_normal
from sklearn.datasets import load_digits
from sklearn.mixture import GaussianMixture

import zoo
from zoo import numerics, samplers, sampling
from zoo.errors import InputError, WriteError
from zoo.export import export, litert, signatures
from zoo.samplers.codes import codes_of
from zoo.verification import verify

ROOT = Path(zoo.__file__).parent.parent
IMAGES = np.float32(load_digits().images[:400, ..., None] / 16)
RANDOM = np.random.default_rng(0)
BEND = RANDOM.normal(size=(1000, 2)).astype("float32")
BEND = np.stack([BEND[:, 0], 0.5 * BEND[:, 1] + BEND[:, 0] ** 2], 1)  # a banana: no normal distribution
QUICK = {
    "mixture": {"components": 4},
    "flow": {"flows": 2, "flow_widths": [16], "epochs": 3},
    "two_stage": {"stage_widths": [16], "epochs": 3},
    "aggregate": {"examples": 50},
    "autoregressive": {"units": 8, "epochs": 3},
}
VECTORS, INDICES = ("mixture", "flow", "two_stage", "aggregate"), ("autoregressive", "aggregate")
PAIRS = [("vae_dense", name) for name in VECTORS] + [("ae_conv", "mixture"), ("ae_conv", "aggregate")]
PAIRS += [("iaf_vae_dense", "aggregate"), ("iaf_vae_dense", "mixture"), ("categorical_vae_dense", "aggregate")]
PAIRS += [(model, name) for model in ("vq_vae_dense", "vq_vae_conv", "rq_vae_dense") for name in INDICES]
PAIRS += [("fsq_vae_dense", name) for name in INDICES]


def made(name, **words):
    keras.utils.set_random_seed(0)
    small = {"input_shape": (8, 8, 1), "latent_dim": 2, "widths": (8, 12), "codes": 5, "positions": 3, "depth": 2}
    small |= {"levels": (3, 3), "variables": 2, "classes": 3, "active": 1}
    known = zoo.info(name).words
    model = zoo.create_model(name, **{word: value for word, value in (small | words).items() if word in known})
    if name.startswith("fsq_vae"):  # codes that are not trained are all rounded to the same
        last = model.encoder.trainable_weights[-2]
        last.assign(50 * last)
    return model


@functools.cache
def fitted(model, name):
    network = made(model)
    found = zoo.fit_sampler(network, IMAGES, name, **QUICK[name])
    return network, found


def draw(sampler, n, seed=0):
    inputs = {k: numerics.DRAW[k]((n, *shape), numerics.key(k, seed)) for k, shape in sampler.inputs.items()}
    return sampler.transform(**inputs).numpy()


# Densities and samples


def test_the_mixture_is_that_of_scikit_learn():
    sampler = samplers.create("mixture", made("vae_dense"), components=3)
    sampler.fit(BEND, seed=1)
    expected = GaussianMixture(3, random_state=1).fit(np.float64(BEND))
    found = sampler.distribution().log_prob(tf.constant(BEND))
    assert np.allclose(found, expected.score_samples(np.float64(BEND)), atol=1e-3)


def test_samples_of_the_mixture_have_its_distribution():
    """Along three directions, where a mixture of normals is one again."""
    sampler = samplers.create("mixture", made("vae_dense"), components=3)
    sampler.fit(BEND, seed=1)
    z, weights = draw(sampler, 4000), np.exp(sampler.log_weights)
    for direction in ([1, 0], [0, 1], [0.6, -0.8]):
        means = np.float64(sampler.means) @ direction
        sds = [np.linalg.norm(np.float64(factor).T @ direction) for factor in np.asarray(sampler.factors)]

        def cdf(t, means=means, sds=sds):
            return sum(w * stats.norm(m, s).cdf(t) for w, m, s in zip(weights, means, sds, strict=True))

        assert stats.kstest(z @ direction, cdf).pvalue > 1e-3


def test_a_mixture_of_one_component_is_the_normal_of_mean_and_covariance():
    sampler = samplers.create("mixture", made("vae_dense"), components=1)
    sampler.fit(BEND)
    exact = multivariate_normal(BEND.mean(0), np.cov(BEND.T, bias=True)).logpdf(BEND)
    assert np.allclose(sampler.distribution().log_prob(tf.constant(BEND)), exact, atol=1e-2)


@functools.cache
def learned(name, epochs=120):
    sampler = samplers.create(name, made("vae_dense"), epochs=epochs)
    sampling.learn(sampler, BEND, seed=0)
    return sampler


def test_the_density_of_the_flow_is_that_of_its_samples_by_automatic_differentiation():
    flow = learned("flow")
    noise = tf.constant(RANDOM.normal(size=(6, 2)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(noise)
        z = flow.transform(noise)
    slopes = tape.batch_jacobian(z, noise)
    expected = multivariate_normal(np.zeros(2)).logpdf(noise) - np.linalg.slogdet(slopes)[1]
    assert np.allclose(flow.log_prob(z), expected, atol=1e-3)


def test_the_density_of_the_flow_integrates_to_one():
    flow, side = learned("flow"), np.linspace(-6, 6, 241, dtype="float32")
    grid = np.stack(np.meshgrid(side, 2 * side + 6, indexing="ij"), -1).reshape(-1, 2)
    assert np.isclose(np.exp(np.float64(flow.log_prob(tf.constant(grid)))).sum() * 0.05 * 0.1, 1.0, atol=0.01)


def test_the_flow_is_nearer_to_a_bent_density_than_a_normal():
    normal = multivariate_normal(BEND.mean(0), np.cov(BEND.T)).logpdf(BEND).mean()
    exact = (stats.norm.logpdf(BEND[:, 0]) + stats.norm(BEND[:, 0] ** 2, 0.5).logpdf(BEND[:, 1])).mean()
    found = np.mean(learned("flow").log_prob(tf.constant(BEND)))
    assert normal + 0.4 < found < exact + 0.1


@pytest.mark.parametrize("name", ["flow", "two_stage"])
def test_samples_follow_what_they_were_fitted_to(name):
    """Two-sample Kolmogorov-Smirnov statistics: learned, so near and not equal."""
    z = draw(learned(name), 1000, seed=3)
    distances = [stats.ks_2samp(z[:, i], BEND[:, i]).statistic for i in range(2)]
    assert max(distances) < {"flow": 0.08, "two_stage": 0.15}[name]


def test_aggregate_is_the_mixture_of_the_posteriors():
    model, _ = fitted("vae_dense", "aggregate")
    kept = model.sampler.kept.numpy()
    q = model.posteriors.distribution(tf.constant(kept))
    means, sds = q.mean().numpy(), q.stddev().numpy()
    z = draw(model.sampler, 4000)
    for i in range(2):
        assert (
            stats.kstest(z[:, i], lambda t, i=i: stats.norm(means[:, i], sds[:, i]).cdf(t[:, None]).mean(1)).pvalue
            > 1e-3
        )


def test_aggregate_of_points_gives_the_points():
    model, _ = fitted("ae_conv", "aggregate")
    found, codes = draw(model.sampler, 300), model.encode(IMAGES)
    assert np.abs(found[:, None] - codes[None]).max(-1).min(1).max() < 1e-5


@pytest.mark.parametrize("name", ["k_sparse_ae_dense", "hamiltonian_vae_dense", "miss_vae_dense"])
def test_aggregate_keeps_codes_where_the_encoder_does_not_tell_all_of_the_posterior(name):
    model, x = made(name), IMAGES[:30].copy()
    if name == "miss_vae_dense":
        x[:, :2] = np.nan
    sampler = samplers.create("aggregate", model, examples=30)
    sampler.fit_examples(x)
    assert np.array_equal(sampler.kept, codes_of(model, x)) and np.all(np.isfinite(sampler.kept))
    assert {tuple(z) for z in draw(sampler, 50)} <= {tuple(z) for z in codes_of(model, x)}


@functools.cache
def every_sequence():
    return np.array(list(itertools.product(range(5), repeat=3)))


def test_the_autoregressive_prior_sums_to_one_over_all_sequences():
    model, _ = fitted("vq_vae_dense", "autoregressive")
    assert np.isclose(np.exp(np.float64(model.sampler.log_prob(tf.constant(every_sequence())))).sum(), 1.0, atol=1e-4)


def test_its_samples_have_the_probabilities_that_it_says():
    model, _ = fitted("vq_vae_dense", "autoregressive")
    sampler, n = model.sampler, 20_000
    uniform = numerics.uniform((n, 3), numerics.key("test"))
    drawn = sampler.draw(uniform).numpy()
    counts = np.bincount(drawn @ [25, 5, 1], minlength=125)
    expected = n * np.exp(np.float64(sampler.log_prob(tf.constant(every_sequence()))))
    common = expected > 5
    observed = np.append(counts[common], counts[~common].sum())
    said = np.append(expected[common], expected[~common].sum())
    keep = said > 0
    assert stats.chisquare(observed[keep], said[keep] * observed.sum() / said[keep].sum()).pvalue > 1e-3


def test_the_autoregressive_prior_learns_which_indices_follow_which():
    """Two sequences only, of one bit: -log p goes to log 2."""
    sampler = samplers.create("autoregressive", made("vq_vae_dense"), units=16, epochs=40, learning_rate=0.01)
    two = np.array([[0, 3, 1], [4, 2, 2]])[RANDOM.integers(2, size=600)]
    sampling.learn(sampler, two, seed=0)
    assert abs(float(-np.mean(sampler.log_prob(tf.constant(two)))) - np.log(2)) < 0.05


def test_codes_are_samples_of_the_posterior_whatever_the_pieces_are():
    model = made("vae_dense")
    codes = codes_of(model, IMAGES)
    assert np.allclose(codes[-3:], codes_of(model, IMAGES)[-3:]) and not np.allclose(
        codes, model.encode(IMAGES), atol=1e-3
    )
    q = model.posterior(IMAGES)
    standard = (codes - q.mean().numpy()) / q.stddev().numpy()
    assert stats.kstest(standard.ravel(), "norm").pvalue > 1e-3


# In the model


@pytest.mark.parametrize("model, name", PAIRS)
def test_samples_begin_with_the_sampler(model, name):
    network, found = fitted(model, name)
    once, again, other = (network.sample(20, seed=seed) for seed in (1, 1, 2))
    assert once.shape == (20, 8, 8, 1) and np.all(np.isfinite(once))
    assert np.array_equal(once, again) and not np.array_equal(once, other)
    inputs = network.random_inputs("sample", 20, 1)
    z = network.sampler.transform(**{k: tf.constant(v) for k, v in inputs.items()})
    assert z.shape == (20, *network.code_shape) and np.allclose(once, network.decode(z), atol=1e-5)
    assert found["nll"] is None if name == "aggregate" else np.isfinite(found["nll"])


EXPORTED = [*PAIRS[:4], ("categorical_vae_dense", "aggregate"), ("vq_vae_dense", "autoregressive")]
LATER = [pytest.param(*pair, marks=pytest.mark.slow) for pair in PAIRS if pair not in EXPORTED]


@pytest.mark.parametrize("model, name", EXPORTED + LATER)
def test_exports_with_the_sampler_are_equal(model, name, tmp_path):
    network, _ = fitted(model, name)
    for format in ("tflite", "saved_model"):
        report = export(network, tmp_path / format, format=format)
        assert "sample" in {row.signature for row in report.rows} and all(row.passed for row in report.rows)


def test_a_keras_file_would_lose_the_sampler_and_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no fitted sampler"):
        export(fitted("vae_dense", "mixture")[0], tmp_path / "out", format="keras")


def test_a_copy_of_the_model_draws_codes_with_its_own_parts():
    model, _ = fitted("vq_vae_dense", "autoregressive")
    copy = signatures.copy_in_float32(model)
    assert np.allclose(copy.sample(5), model.sample(5), atol=1e-6)
    copy.codebook.vectors.assign(0 * copy.codebook.vectors)
    assert np.ptp(copy.sample(5), 0).max() < 1e-6 < np.ptp(model.sample(5), 0).max()


def test_normal_puts_the_prior_back():
    model = made("vae_dense")
    before = model.sample(3)
    zoo.fit_sampler(model, IMAGES, "mixture", components=2)
    assert not np.allclose(model.sample(3), before)
    zoo.fit_sampler(model, sampler="normal")
    assert np.array_equal(model.sample(3), before)


def test_a_sampler_is_no_weight_of_the_model():
    model = made("vae_dense")
    names = [w.path for w in model.weights]
    zoo.fit_sampler(model, IMAGES, "mixture", components=2)
    assert [w.path for w in model.weights] == names


# Bad input


@pytest.mark.parametrize(
    "model, name, words, said",
    [
        ("gan_dense", "mixture", {}, "has no encoder"),
        ("vae_dense", "mixtur", {}, "did you mean"),
        ("vae_dense", "autoregressive", {}, "codes that are indices"),
        ("vq_vae_dense", "flow", {}, "there is autoregressive"),
        ("poincare_vae_dense", "mixture", {}, "aggregate keeps to it"),
        ("cvae_dense", "mixture", {}, "a way of its own"),
        ("vae_dense", "mixture", {"component": 3}, "it takes: components"),
        ("vae_dense", "mixture", {"components": 0}, "components"),
        ("vae_dense", "mixture", {"components": 500}, "more than the"),
        ("vae_dense", "flow", {"learning_rate": -1.0}, "learning_rate"),
    ],
)
def test_one_line_says_what_is_wrong(model, name, words, said):
    network = made(model) if model != "cvae_dense" else zoo.create_model(model, input_shape=(8, 8, 1), classes=3)
    with pytest.raises(InputError, match=said) as error:
        zoo.fit_sampler(network, IMAGES, name, **words)
    assert "\n" not in str(error.value)


# In a run folder

READ = """
import sys, numpy as np, zoo
np.save(sys.argv[2], zoo.load_model(sys.argv[1]).sample(5, seed=1))
"""


def run_facts(run):
    return json.loads((run / "metadata.json").read_text())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "vae"
    changes = ["training.epochs=1", "hyperparameters.widths=[16]", "hyperparameters.latent_dim=2", "data.limit=300"]
    return zoo.train("vae_dense", "digits", out, changes=changes)


@pytest.fixture(scope="module")
def original(run):
    """A copy of the run with a mixture."""
    zoo.fit_sampler(run, sampler="mixture", out=run.with_name("copy"), **QUICK["mixture"])
    return run.with_name("copy")


@pytest.fixture
def copy(original, tmp_path):
    """One that a test may change."""
    return Path(shutil.copytree(original, tmp_path / "copy"))


def without_exports(folder):
    shutil.rmtree(folder / "tflite")
    zoo.presets.seal(folder)


def test_a_copy_leaves_the_run_as_it_is(run, original):
    assert not (run / "samplers").exists() and "sampler" not in run_facts(run)
    assert all(check.passed for check in (*verify(run), *verify(original)))
    card = (original / "README.md").read_text()
    assert "# copy" in card and "Samples from the sampler mixture" in card
    measured = [run_facts(folder)["metrics"]["test"] for folder in (run, original)]
    assert "modes" in measured[0]["metrics"] and "modes" in measured[1]["skipped"]
    with pytest.raises(WriteError, match="exists"):
        zoo.fit_sampler(run, sampler="mixture", out=original)
    with pytest.raises(InputError, match="is the run itself"):
        zoo.fit_sampler(run, sampler="mixture", out=run, force=True)


def test_a_run_that_is_to_be_replaced_is_lost_only_to_one_that_is_complete(run, copy, monkeypatch):
    before = {file: file.read_bytes() for file in copy.rglob("*") if file.is_file()}

    def fail(path, facts):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zoo.presets, "seal", fail)
    with pytest.raises(WriteError, match=r"copy: cannot write \(No space left on device\)"):
        zoo.fit_sampler(run, sampler="mixture", out=copy, force=True, **QUICK["mixture"])
    assert before == {file: file.read_bytes() for file in copy.rglob("*") if file.is_file()}
    assert list(copy.parent.iterdir()) == [copy]


def test_a_run_keeps_its_samplers(run, copy, tmp_path):
    zoo.fit_sampler(copy, sampler="flow", **QUICK["flow"])
    assert all(check.passed for check in verify(copy))
    done = [sys.executable, "-c", READ, str(copy), str(tmp_path / "there.npy")]
    subprocess.run(done, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=600)
    names = (None, "flow", "mixture", "normal")
    last, flow, mixture, prior = (zoo.presets.load(copy, sampler=name).sample(5, seed=1) for name in names)
    assert np.allclose(np.load(tmp_path / "there.npy"), last, atol=1e-6) and np.array_equal(last, flow)
    assert not np.allclose(mixture, flow) and not np.allclose(prior, flow)
    with pytest.raises(InputError, match="it has normal, flow, mixture"):
        zoo.presets.load(copy, sampler="two_stage")
    without_exports(copy)
    zoo.fit_sampler(copy, sampler="normal")
    for folder in (run, copy):
        assert np.array_equal(zoo.load_model(folder).sample(5, seed=1), prior)


def test_a_preset_stays_as_it_is():
    with pytest.raises(InputError, match="a preset, which stays as it is"):
        zoo.fit_sampler("ae_conv.mnist", sampler="mixture")


@pytest.mark.parametrize("words", [{"components": 1_000_000}, {"flow_widths": [1_000_000, 1_000_000]}])
def test_a_sampler_that_is_larger_than_its_file_is_not_built(copy, words):
    name = "flow" if "flow_widths" in words else "mixture"
    (copy / "samplers" / f"{name}.json").write_text(json.dumps({"sampler": name, "words": words}))
    if name == "flow":
        shutil.copyfile(copy / "samplers" / "mixture.safetensors", copy / "samplers" / "flow.safetensors")
    zoo.presets.seal(copy)
    with pytest.raises(InputError, match="more numbers than its weight file holds"):
        zoo.presets.load(copy, sampler=name)


def test_what_was_learned_on_a_device_has_left_the_sampler_behind(run, copy, tmp_path):
    """Its codes are others now."""
    model = zoo.load_model(copy)
    path = export(model, tmp_path / "app", trainable=True, batch=4).path
    interpreter = litert.open_tflite(path)
    found = litert.run(interpreter, "sample", model.random_inputs("sample", 3))["x"]
    assert np.allclose(found, model.sample(3), atol=1e-5)
    np.savez(tmp_path / "state.npz", **interpreter.get_signature_runner("save")())
    back = zoo.load_model(zoo.import_state(tmp_path / "state.npz", copy, tmp_path / "back"))
    assert np.array_equal(back.sample(3), zoo.load_model(run).sample(3))


def test_a_damaged_sampler_is_refused(copy):
    file = copy / "samplers" / "mixture.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match="damaged"):
        zoo.load_model(copy)


def test_the_command_fits_and_samples(copy, tmp_path, capsys, monkeypatch):
    from zoo.cli import main

    def zoo_command(*words):
        with pytest.raises(SystemExit) as done:
            main(list(map(str, words)))
        return done.value.code or 0, capsys.readouterr()

    monkeypatch.chdir(tmp_path)
    without_exports(copy)
    code, said = zoo_command(
        "fit-sampler", copy, "--sampler", "flow", "--set", "epochs=2", "--set", "flow_widths=[8]", "--json"
    )
    assert code == 0 and '"sampler": "flow"' in said.out and "[8]" in said.out
    assert zoo_command("sample", copy, "--n", 4, "--out", "now.npy")[0] == 0
    assert zoo_command("sample", copy, "--n", 4, "--sampler", "normal", "--out", "prior.npy")[0] == 0
    assert not np.array_equal(np.load("now.npy"), np.load("prior.npy"))
    code, said = zoo_command("sample", copy, "--sampler", "two_stage", "--out", "no.npy")
    assert code == 2 and "has no sampler 'two_stage'" in said.err and not Path("no.npy").exists()
    code, said = zoo_command("fit-sampler", copy, "--sampler", "flow", "--set", "epoch=2")
    assert code == 2 and "did you mean 'epochs'" in said.err.replace('"', "'")
