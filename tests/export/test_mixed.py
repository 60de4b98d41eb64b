"""Which weights take fewer bits: what a file is said to lose by them is what it loses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.export import constants, litert, mixed, rounding
from zoo.export import tflite as converting


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return zoo.create_model("vae_conv", input_shape=(8, 8, 1), latent_dim=4, widths=(8, 12))


@pytest.fixture(scope="module")
def content(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("mixed") / "m.tflite"
    converting.write_tflite(model, path)
    return path.read_bytes()


@pytest.fixture
def trial(content, model):
    return mixed.Trial(content, model, None, "dynamic_int8", 9.0)


@pytest.mark.parametrize("axis", [0, -1])
def test_the_error_of_a_trial_is_that_of_the_written_file(trial, content, axis):
    forms = {w.buffer: rounding.to_int8(w.values, axis % w.values.ndim) for w in trial.wide[::2]}
    forms |= {w.buffer: rounding.to_float16(w.values) for w in trial.wide[1::2]}
    expected, interpreter = trial.error(forms), litert.opened(mixed.written(content, forms))
    errors = [
        trial.measure(litert.run(interpreter, probe.verb, probe.inputs)[name], value)[1]
        for probe in trial.probes
        for name, value in probe.expected.items()
    ]
    assert expected > 1e-4 and expected == pytest.approx(max(errors), rel=1e-3)
    assert trial.error({}) < 1e-5


def test_what_is_lowered_stays_within_the_limit_and_takes_less_room(trial):
    ways = {w.buffer: [rounding.to_int8(w.values, 0)] for w in trial.wide}
    all = trial.error({buffer: way for buffer, (way,) in ways.items()})
    trial.limit = all / 2
    forms = trial.lowered({}, ways)
    assert 0 < len(forms) < len(ways) and trial.error(forms) <= all / 2
    assert trial.room(forms) < trial.room({})
    assert trial.lowered({}, {}) == {}
    trial.limit = 0.0
    assert trial.lowered({}, ways) == {}


def test_a_part_of_what_is_too_much_is_not_float16(content, model, trial):
    """Where little could be float16, all is: half of a half is not what was asked for."""
    file = constants.flatbuffer.unpacked(mixed.in_float16(content, model, tolerance=1e-9))
    exact = sum(weight.values.nbytes for weight in constants.weights_of(file))
    every = sum(weight.values.nbytes for weight in constants.weights_of(constants.flatbuffer.unpacked(content)))
    assert exact <= mixed.SMALLEST * every


def test_biases_stay_in_float32(tmp_path):
    """As an operation whose bias is made from float16 runs twice as long."""
    wide = zoo.create_model("ae_dense", input_shape=(96,), latent_dim=4, widths=(80,))
    wide.set_weights([weight + 0.1 for weight in wide.get_weights()])  # no bias of zeros, which the converter drops
    converting.write_tflite(wide, tmp_path / "m.tflite")
    content = (tmp_path / "m.tflite").read_bytes()
    for rewrite in (mixed.in_float16, mixed.in_int8):
        said = constants.described(rewrite(content, wide, tolerance=9.0))
        assert any(name.endswith("[96]") for name in said["float32"])
        assert "decoder/head [96,80]" in (said.get("int8") or said["float16"])


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("transposed", [False, True])
def test_the_sums_of_a_weight_are_those_of_its_operation(tmp_path, strides, transposed):
    generator = np.random.default_rng(0)
    kernel = generator.normal(size=(4, 4, 3, 5)).astype("float32")
    x = np.zeros((1, 8, 8, 5 if transposed else 3), "float32")
    x[:, 2:6, 2:6] = generator.normal(size=x[:, 2:6, 2:6].shape)  # nothing at the edges, where windows end

    def convolved(x):
        if transposed:
            return {"y": tf.nn.conv2d_transpose(x, kernel, (1, 8 * strides, 8 * strides, 3), strides)}
        return {"y": tf.nn.conv2d(x, kernel, strides, "SAME")}

    spec = tf.TensorSpec(x.shape, tf.float32, name="x")
    function = tf.function(convolved, autograph=False).get_concrete_function(x=spec)
    converting.write_functions({"f": function}, tmp_path / "f.tflite")
    content = (tmp_path / "f.tflite").read_bytes()
    y = litert.run(litert.opened(content), "f", {"x": x})["y"]
    file = constants.flatbuffer.unpacked(content)
    (weight,) = [w for w in constants.weights_of(file) if w.values.ndim > 1]
    rows = constants.by_sum(weight, weight.values)
    np.testing.assert_array_equal(constants.from_sums(weight, rows), weight.values)
    products = constants.products(content, file, [weight], [("f", {"x": x})])[weight.buffer]
    np.testing.assert_allclose(np.trace(rows @ products @ rows.T), np.sum(y.astype("float64") ** 2), rtol=1e-4)


def test_rounding_by_what_is_met_loses_less_of_the_sums_on_the_same_grid():
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(6, 40)).astype("float32")
    x = generator.normal(size=(400, 5)) @ generator.normal(size=(5, 40)) + 0.1 * generator.normal(size=(400, 40))
    products = (x.T @ x).astype("float32")
    for nearest in (rounding.to_int8(rows, 0), rounding.to_int8(rows, 1), rounding.to_float16(rows)):
        again = nearest._replace(stored=rounding.again(nearest, rows, nearest.steps, products))
        assert again.stored.dtype == nearest.stored.dtype and again.room == nearest.room
        errors = [np.trace((form.values - rows) @ products @ (form.values - rows).T) for form in (nearest, again)]
        assert errors[1] < 0.5 * errors[0]


@pytest.mark.parametrize("builtin, place", [("DEPTHWISE_CONV_2D", 1), ("FULLY_CONNECTED", 0), (None, 0)])
def test_weights_whose_sums_are_not_known_are_rounded_to_the_nearest(builtin, place):
    values = np.ones((2, 3), "float32")
    uses = [constants.Use(0, None, getattr(constants.BUILTIN, builtin), place)] if builtin else []
    assert constants.by_sum(constants.Weight(0, values, uses), values) is None
