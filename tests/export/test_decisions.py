"""The verdict of a file: by its own score and the threshold, bit for bit, and the same as in Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import scoring
from zoo.errors import GateError, InputError
from zoo.export import ParityError, decisions, export, litert
from zoo.export import tflite as converting


@pytest.fixture
def model(make):
    keras.utils.set_random_seed(0)
    return make("vae_dense", input_shape=(12,))


@pytest.fixture
def x():
    """64 examples, each stranger than the one before."""
    return np.random.default_rng(0).random((64, 12), "float32") * np.linspace(0, 1, 64, dtype="float32")[:, None]


def judged(path, x):
    """{"score", "is_anomaly"} that an exported file gives."""
    if path.is_dir():
        loaded = tf.saved_model.load(str(path))
        return {name: value.numpy() for name, value in loaded.signatures["score"](x=tf.constant(x)).items()}
    return litert.run(litert.open_tflite(path), "score", {"x": x})


@pytest.mark.parametrize("format", ["tflite", "saved_model"])
def test_a_file_decides_at_the_threshold_as_keras_does(model, x, tmp_path, format):
    report = export(model, tmp_path / "plain", format=format)
    found = judged(report.path, x)
    assert found.keys() == {"score"} and report.threshold is None
    middle = np.sort(found["score"])[32]
    for name, threshold in {"below": np.nextafter(middle, -np.float32(9e9)), "at": middle}.items():
        model.threshold = threshold
        report = export(model, tmp_path / name, format=format, examples=x)
        again, ours = judged(report.path, x), model.run("score", x=x)
        np.testing.assert_array_equal(again["score"], found["score"])
        np.testing.assert_array_equal(again["is_anomaly"], found["score"] > threshold)
        np.testing.assert_array_equal(ours["is_anomaly"], ours["score"] > threshold)
        assert again["is_anomaly"].sum() == (31 if name == "at" else 32)
        decided = next(row for row in report.rows if row.signature == "score").decisions
        assert decided["near"] + decided["compared"] == 64 and decided["different"] == 0
        assert decided["near"] >= (name == "at")
        assert report.threshold == decided["threshold"] == threshold


@pytest.mark.parametrize("quantize", ["float16", "dynamic_int8", "int8", "weight_int4"])
def test_a_quantized_file_decides_by_the_score_that_it_gives(model, x, tmp_path, quantize):
    model.threshold = np.sort(model.score(x))[32] + 1e-4  # a number of more digits than 16 bits hold
    calibration = x if quantize == "int8" else None
    report = export(model, tmp_path / "out", quantize=quantize, calibration=calibration, examples=x, tolerance=9.0)
    found = judged(report.path, x)
    np.testing.assert_array_equal(found["is_anomaly"], found["score"] > np.float32(model.threshold))
    assert set(found["is_anomaly"]) == {0, 1}


def test_a_file_whose_weights_lie_after_its_table_decides_too(make, tmp_path):
    """As the quantizer writes those of 256 KB and more."""
    model = make("vae_dense", input_shape=(784,), widths=(768,))
    x = np.random.default_rng(0).random((8, 784), "float32")
    model.threshold = np.median(model.score(x))
    report = export(model, tmp_path / "out", quantize="weight_int4", examples=x, tolerance=9.0)
    found = judged(report.path, x)
    np.testing.assert_array_equal(found["is_anomaly"], found["score"] > np.float32(model.threshold))


def test_without_the_repair_a_quantized_file_is_refused(model, x, tmp_path, monkeypatch):
    model.threshold = np.mean(np.sort(model.score(x))[32:34])
    monkeypatch.setattr(converting.decisions, "in_float32", lambda content, threshold: content)
    with pytest.raises(ParityError, match="on the other side"):
        export(model, tmp_path / "out", quantize="int8", calibration=x, examples=x, tolerance=9.0)


def test_a_converter_that_compares_otherwise_is_noticed(model, tmp_path):
    model.threshold = 1.0
    content = export(model, tmp_path / "out").path.read_bytes()
    assert decisions.in_float32(content, 1.0) != content
    model.judge_tensors = lambda x: {"score": x[:, 0], "is_anomaly": tf.cast(x[:, 0] < 1.0, tf.int32)}
    converting.write_tflite(model, tmp_path / "other.tflite")
    with pytest.raises(GateError, match="there is no GREATER"):
        decisions.in_float32((tmp_path / "other.tflite").read_bytes(), 1.0)


def test_examples_near_the_threshold_are_counted_and_others_must_agree():
    expected = {"score": np.float32([1, 2, 3, 4]), "is_anomaly": np.int32([0, 0, 1, 1])}
    found = {"score": np.float32([1, 2.6, 3, 4]), "is_anomaly": np.int32([0, 1, 1, 1])}
    said = decisions.compared(found, expected, 2.5, 0.6)
    assert said == {"threshold": 2.5, "compared": 2, "near": 2, "different": 0}
    said = decisions.compared(found, expected, 2.5, 0.1)
    assert said == {"threshold": 2.5, "compared": 4, "near": 0, "different": 1}
    inconsistent = found | {"is_anomaly": np.int32([0, 0, 1, 1])}
    assert decisions.compared(inconsistent, expected, 2.5, 0.6)["different"] == 1


def test_a_file_that_decides_otherwise_is_refused(model, x, tmp_path, monkeypatch):
    model.threshold = np.median(model.score(x))
    run = litert.run

    def swapped(interpreter, verb, inputs):
        found = run(interpreter, verb, inputs)
        return found | {"is_anomaly": 1 - found["is_anomaly"]} if verb == "score" else found

    monkeypatch.setattr(litert, "run", swapped)
    with pytest.raises(ParityError, match="64 of 64 examples are on the other side of the threshold"):
        export(model, tmp_path / "out", examples=x)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["cvae_dense", "vq_vae_dense", "miss_vae_dense"])
def test_variants_with_scores_of_their_own_decide_too(make, tmp_path, name):
    model = make(name, input_shape=(12,))
    model.threshold = 3.0
    report = export(model, tmp_path / "out")
    row = next(row for row in report.rows if row.signature == "score")
    assert row.outputs["is_anomaly"] == {"dtype": "int32", "shape": [1]} and row.decisions["threshold"] == 3.0


def test_the_threshold_is_a_float32_number_that_copies_keep_and_fit_forgets(model, x, tmp_path):
    model.threshold = 0.1
    assert model.threshold == float(np.float32(0.1))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert again.threshold == model.threshold and again.run("score", x=x)["is_anomaly"].dtype == np.int32
    model.compile()
    model.fit(x, verbose=0)
    assert model.threshold is None and "is_anomaly" not in model.run("score", x=x)
    for wrong in ("1", float("nan"), float("inf"), 1e39):
        with pytest.raises(InputError, match="threshold: needs a finite number"):
            model.threshold = wrong


def test_a_preset_decides_in_its_file_as_zoo_score_does(tmp_path):
    model = zoo.load_model("ae_conv.mnist")
    digits = model.preset.preprocessor.invert(model.preset.examples())
    raw = np.concatenate([digits, 255 - digits])
    found = scoring.score(model, raw)
    assert found.threshold == model.threshold and 0 < found.is_anomaly.sum() < len(raw)
    x = scoring.model_values(model.preset, raw)
    file = judged(export(model, tmp_path / "out").path, x)
    near = np.abs(found.scores - model.threshold) <= np.abs(file["score"] - found.scores).max()
    np.testing.assert_array_equal(file["is_anomaly"][~near], found.is_anomaly[~near])
    np.testing.assert_array_equal(model.run("score", x=x)["is_anomaly"], found.is_anomaly)
