"""Fewer bits for the weights, and what is refused: the traps of quantization that raise nothing."""

import json
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

import zoo
from zoo import numerics
from zoo.errors import GateError, InputError
from zoo.export import ParityError, export, flatbuffer, litert, mixed, parity, quantization, saved_model, signatures
from zoo.export import tflite as converting


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    return np.float32(load_digits().images[:128, ..., None] / 16)


@pytest.fixture(scope="module")
def model(digits):
    """A small VAE that has seen some digits."""
    import keras

    keras.utils.set_random_seed(0)
    vae = zoo.create_model("vae_conv", input_shape=(8, 8, 1), latent_dim=4, widths=(16, 32), activation="silu")
    vae.compile(keras.optimizers.Adam(3e-3), jit_compile=False)
    vae.fit(digits, epochs=5, batch_size=16, verbose=0)
    return vae


@pytest.mark.parametrize("precision", [name for name in quantization.PRECISIONS if name != "none"])
def test_every_precision_is_near_the_model_and_smaller(model, digits, tmp_path, precision):
    plain = export(model, tmp_path / "plain", examples=digits[:16])
    report = export(model, tmp_path / "out", quantize=precision, calibration=digits, tolerance=0.05)
    assert {row.signature for row in report.rows} == set(model.signatures()) and report.options["quantize"] == precision
    assert report.size < plain.size and report.options["calibration"] == "array"


def test_float16_is_kept_by_its_own_limit_and_ranks_scores_alike(model, digits, tmp_path):
    report = export(model, tmp_path / "out", quantize="float16", examples=digits[:16])
    limits = {row.signature: row.tolerance for row in report.rows}
    assert limits.pop("score") == quantization.RANKS and set(limits.values()) == {1e-3}


def test_float16_keeps_the_smallest_weights_in_float32(model, tmp_path):
    converting.write_tflite(model, tmp_path / "m.tflite")
    plain = (tmp_path / "m.tflite").read_bytes()
    half = mixed.in_float16(plain, model, tolerance=0.05)
    exact, rounded = sizes(plain), sizes(half)
    total, kept, less = (sum(part) for part in (exact["float32"], rounded["float32"], rounded["float16"]))
    assert 0 < kept <= mixed.SMALLEST * total and kept + less == total
    assert max(rounded["float32"]) <= min(rounded["float16"]) and len(half) < len(plain) - 1.8 * less


def test_dynamic_int8_is_kept_by_its_own_limit_and_says_which_weights_are(model, digits, tmp_path):
    halves = export(model, tmp_path / "half", quantize="float16", calibration=digits, tolerance=0.05)
    report = export(model, tmp_path / "out", quantize="dynamic_int8", calibration=digits)
    limits = {row.signature: row.tolerance for row in report.rows}
    assert limits.pop("score") == quantization.RANKS and set(limits.values()) == {1e-2}
    assert report.weights["int8"] and report.weights["of_float32"] < halves.weights["of_float32"]
    said = json.loads((tmp_path / "out" / "model.json").read_text())
    assert said["weights"] == report.weights
    named = [name for kind in ("int8", "float16") for name in said["weights"].get(kind, [])]
    assert {"encoder/conv_1 [16,4,4,1]", "decoder/conv_1 [16,4,4,32]"} <= set(named)


def sizes(content):
    """{type: how many numbers each constant of a file has}."""
    model, kinds = (
        flatbuffer.unpacked(content),
        {schema.TensorType.FLOAT32: "float32", schema.TensorType.FLOAT16: "float16"},
    )
    tensors = {tensor.buffer: tensor for graph in model.subgraphs for tensor in graph.tensors}
    found = {name: [] for name in kinds.values()}
    for tensor in tensors.values():
        if tensor.type in kinds and model.buffers[tensor.buffer].data is not None:
            found[kinds[tensor.type]].append(int(np.prod(tensor.shape)))
    return found


@pytest.mark.parametrize(
    "words, reason",
    [
        ({"quantize": "int8"}, "needs data to calibrate on"),
        ({"quantize": "int16"}, "unknown 'int16'"),
        ({"quantize": "int8", "calibration": np.zeros((3, 7))}, "the model takes"),
        ({"quantize": "int8", "trainable": True}, "quantize: is not for"),
    ],
)
def test_bad_input_writes_nothing(model, tmp_path, words, reason):
    with pytest.raises(InputError, match=reason):
        export(model, tmp_path / "out", **words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("quantize", ["float16", "dynamic_int8"])
def test_what_differs_too_much_is_refused_with_the_errors(model, digits, tmp_path, quantize):
    with pytest.raises(ParityError, match="nothing was kept") as caught:
        export(model, tmp_path / "out", quantize=quantize, examples=digits[:16], tolerance=1e-9)
    assert len(caught.value.rows) == len(model.signatures()) and not list(tmp_path.iterdir())


# The traps


def converted(functions, folder, prepare):
    """The bytes of a TFLite file, with a converter of one's own settings."""
    saved_model.write_functions(functions, folder / "saved")
    converter = getattr(tf.lite, "TFLite" + "Converter").from_saved_model(
        str(folder / "saved"), signature_keys=list(functions)
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    prepare(converter)
    return converter.convert()


def test_examples_without_the_name_of_a_signature_leave_weights_as_they_are(model, digits, tmp_path):
    def without_names(converter):
        codes = model.encode(digits[:8])  # what the first signature takes: no error says that there are others
        converter.representative_dataset = lambda: ([z[None]] for z in codes)

    with pytest.raises(GateError, match="was not quantized"):
        quantization.require_quantized(converted(signatures.functions(model, 1), tmp_path, without_names), large=500)
    named = list(quantization.calibration(model, digits[:4]))
    assert {verb for verb, _ in named} == set(model.signatures()) and len(named) == 8 * len(model.signatures())


def test_sixteen_bit_activations_with_shared_weights_are_refused(model, digits, tmp_path):
    def sixteen(converter):
        ops = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [ops, tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.representative_dataset = partial(quantization.calibration, model, digits[:32])

    assert "int16" not in "".join(quantization.PRECISIONS)
    (tmp_path / "m.tflite").write_bytes(converted(signatures.functions(model, 1), tmp_path, sixteen))
    rows = litert.verify_tflite(tmp_path / "m.tflite", model, digits[:16], quantize="int8")
    assert not all(row.passed for row in rows)


@pytest.mark.parametrize("ours", [True, False])
def test_softplus_beyond_the_range_of_exp(tmp_path, ours):
    function = numerics.softplus if ours else tf.nn.softplus
    spec = tf.TensorSpec([1, 2], tf.float32, name="x")
    concrete = tf.function(lambda x: {"y": function(x)}, autograph=False).get_concrete_function(x=spec)
    converting.write_functions({"f": concrete}, tmp_path / "f.tflite")
    x = np.float32([[100.0, -100.0]])
    found = litert.run(litert.open_tflite(tmp_path / "f.tflite"), "f", {"x": x})["y"]
    assert bool(parity.difference(found, np.float32([[100.0, 0.0]]))[1] <= 1e-5) is ours


def test_the_score_survives_eight_bits_at_any_batch(model, digits, tmp_path):
    """The cross-entropy of TensorFlow does not, at a dynamic batch; ours is written as softplus(l) - x l."""

    def eight(converter):
        converter.representative_dataset = partial(quantization.calibration, model, digits)

    functions = signatures.functions(model)
    (tmp_path / "m.tflite").write_bytes(converted(functions, tmp_path, eight))
    found = litert.run(litert.open_tflite(tmp_path / "m.tflite"), "score", {"x": digits[:32]})["score"]
    np.testing.assert_allclose(found, model.score(digits[:32]), rtol=0.1)


def test_a_wrong_order_of_scores_is_an_error(model, digits):
    scores = model.score(digits[:16])
    right = quantization.score_difference(lambda verb, inputs: model.run(verb, **inputs), model, digits[:16])
    wrong = quantization.score_difference(lambda verb, i: {"score": -model.score(i["x"])}, model, digits[:16])
    assert right == (0.0, pytest.approx(0.0, abs=1e-9)) and wrong[1] > 1 and len(scores) == 16


def test_scores_that_take_a_label_are_compared_too():
    cvae = zoo.create_model("cvae_dense", input_shape=(12,), latent_dim=2, widths=(8,))
    x = numerics.uniform((16, 12), numerics.key("x")).numpy()
    assert "label" in cvae.signatures()["score"].inputs
    same = quantization.score_difference(lambda verb, inputs: cvae.run(verb, **inputs), cvae, x)
    assert same == (0.0, pytest.approx(0.0, abs=1e-9))
