"""ONNX: a file a signature, any batch, equal to the Keras model."""

import importlib.util
import logging

import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import GateError, InputError
from zoo.export import ParityError, export, onnx

needs_onnx = pytest.mark.skipif(
    not importlib.util.find_spec("tf2onnx"), reason="needs the extra onnx: pip install 'autoencoder-zoo[onnx]'"
)
MODELS = {  # what differs in operations: transposed convolutions, indices, spheres, hyperbolic maps, recurrence, masks
    "vae_conv": {"normalization": "batch"},
    "vq_vae_conv": {},
    "sphere_vae_dense": {},
    "poincare_vae_dense": {},
    "beta_vae_lstm": {"input_shape": (9, 3), "likelihood": "gaussian"},
    "gan_conv": {},
}


@needs_onnx
@pytest.mark.parametrize("name", MODELS)
def test_every_signature_equals_the_model(make, tmp_path, name):
    model = make(name, **MODELS[name])
    report = export(model, tmp_path / "out", format="onnx")
    assert {row.signature for row in report.rows} == set(model.signatures()) and report.batch is None
    assert {f"onnx/{verb}.onnx" for verb in model.signatures()} == set(report.files)
    assert all(row.passed for row in report.rows)


@needs_onnx
def test_names_types_and_a_batch_of_any_size(vae, images, tmp_path):
    out = export(vae, tmp_path / "out", format="onnx").path
    session = onnx.open_onnx(out / "encode.onnx")
    (x,) = session.get_inputs()
    assert (x.name, x.type, x.shape) == ("x", "tensor(float)", ["batch", 28, 20, 1])
    assert [output.name for output in session.get_outputs()] == ["stddev", "z"]
    for count in (1, 3):
        (z,) = session.run(["z"], {"x": images[:count]})
        np.testing.assert_allclose(z, vae.encode(images[:count]), atol=1e-5)


@needs_onnx
def test_weights_that_change_on_the_way_are_refused(vae, tmp_path, monkeypatch):
    def twice(verb, function):
        proto = right(verb, function)
        for tensor in proto.graph.initializer:
            if tensor.data_type == 1 and len(tensor.dims) > 1:
                tensor.raw_data = (2 * np.frombuffer(tensor.raw_data, "float32")).tobytes()
        return proto

    right = onnx.converted
    monkeypatch.setattr(onnx, "converted", twice)
    with pytest.raises(ParityError, match="nothing was kept"):
        export(vae, tmp_path / "out", format="onnx")
    assert not list(tmp_path.iterdir())


@needs_onnx
def test_an_operation_without_translation_is_named():
    spec = tf.TensorSpec([None, 3], tf.float32, name="x")
    function = tf.function(lambda x: {"y": tf.math.bessel_i0e(x)}, autograph=False).get_concrete_function(x=spec)
    with pytest.raises(GateError, match=r"no ONNX operation for BesselI0e \(signature f\)"):
        onnx.converted("f", function)


@needs_onnx
@pytest.mark.parametrize("left, right", [((2, 1), (3, 1, 4)), ((3, 1, 4), (2, 1)), ((2, 3), (2, 1))])
def test_shapes_are_broadcast(left, right):
    """What the converter lacks and the zoo adds: shapes of other lengths, and exp(x) - 1."""
    arrays = {
        name: np.random.default_rng(0).random(shape, "float32") for name, shape in {"a": left, "b": right}.items()
    }
    specs = {name: tf.TensorSpec([None] * array.ndim, tf.float32, name=name) for name, array in arrays.items()}

    def function(a, b):
        return {"y": tf.math.expm1(tf.broadcast_to(a, tf.broadcast_dynamic_shape(tf.shape(a), tf.shape(b))))}

    concrete = tf.function(function, autograph=False).get_concrete_function(**specs)
    found = session_of("f", concrete).run(None, arrays)[0]
    np.testing.assert_allclose(found, function(**arrays)["y"], rtol=1e-5)


def session_of(verb, concrete):
    import onnxruntime

    return onnxruntime.InferenceSession(onnx.converted(verb, concrete).SerializeToString())


@needs_onnx
@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x08\x0a" * 50])
def test_a_file_that_is_not_onnx(tmp_path, content):
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(InputError, match="not a readable ONNX file"):
        onnx.open_onnx(tmp_path / "x.onnx")


@needs_onnx
def test_conversion_is_silent_and_leaves_the_log_as_it_was(vae, tmp_path, capfd):
    level = logging.getLogger("tf2onnx").level
    export(vae, tmp_path / "out", format="onnx")
    assert capfd.readouterr() == ("", "") and logging.getLogger("tf2onnx").level == level


def test_without_the_extra_one_line_names_it(vae, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else find(name))
    with pytest.raises(InputError, match=r"needs tf2onnx: pip install 'autoencoder-zoo\[onnx\]'"):
        export(vae, tmp_path / "out", format="onnx")
    assert not list(tmp_path.iterdir())


@needs_onnx
def test_a_signature_that_the_converter_gives_up_on_is_named():
    spec = tf.TensorSpec([None, 2], tf.float32, name="x")
    function = tf.function(lambda x: {"x": 2.0 * x}, autograph=False).get_concrete_function(x=spec)
    with pytest.raises(GateError, match="tf2onnx cannot translate the signature double"):
        onnx.converted("double", function)
