"""The preprocessor: to model values and back, to JSON and back, and what it refuses."""

import json

import numpy as np
import pytest

from zoo.data import Preprocessor
from zoo.errors import InputError

PIXELS = {
    "uint8": Preprocessor.from_pixels((4, 5, 1), "uint8", 0, 255),
    "uint16": Preprocessor.from_pixels((4, 5, 3), "float32", 0, 65535),
    "unit": Preprocessor.from_pixels((4, 5, 1), "float32", 0, 1),
    "signed": Preprocessor.from_pixels((4, 5, 1), "float32", -1, 1),
}
TABLE = Preprocessor.standard(np.random.default_rng(0).normal(5, 3, (50, 4)).astype(np.float32), "table", "float32")


@pytest.mark.parametrize("p", PIXELS.values(), ids=PIXELS)
def test_pixels_become_exactly_zero_to_one(p):
    ends = np.array([p.low, (p.low + p.high) / 2, p.high], np.float32)
    np.testing.assert_array_equal(p.apply(ends)[[0, 2]], [0, 1])
    assert p.apply(ends)[1] == pytest.approx(0.5)
    assert p.apply(ends).dtype == np.float32


@pytest.mark.parametrize("p", [*PIXELS.values(), TABLE], ids=[*PIXELS, "table"])
def test_invert_undoes_apply_and_json_keeps_all(p):
    low, high = p.low or 0, p.high or 9
    x = np.linspace(low, high, 2 * int(np.prod(p.shape))).reshape(2, *p.shape).astype(np.float32)
    np.testing.assert_allclose(p.invert(p.apply(x)), x, rtol=1e-5, atol=1e-5)
    assert Preprocessor.from_json(p.to_json()) == p


def test_every_uint8_value_survives_the_way_there_and_back():
    p, x = PIXELS["uint8"], np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(np.rint(p.invert(p.apply(x))).astype(np.uint8), x)


def test_tensors_and_arrays_get_the_same_values():
    tf = pytest.importorskip("tensorflow")
    x = np.random.default_rng(1).integers(0, 256, (3, 4, 5, 1), dtype=np.uint8)
    p = PIXELS["uint8"]
    there = tf.function(p.apply)(tf.constant(x))
    assert there.dtype == tf.float32
    np.testing.assert_allclose(there, p.apply(x), rtol=1e-6)
    np.testing.assert_allclose(p.invert(there), x, rtol=1e-5)


def test_standard_is_mean_zero_and_sd_one_and_leaves_constants_unscaled():
    x = np.random.default_rng(2).normal([5, -100, 0], [2, 0.01, 30], (500, 3)).astype(np.float32)
    x = np.concatenate([x, np.full((500, 1), 0.1, np.float32)], axis=1)
    p = Preprocessor.standard(x, "table", "float32")
    z = p.apply(x)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(z.std(0), [1, 1, 1, 0], atol=1e-3)
    assert p.scale[3] == 1.0


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((2, 4, 5, 3)), "images have 3 channels, the model takes 1"),
        (np.zeros((2, 8, 9, 1)), "images are 8x9, the model takes 4x5; resize=(4, 5)"),
        (np.zeros((4, 5, 1)), "without a batch axis"),
        (np.full((2, 4, 5, 1), 2.0), "values run from 2 to 2; the model takes 0 to 1"),
        (np.full((2, 4, 5, 1), np.nan), r"40 NaN values \(first at \[0, 0, 0, 0\]\)"),
    ],
)
def test_check_refuses(x, words):
    with pytest.raises(InputError, match=words.replace("(4, 5)", r"\(4, 5\)")) as error:
        PIXELS["unit"].check(x, "x.npy")
    assert str(error.value).startswith("x.npy: ") and "\n" not in str(error.value)


def test_check_passes_what_fits():
    PIXELS["uint8"].check(np.zeros((2, 4, 5, 1), np.uint8))
    TABLE.check(np.full((2, 4), 1e6))


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 0.0},
        {"scale": float("inf")},
        {"shape": [0, 4, 1]},
        {"shape": [4.0, 4, 1]},
        {"kind": "table"},
        {"dtype": "object"},
        {"low": 2.0, "high": 1.0},
        {"low": None},
        {"shift": [1.0, 2.0]},
        {"shift": "1"},
        {"extra": 1},
    ],
    ids=str,
)
def test_from_json_refuses(change):
    fields = json.loads(PIXELS["unit"].to_json()) | change
    with pytest.raises(InputError, match="preprocessor"):
        Preprocessor.from_json(json.dumps(fields))


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_from_json_refuses_other_text(text):
    with pytest.raises(InputError, match="preprocessor"):
        Preprocessor.from_json(text)
