"""Microcontrollers: int8 files that tflite-micro runs, each with a C header."""

import importlib.util
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from scipy.stats import spearmanr

import zoo
from zoo.errors import GateError, InputError
from zoo.export import ParityError, export, micro

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("tflite_micro"), reason="needs the extra micro: pip install 'autoencoder-zoo[micro]'"
)


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    return np.float32(load_digits().images[:256, ..., None] / 16)


def trained(digits, name, **words):
    import keras

    keras.utils.set_random_seed(0)
    model = zoo.create_model(name, input_shape=(8, 8, 1), latent_dim=4, widths=(16, 32), **words)
    model.compile(keras.optimizers.Adam(3e-3), jit_compile=False)
    model.fit(digits, epochs=15, batch_size=16, verbose=0)
    return model


@pytest.fixture(scope="module")
def model(digits):
    return trained(digits, "vae_dense", prior="mixture")


@pytest.fixture(scope="module")
def exported(model, digits, tmp_path_factory):
    return export(model, tmp_path_factory.mktemp("micro") / "out", format="micro", calibration=digits)


def test_what_fits_is_written_and_what_does_not_is_named(exported, model):
    said = json.loads((exported.path / "micro.json").read_text())
    assert (
        set(said["signatures"])
        == {row.signature for row in exported.rows}
        == {"encode", "decode", "reconstruct", "score"}
    )
    assert said["left_out"] == {"sample": "tflite-micro has no SUM in int8 (signature sample)"}
    for verb, described in said["signatures"].items():
        assert described["flash"] == (exported.path / f"{verb}.tflite").stat().st_size < 40_000
        assert 500 < described["arena"] < 20_000
    assert list(said["signatures"]["encode"]["outputs"]) == ["z"]  # the deviations need EXP


def test_scores_keep_their_order_because_they_are_summed_in_float32(exported, model, digits):
    described = json.loads((exported.path / "micro.json").read_text())["signatures"]["score"]
    interpreter = micro._interpreter((exported.path / "score.tflite").read_bytes())
    found, expected = micro.run(interpreter, described, {"x": digits})["score"], model.score(digits)
    assert described["outputs"]["score"] == {"dtype": "float32", "shape": [1], "scale": 0.0, "zero_point": 0}
    assert spearmanr(found, expected).statistic > 0.999 and len(set(found)) == len(set(expected))
    header = (exported.path / "score.h").read_text()
    assert "// output score: float32 [1]" in header and "SCALE" not in header


def test_an_autoencoder_runs_as_keras_does_and_its_score_fits(digits, tmp_path):
    model = trained(digits, "ae_conv", likelihood="gaussian")
    model.threshold = 7.5
    words = {"verbs": "score,encode,reconstruct", "tolerance": 0.05}
    report = export(model, tmp_path / "out", format="micro", calibration=digits, **words)
    assert [row.signature for row in report.rows] == ["encode", "reconstruct", "score"] and report.threshold == 7.5
    said = json.loads((report.path / "micro.json").read_text())
    interpreter = micro._interpreter((report.path / "reconstruct.tflite").read_bytes())
    found = micro.run(interpreter, said["signatures"]["reconstruct"], {"x": digits[-8:]})["x_hat"]
    expected = model.reconstruct(digits[-8:])
    assert said["threshold"] == 7.5 and np.std(expected, 0).mean() > 0.01  # it does look at its input
    assert np.mean(np.abs(found - expected)) < 0.2 * np.std(expected, 0).mean()


def test_the_header_is_the_file(exported, tmp_path):
    text = (exported.path / "encode.h").read_text()
    numbers = re.search(r"zoo_encode\[(\d+)\] = \{(.*)\}", text, re.DOTALL)
    content = bytes(int(number, 16) for number in re.findall(r"0x\w\w", numbers[2]))
    assert content == (exported.path / "encode.tflite").read_bytes() and int(numbers[1]) == len(content)
    assert "#define ZOO_ENCODE_X_ZERO_POINT (-128)" in text
    if compiler := shutil.which("gcc") or shutil.which("cc"):
        (tmp_path / "main.c").write_text("#include \"encode.h\"\nint main(void) { return zoo_encode[4] != 'T'; }\n")
        built = [compiler, "-Wall", "-Werror", f"-I{exported.path}", "main.c", "-o", "main"]
        subprocess.run(built, cwd=tmp_path, check=True)
        assert subprocess.run([tmp_path / "main"]).returncode == 0


def test_what_was_asked_for_and_does_not_fit_is_refused_by_operation(model, digits, tmp_path):
    with pytest.raises(GateError, match=r"tflite-micro has no SUM in int8 \(signature sample\); --verbs asks"):
        export(model, tmp_path / "out", format="micro", calibration=digits, verbs="encode,sample")
    assert not list(tmp_path.iterdir())


def test_what_differs_too_much_is_refused(model, digits, tmp_path):
    with pytest.raises(ParityError, match="nothing was kept"):
        export(model, tmp_path / "out", format="micro", calibration=digits, tolerance=1e-6, verbs="encode")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words, reason",
    [
        ({}, "needs data to calibrate on"),
        ({"calibration": np.zeros((3, 7))}, "the model takes"),
        ({"calibration": np.zeros((3, 8, 8, 1)), "verbs": "encode,fly"}, "no signature 'fly'; the model has encode"),
        ({"quantize": "int8"}, "quantize: is not for micro"),
    ],
)
def test_bad_input_writes_nothing(model, tmp_path, words, reason):
    with pytest.raises(InputError, match=reason):
        export(model, tmp_path / "out", format="micro", **words)
    assert not list(tmp_path.iterdir())
