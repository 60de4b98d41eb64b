"""The file that goes on learning: as the Keras model does, step by step, and back into Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import presets, weights
from zoo.errors import GateError, InputError
from zoo.export import ParityError, export, litert, on_device, products

DIGITS = {"input_shape": (8, 8, 1), "latent_dim": 3, "widths": (8,)}
LEARNING = [
    ("ae_dense", {}, "sgd"),
    ("ae_conv", {"normalization": "group", "activation": "silu"}, "adamw"),
    ("vae_dense", {"normalization": "batch", "activation": "gelu"}, "adamw"),
    ("vae_dense", {"normalization": "layer", "prior": "mixture"}, "sgd"),
    ("vae_conv", {"normalization": "batch"}, "sgd"),
    ("vae_conv", {"normalization": "layer", "activation": "gelu", "input_shape": (9, 7, 2)}, "adam"),
    ("vae_conv", {"input_shape": (13, 3), "activation": "silu"}, "adam"),
    ("beta_vae_conv", {"beta": {"start": 0.0, "stop": 4.0, "steps": 3}}, "adam"),
    ("iwae_dense", {"samples": 3}, "adam"),
    ("contractive_ae_dense", {}, "sgd"),  # whose loss has derivatives
    ("vq_vae_dense", {"codes": 12, "positions": 4}, "adam"),
    ("vq_vae_conv", {"codes": 12, "normalization": "batch"}, "adam"),
]


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    return np.float32(load_digits().images[:32, ..., None] / 16)


def examples(shape):
    return np.random.default_rng(0).random((6, *shape), "float32")


@pytest.fixture(scope="module")
def learning(tmp_path_factory, digits):
    """(model, path of a trainable file) of a small VAE."""
    keras.utils.set_random_seed(0)
    model = zoo.create_model("vae_conv", **DIGITS)
    report = export(model, tmp_path_factory.mktemp("learning") / "out", trainable=True, batch=4, examples=digits)
    return model, report


def runners(path, *names):
    interpreter = litert.open_tflite(path)
    return [interpreter.get_signature_runner(name) for name in names]


@pytest.mark.parametrize("name, words, optimizer", LEARNING)
def test_it_learns_as_keras_does(tmp_path, name, words, optimizer):
    keras.utils.set_random_seed(0)
    model = zoo.create_model(name, **{**DIGITS, **words})
    before = weights.values(weights.of_model(model))
    x = examples(model.example_shape)
    report = export(model, tmp_path / "out", trainable=True, batch=4, optimizer=optimizer, examples=x)
    rows = {row.signature: row for row in report.rows}
    assert rows.keys() == {*model.signatures(), "train", "save", "restore"} and all(row.passed for row in report.rows)
    assert {name: rows[name].tolerance for name in ("train", "save", "restore")} == on_device.TOLERANCES
    assert rows["train"].inputs["x"]["shape"] == [4, *model.example_shape] and report.batch == 1
    after = weights.values(weights.of_model(model))
    assert all(np.array_equal(before[key], after[key]) for key in before)  # the model itself has learned nothing


def test_a_wrong_gradient_is_refused(tmp_path, monkeypatch):
    """By a ten-thousandth, in the kernels of convolutions alone; the losses of the first steps do not tell."""
    right = products.Convolution._to_weights
    monkeypatch.setattr(products.Convolution, "_to_weights", lambda *given: 1.0001 * right(*given))
    model = zoo.create_model("ae_conv", **DIGITS)
    with pytest.raises(ParityError, match="signature save: differs") as refused:
        export(model, tmp_path / "out", trainable=True, batch=4, optimizer="adam", examples=examples((8, 8, 1)))
    assert [row.signature for row in refused.value.rows if not row.passed] == ["save"]
    assert not list(tmp_path.iterdir())


def test_the_loss_falls_and_no_noise_is_asked_for(learning, digits):
    _, report = learning
    (train,) = runners(report.path, "train")
    assert list(train.get_input_details()) == ["x"]
    losses = [float(train(x=digits[i % 8 * 4 :][:4])["loss"]) for i in range(200)]
    assert np.mean(losses[-20:]) < 0.7 * np.mean(losses[:20])


def test_what_is_restored_goes_on_to_the_same_losses(learning, digits):
    _, report = learning
    train, save, score = runners(report.path, "train", "save", "score")
    for i in range(3):
        train(x=digits[4 * i :][:4])
    kept = {name: array.copy() for name, array in save().items()}
    again, restore, told = runners(report.path, "train", "restore", "score")
    restore(**kept)
    assert score(x=digits[:1])["score"] == told(x=digits[:1])["score"]
    assert [train(x=digits[:4])["loss"] for _ in range(3)] == [again(x=digits[:4])["loss"] for _ in range(3)]


def test_numbers_that_are_not_finite_change_nothing(learning, digits):
    _, report = learning
    train, save = runners(report.path, "train", "save")
    train(x=digits[:4])
    before = {name: array.copy() for name, array in save().items()}
    train(x=np.where(np.arange(4)[:, None, None, None] == 2, np.nan, digits[:4]).astype("float32"))
    after = save()
    assert {name for name in before if not np.array_equal(before[name], after[name])} == {
        "step",
        "skipped",
        "skipped_in_a_row",
    }
    assert after["skipped"] == 1 and np.isfinite(train(x=digits[:4])["loss"])


def test_a_layer_that_cannot_learn_is_named(tmp_path):
    layers = keras.layers
    flat = [layers.MaxPooling2D(name="pool"), layers.Flatten(), layers.Dropout(0.5, name="drop"), layers.Dense(6)]
    encoder = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3, name="c"), *flat], name="mine")
    model = zoo.create_model("vae_conv", **DIGITS, encoder=encoder)
    with pytest.raises(GateError, match=r"in layer mine/drop.*MaxPoolGrad in layer mine/pool \(signature train\)$"):
        export(model, tmp_path / "out", trainable=True)
    assert not list(tmp_path.iterdir())
    assert export(model, tmp_path / "out").size > 0  # though the verbs can be exported


@pytest.mark.parametrize(
    "words, reason",
    [
        ({"optimizer": "lion"}, "takes adam, adamw, sgd"),
        ({"learning_rate": 0.0}, "a positive number"),
        ({"format": "keras"}, "only the format tflite"),
        ({"batch": 0}, "at least 1"),
    ],
)
def test_bad_input_writes_nothing(learning, tmp_path, words, reason):
    with pytest.raises(InputError, match=reason):
        export(learning[0], tmp_path / "out", **{"trainable": True, **words})
    assert not list(tmp_path.iterdir())


# Back into Keras


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder of a tiny model."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    changes = {"training.epochs": 1, "hyperparameters.latent_dim": 3, "hyperparameters.widths": [8], "data.limit": 64}
    return zoo.train("vae_dense", "digits", out, changes=changes)


@pytest.fixture(scope="module")
def learned(run, digits, tmp_path_factory):
    """What `save` gives after three steps: (path of the .npz file, {name: array})."""
    folder = tmp_path_factory.mktemp("learned")
    report = export(run, folder / "app", trainable=True, batch=4)
    train, save = runners(report.path, "train", "save")
    for i in range(3):
        train(x=digits[4 * i :][:4])
    np.savez(folder / "state.npz", **save())
    return folder / "state.npz", save()


def test_what_was_learned_comes_back_exactly(run, learned, tmp_path):
    file, state = learned
    before = int(zoo.load_model(run).step)
    model = zoo.load_model(zoo.import_state(file, run, tmp_path / "back"))
    for name, value in weights.values(weights.of_model(model)).items():
        kept = state[name.replace("/", "__")]
        assert kept.shape == (value.shape or (1,)) and np.array_equal(value, kept.reshape(value.shape)), name
    preset = presets.open_preset(tmp_path / "back")
    assert preset.metadata["on_device"] == {"steps": 3, "preset": str(run)} and int(model.step) == before + 3
    assert preset.metadata["metrics"] == {} and preset.thresholds is None
    assert "3 steps were made on a device" in (tmp_path / "back" / "README.md").read_text()


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda s: {k: v for k, v in s.items() if k != "encoder__head__bias"}, "has no array 'encoder__head__bias'"),
        (lambda s: s | {"encoder__head__bais": np.zeros(1)}, "unknown array 'encoder__head__bais'"),
        (lambda s: s | {"encoder__head__bias": np.zeros(1, "float32")}, r"the model needs float32\[6\]"),
        (lambda s: s | {"encoder__head__bias": np.full(6, np.nan, "float32")}, "holds NaN"),
        (lambda s: s | {"optimizer_bomb": np.zeros(10**7)}, "has fewer"),
    ],
)
def test_a_state_that_does_not_fit(run, learned, tmp_path, change, reason):
    np.savez(tmp_path / "bad.npz", **change(learned[1]))
    with pytest.raises(InputError, match=reason):
        zoo.import_state(tmp_path / "bad.npz", run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file", None])
def test_a_state_that_cannot_be_read(run, tmp_path, content):
    if content is not None:
        (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"not a readable \.npz file"):
        zoo.import_state(tmp_path / "bad.npz", run, tmp_path / "out")


# The gradients, one by one


def both(function, *arrays):
    """Gradients of a weighted sum of a function's output: by the tape, and with builtins only, in one graph."""
    from zoo.export import gradients

    @tf.function(autograph=False)
    def compute(*tensors):
        def weighted(y):
            return tf.reduce_sum(y * tf.cos(tf.reshape(tf.range(tf.size(y), dtype=tf.float32), tf.shape(y))))

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            loss = weighted(function(*tensors))
        with gradients.of_builtins(keras.Sequential()):
            again = weighted(function(*tensors))
        return tape.gradient(loss, tensors), tf.gradients(again, tensors)

    return compute(*map(tf.constant, arrays))


def numbers(*shape):
    return np.random.default_rng(1).normal(size=shape).astype("float32")


@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True), (True, True)])
def test_matrices(transposed):
    shapes = [(5, 4) if transposed[0] else (4, 5), (3, 5) if transposed[1] else (5, 3)]
    expected, found = both(lambda a, b: tf.matmul(a, b, *transposed), *(numbers(*shape) for shape in shapes))
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


SLICES = [
    lambda x: x[..., :2],
    lambda x: x[1:, ..., -2:],
    lambda x: x[:, 2],
    lambda x: x[-1, :, 1:2],
    lambda x: x[:, None, 1:3],
    lambda x: x[1],
]


@pytest.mark.parametrize("index", range(len(SLICES)))
def test_slices(index):
    (expected,), (found,) = both(SLICES[index], numbers(3, 5, 4))
    np.testing.assert_array_equal(expected, found)


@pytest.mark.parametrize(
    "function",
    [tf.nn.relu, tf.nn.leaky_relu, tf.nn.elu, tf.nn.silu, tf.math.reciprocal],
    ids=lambda function: function.__name__,
)
def test_activations(function):
    (expected,), (found,) = both(function, np.linspace(-6, 6, 200, dtype="float32"))
    np.testing.assert_allclose(expected, found, rtol=1e-6, atol=1e-6)


def test_gelu():
    from zoo.export.gradients import gelu

    x = tf.constant(np.linspace(-9, 9, 500, dtype="float32"))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours, theirs = gelu(x), tf.nn.gelu(x, approximate=False)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(tape.gradient(ours, x), tape.gradient(theirs, x), atol=1e-6)
