"""What is exported equals the Keras model: for all variants, parts and kinds of data."""

import ast
import itertools
import json

import keras
import numpy as np
import pytest

from zoo import catalog
from zoo.errors import GateError
from zoo.export import ParityError, export, parity

VARIANTS = sorted(catalog.read_folder())
BACKBONES = ("dense", "conv")
OF_IMAGES = {"dfc_vae", "ms_ssim_vae"}


def require_equal(report, model):
    """Every verb of the model was compared, on examples, and passed with finite outputs."""
    assert {row.signature for row in report.rows} == set(model.signatures()) == set(type(model).exports)
    assert report.examples["count"] > 0
    assert all(row.passed and row.error <= report.tolerance for row in report.rows)


def require_described(folder, model):
    """Every verb stands in model.json with words for every tensor, and in every snippet."""
    said = json.loads((folder / "model.json").read_text())["signatures"]
    assert said.keys() == model.signatures().keys()
    tensors = [tensor for verb in said.values() for side in ("inputs", "outputs") for tensor in verb[side].values()]
    assert all(tensor["meaning"] and len(tensor["range"]) == 2 for tensor in tensors)
    texts = [file.read_text() for file in sorted((folder / "snippets").iterdir())]
    assert len(texts) == 5 and all(f'"{verb}"' in text or f"{verb}(" in text for verb in said for text in texts[:2])
    ast.parse(texts[4])


@pytest.mark.parametrize("variant, backbone", list(itertools.product(VARIANTS, BACKBONES)))
def test_tflite_of_every_variant(make, tmp_path, variant, backbone):
    shape = (28, 28, 1) if backbone == "dense" else (28, 20, 1)
    model = make(f"{variant}_{backbone}", input_shape=shape)
    require_equal(export(model, tmp_path / "out"), model)
    require_described(tmp_path / "out", model)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("format", ["saved_model", "keras"])
def test_other_formats_of_every_variant(make, tmp_path, variant, format):
    model = make(f"{variant}_dense", input_shape=(12, 12, 1) if variant in OF_IMAGES else (6,))
    report = export(model, tmp_path / "out", format=format)
    require_equal(report, model)
    if format == "keras":
        assert all(row.error == 0.0 for row in report.rows)


@pytest.mark.parametrize("backbone, shape", [("conv", (13, 3)), ("dense", (13, 3)), ("dense", (6,))])
def test_sequences_and_tables(make, tmp_path, backbone, shape):
    model = make(f"vae_{backbone}", input_shape=shape)
    require_equal(export(model, tmp_path / "out", batch=3), model)


PARTS = [
    *({"likelihood": name} for name in ("gaussian", "laplace", "sigma", "continuous_bernoulli", "categorical")),
    *({"normalization": name} for name in ("batch", "layer", "group")),
    *({"activation": name} for name in ("silu", "gelu")),
    {"prior": "mixture"},
    {"dtype": "mixed_bfloat16"},
]


@pytest.mark.parametrize("words", PARTS, ids=lambda words: "-".join(words.values()))
def test_parts(make, tmp_path, words):
    model = make("vae_dense", **words)
    report = export(model, tmp_path / "out")
    require_equal(report, model)
    assert report.trained_in == words.get("dtype", "float32")


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_networks_of_ones_own(make, tmp_path, dtype):
    layers = keras.layers
    encoder = keras.Sequential([keras.Input((6,)), layers.Dense(8, dtype=dtype)], name="mine")
    decoder = keras.Sequential([keras.Input((4,)), layers.Dense(6, dtype=dtype)], name="yours")
    model = make("vae", input_shape=(6,), encoder=encoder, decoder=decoder, dtype=dtype)
    require_equal(export(model, tmp_path / "tflite"), model)
    require_equal(export(model, tmp_path / "keras", format="keras"), model)


def test_the_copy_in_float32_has_the_weights(make):
    from zoo.export.signatures import in_float32

    model = make("gan_conv", dtype="mixed_bfloat16")
    copy = in_float32(model)
    assert {layer.compute_dtype for layer in copy._flatten_layers()} == {"float32"}
    assert all(np.array_equal(a, b) for a, b in zip(copy.get_weights(), model.get_weights(), strict=True))


def test_indices_are_exported_as_integers(make, tmp_path):
    report = export(make("vq_vae_conv"), tmp_path / "out")
    encode = next(row for row in report.rows if row.signature == "encode")
    assert encode.outputs["indices"] == {"dtype": "int32", "shape": [1, 14, 10]}
    assert encode.error == 0.0


def test_examples_between_two_codes_are_left_out_and_counted(make, tmp_path):
    model = make("vq_vae_dense", input_shape=(1,), positions=1, latent_dim=1, codes=2)
    model.encoder = keras.Sequential([keras.Input((1,)), keras.layers.Reshape((1, 1))])
    model.codebook.vectors.assign([[0.0], [1.0]])
    x = np.array([[0.1], [0.5], [0.9]], "float32")
    chosen = parity.examples_for(model, x)
    assert chosen.ties == 1 and chosen.x.ravel().tolist() == x[[0, 2]].ravel().tolist()
    with pytest.raises(GateError, match="none of 1 examples"):
        parity.examples_for(model, x[1:2])


def test_a_difference_is_relative_beyond_one_and_integers_are_exact():
    difference = parity.difference
    assert difference(np.float32([0.5, 1000.5]), np.float32([0.5, 1000.0])) == (0.5, 0.0005)
    assert difference(np.float32([0.25]), np.float32([0.0])) == (0.25, 0.25)
    assert difference(np.int32([1]), np.int32([1])) == (0.0, 0.0)
    assert difference(np.int32([1]), np.int32([2])) == (np.inf, np.inf)
    assert difference(np.float32([[1]]), np.float32([1])) == (np.inf, np.inf)
    assert np.isnan(difference(np.float32([np.nan]), np.float32([np.nan]))[1])


def test_the_worst_signature_is_named():
    rows = [parity.Row(name, {}, {}, 1, e, e, 1e-5) for name, e in {"a": 1e-3, "b": 2.0, "c": 0.0}.items()]
    with pytest.raises(ParityError, match=r"^signature b: .* 2.0e\+00, more than 1e-05") as caught:
        parity.require(rows)
    assert caught.value.rows == rows and caught.value.exit_code == 3
    parity.require(rows[2:])
    with pytest.raises(ParityError, match=r"signature a: .* nan"):
        parity.require([parity.Row("a", {}, {}, 1, np.nan, np.nan, 1e-5)])


def test_weights_that_are_not_numbers_are_refused(make, tmp_path):
    model = make("ae_dense", input_shape=(6,))
    model.encoder.layers[1].bias.assign(np.full(8, np.nan))
    with pytest.raises(ParityError):
        export(model, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_the_report_is_what_parity_json_says(tflite, vae):
    _, out = tflite
    said = json.loads((out / "parity.json").read_text())
    assert said["signatures"].keys() == vae.signatures().keys()
    assert said["examples"] == {"origin": "random", "count": parity.RANDOM, "ties": 0}
    assert said["tolerance"] == 1e-5 and said["batch"] == 1
    assert {"tensorflow", "keras", "ai-edge-litert"} <= said["versions"].keys()
    encode = said["signatures"]["encode"]
    assert encode["inputs"] == {"x": {"dtype": "float32", "shape": [1, 28, 20, 1]}}
    assert encode["outputs"] == {name: {"dtype": "float32", "shape": [1, 4]} for name in ("z", "stddev")}
    assert 0 <= encode["max_abs_error"] <= 1e-5
    assert str(out) not in (out / "parity.json").read_text()
