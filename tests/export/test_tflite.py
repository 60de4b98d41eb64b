"""The TFLite file: its signatures, its operations, and when it is refused."""

import hashlib

import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import GateError, InputError
from zoo.export import ParityError, export, latencies, litert, verify_tflite
from zoo.export import tflite as converting


def test_names_and_shapes_are_the_models(tflite, vae):
    _, out = tflite
    interpreter = litert.open_tflite(out / "model.tflite")
    found = interpreter.get_signature_list()
    assert set(found) == set(vae.signatures()) and not {"serve", "serving_default"} & set(found)
    for verb, signature in vae.signatures().items():
        details = interpreter.get_signature_runner(verb).get_input_details()
        assert {name: tuple(d["shape"]) for name, d in details.items()} == {
            name: (1, *shape) for name, shape in signature.inputs.items()
        }


def test_builtin_operations_only(tflite):
    report, out = tflite
    used = litert.operations(out / "model.tflite")
    assert used == report.operations and used["FULLY_CONNECTED"] >= 9  # 3 networks of 2 or 3 layers, and twice both
    assert not {"CUSTOM", "DELEGATE"} & set(used) and not any("Flex" in name for name in used)


def test_a_file_with_other_operations_is_refused(tmp_path):
    function = tf.function(lambda x: {"y": tf.math.erf(x)}, input_signature=[tf.TensorSpec([1, 2])])
    converter = getattr(tf.lite, "TFLite" + "Converter").from_concrete_functions([function.get_concrete_function()])
    converter.allow_custom_ops = True
    (tmp_path / "erf.tflite").write_bytes(converter.convert())
    with pytest.raises(GateError, match="Erf is not a builtin operation"):
        litert.operations(tmp_path / "erf.tflite")


def test_the_file_is_what_the_report_says(tflite):
    report, out = tflite
    content = (out / "model.tflite").read_bytes()
    assert report.files == {"model.tflite": {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}}
    assert report.size == len(content) and report.path == out / "model.tflite"


def test_weights_are_shared_by_signatures(tflite, vae):
    report, _ = tflite
    floats = sum(int(np.prod(w.shape)) for w in vae.trainable_weights)
    assert 4 * floats < report.size < 1.5 * 4 * floats  # five copies of the networks would be far larger


def test_one_file_fits_its_model_only(tflite, vae, make, images):
    _, out = tflite
    rows = verify_tflite(out / "model.tflite", vae, images)
    assert all(row.passed and row.examples == 3 for row in rows)
    assert not any(row.passed for row in verify_tflite(out / "model.tflite", make("vae_dense"), images))
    wrong = verify_tflite(out / "model.tflite", make("vae_dense", input_shape=(28, 28, 1)))
    assert {row.signature: row.error for row in wrong}["encode"] == np.inf
    strict = verify_tflite(out / "model.tflite", vae, images, tolerance=-1.0)
    assert not any(row.passed for row in strict)


def test_a_batch_that_examples_do_not_fill(vae, tmp_path, images):
    report = export(vae, tmp_path / "out", batch=2, examples=images)
    assert report.examples == {"origin": "given", "count": 3, "ties": 0}
    assert all(row.passed and row.examples == 3 for row in report.rows)
    found = litert.run(litert.open_tflite(report.path), "reconstruct", {"x": images})
    np.testing.assert_allclose(found["x_hat"], vae.reconstruct(images), atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x1c\0\0\0TFL3" + b"\xff" * 64])
def test_a_file_that_is_not_tflite(tmp_path, content, vae):
    (tmp_path / "model.tflite").write_bytes(content)
    with pytest.raises(InputError, match="not a readable TFLite file"):
        verify_tflite(tmp_path / "model.tflite", vae)


def test_weights_that_change_on_the_way_are_refused(make, tmp_path, monkeypatch):
    model, convert = make("ae_dense", input_shape=(6,)), converting.convert

    def converted(*arguments):
        content = convert(*arguments)
        model.decoder.layers[-2].bias.assign_add(np.full(6, 1e-3))
        return content

    monkeypatch.setattr(converting, "convert", converted)
    with pytest.raises(ParityError) as caught:
        export(model, tmp_path / "deep" / "out")
    failed = {row.signature for row in caught.value.rows if not row.passed}
    assert failed == {"decode", "reconstruct", "sample", "score"}
    assert not list(tmp_path.iterdir())


def test_an_operation_without_builtin_is_named(make, tmp_path):
    model = make("ae_dense", input_shape=(6,))
    sample = model.sample_tensors
    model.sample_tensors = lambda **noise: {"x": tf.math.erf(sample(**noise)["x"])}
    with pytest.raises(GateError, match=r"^no TFLite builtin for Erf \(signature sample\)$"):
        export(model, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_conversion_is_silent(make, tmp_path, capfd):
    model = make("ae_dense", input_shape=(6,))
    export(model, tmp_path / "first")  # TensorFlow's own greetings come once a process
    capfd.readouterr()
    export(model, tmp_path / "second")
    model.sample_tensors = lambda noise: {"x": tf.math.erf(noise)}
    with pytest.raises(GateError):
        export(model, tmp_path / "third")
    assert capfd.readouterr() == ("", "")


def test_many_verbs_of_many_models_bring_no_warning(make, images, caplog):
    for _ in range(3):
        model = make("vae_dense")
        model.score(images), model.sample(1), model.reconstruct(images)
    assert "retracing" not in caplog.text


def test_latencies_of_both(tflite, vae):
    _, out = tflite
    found = latencies(out / "model.tflite", vae, runs=5)
    assert found.keys() == vae.signatures().keys()
    for times in found.values():
        assert times.keys() == {f"{name}_p{q}_ms" for name in ("tflite", "function") for q in (50, 95)}
        assert all(0 < times[f"{name}_p50_ms"] <= times[f"{name}_p95_ms"] for name in ("tflite", "function"))
