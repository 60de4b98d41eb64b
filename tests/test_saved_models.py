"""The pretrained models: whole, as good as their cards say, and small enough to carry."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import zoo
from tests.conftest import ROOT
from zoo import catalog, presets, verification
from zoo.errors import InputError

FOLDER = ROOT / "saved_models"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
LIMIT = 25_000_000  # bytes of all presets
MNIST = Path(os.environ.get("TFDS_DATA_DIR", "none")) / "mnist" / "3.0.1"


def test_there_are_the_presets_of_the_catalogue():
    assert zoo.list_models(pretrained=True) == sorted(NAMES)
    assert {"ae_conv.mnist", "vae_conv.mnist", "vae_dense.mnist", "gan_conv.mnist"} <= set(NAMES)


def test_together_they_are_small():
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) < LIMIT


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_passes_its_verification(name):
    checks = verification.verify(name)
    assert all(check.passed for check in checks), [check for check in checks if not check.passed]
    assert sum(check.name.startswith("tflite/model.tflite ") for check in checks) == len(
        catalog.info(name.partition(".")[0]).exports
    )


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_not_constant_and_repeat(name):
    model = zoo.load_model(name)
    x = model.sample(16, seed=3)
    assert x.min() > -1 and x.max() < 2 and x.std(0).mean() > 0.05
    np.testing.assert_array_equal(x, model.sample(16, seed=3))
    assert np.abs(x - model.sample(16, seed=4)).max() > 0.1


@pytest.mark.parametrize("name", [name for name in NAMES if (FOLDER / name / "saved_model").is_dir()])
def test_the_saved_model_runs_where_there_is_no_keras(name):
    code = """
import sys
for blocked in ("zoo", "keras", "tf_keras", "tensorflow_probability"):
    sys.modules[blocked] = None
import numpy as np, tensorflow as tf
served = tf.saved_model.load(sys.argv[1]).signatures
golden = np.load(sys.argv[2])
found = served["reconstruct"](x=tf.constant(golden["reconstruct/inputs/x"]))["x_hat"].numpy()
assert np.abs(found - golden["reconstruct/outputs/x_hat"]).max() < 1e-5
"""
    folder = FOLDER / name
    command = [sys.executable, "-c", code, str(folder / "saved_model"), str(folder / "golden.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_scores_tell_digits_from_noise():
    model = zoo.load_model("vae_conv.mnist")
    threshold = model.preset.thresholds["score"]["0.999"]
    noise = (np.random.default_rng(0).random((20, 28, 28, 1)) > 0.5).astype("float32")
    assert (model.score(noise) > threshold).all()
    assert np.mean(model.score(model.preset.examples()) > threshold) < 0.5


def test_an_unknown_tag_names_those_there_are():
    with pytest.raises(InputError, match=r"vae_conv\.mnist"):
        zoo.load_model("vae_conv.minst")


@pytest.mark.skipif(not MNIST.is_dir(), reason="needs MNIST in TFDS_DATA_DIR")
@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_of_the_card_are_measured_again(name):
    from zoo.evaluation import evaluate

    preset = presets.open_preset(name)
    published = json.loads((preset.path / "metadata.json").read_text())["metrics"]["test"]["metrics"]
    model, settings = zoo.load_model(name), preset.experiment.data
    found = evaluate(model, presets.data_for(preset), samples=100, limit=200, binarize=settings.binarize)["metrics"]
    for metric in {"mse", "elbo", "distortion", "rate"} & published.keys():
        error = 4 * np.hypot(found[metric]["standard_error"], published[metric]["standard_error"])
        assert abs(found[metric]["value"] - published[metric]["value"]) < error
    assert found.keys() >= published.keys()
