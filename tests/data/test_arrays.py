"""Arrays, pairs, named arrays and `tf.data` sets: what they are read as, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.data import load
from zoo.data import source as sources
from zoo.errors import InputError

from .examples import noise

ALL = {"validation": 0, "test": 0}


def test_uint8_images_are_kept_and_become_zero_to_one():
    x = noise(0, (20, 6, 5, 3))
    bundle = load(x, **ALL)
    assert (bundle.kind, bundle.shape, bundle.train.x.dtype) == ("image", (6, 5, 3), np.uint8)
    np.testing.assert_array_equal(bundle.train.x, x)
    np.testing.assert_allclose(bundle.preprocessor.apply(bundle.train.x), x / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "low", "high"),
    [
        (noise(0, (9, 4, 4, 1), np.float64), 0, 1),
        (noise(0, (9, 4, 4, 1), np.float32) * 2 - 1, -1, 1),
        (noise(0, (9, 4, 4, 1)).astype(np.float32), 0, 255),
        (noise(0, (9, 4, 4, 1)).astype(np.int64), 0, 255),
        (noise(0, (9, 4, 4, 1), np.uint16), 0, 65535),
        (noise(0, (9, 4, 4, 1)) > 99, 0, 1),
    ],
    ids=["unit", "signed", "bytes as floats", "bytes as ints", "uint16", "bool"],
)
def test_pixel_ranges_are_detected(x, low, high):
    bundle = load(x, **ALL)
    p = bundle.preprocessor
    assert (p.low, p.high, bundle.train.x.dtype) == (low, high, np.float32)
    np.testing.assert_allclose(p.apply(bundle.train.x), (x.astype(float) - low) / (high - low), atol=1e-6)
    native = x.dtype in (np.uint16, np.bool_)
    assert native or any(f"read as [{low}, {high}]" in note for note in bundle.notes)


def test_images_without_channels_get_one_and_sequences_are_asked_for():
    x = noise(0, (20, 12, 5), np.float32)
    images, sequences = load(x), load(x, kind="sequence")
    assert (images.kind, images.shape) == ("image", (12, 5, 1))
    assert "images without a channel axis were given one channel" in images.notes
    assert (sequences.kind, sequences.shape, len(sequences.preprocessor.scale)) == ("sequence", (12, 5), 5)


def test_a_pretrained_preprocessor_says_that_it_takes_sequences():
    x = noise(0, (20, 12, 5), np.float32)
    first = load(x, kind="sequence")
    again = load(x[:4], preprocessor=first.preprocessor)
    assert again.kind == "sequence" and again.preprocessor == first.preprocessor


def test_tables_are_standardised_by_their_training_split_only():
    x = np.random.default_rng(0).normal(7, 4, (300, 3))
    bundle = load(x)
    z = bundle.preprocessor.apply(bundle.train.x)
    np.testing.assert_allclose([z.mean(0), z.std(0)], [[0] * 3, [1] * 3], atol=1e-4)
    assert abs(bundle.preprocessor.apply(bundle.test.x).mean()) > 1e-4


def test_a_constant_column_is_said_aloud():
    x = np.random.default_rng(0).normal(size=(30, 3))
    x[:, 1] = 4.0
    bundle = load(x)
    assert bundle.preprocessor.scale[1] == 1
    assert any("1 column constant" in note and "[1]" in note for note in bundle.notes)


def test_pairs_of_pairs_are_the_train_and_test_of_keras():
    x, y = noise(0, (60, 5, 5)), np.arange(60) % 3
    bundle = load(((x[:40], y[:40]), (x[40:], y[40:])))
    np.testing.assert_array_equal(bundle.test.x[..., 0], x[40:])
    assert len(bundle.train) + len(bundle.validation) == 40 and len(bundle.validation) > 0


def test_examples_that_stand_in_both_splits_are_counted():
    x = noise(0, (40, 4, 4, 1))
    bundle = load({"x_train": x[:30], "x_test": x[25:]})
    assert any(note.startswith("5 of 15 examples") for note in bundle.notes)


def test_words_are_labels():
    bundle = load((noise(0, (4, 3, 3, 1)), np.array(["cat", "ant", "cat", "bee"])), **ALL)
    assert bundle.classes == ("ant", "bee", "cat")
    np.testing.assert_array_equal(bundle.train.y, [2, 0, 2, 1])
    assert bundle.train.y.dtype == np.int64


def test_data_are_brought_to_the_model():
    model = load(noise(0, (9, 8, 8, 1), np.float32)).preprocessor
    x = noise(1, (9, 16, 12, 3))
    bundle = load(x, preprocessor=model, resize=(8, 8), channels=1, **ALL)
    assert bundle.train.x.shape == (9, 8, 8, 1)
    assert bundle.train.x.max() <= 1 and bundle.preprocessor == model
    grey = (x / 255) @ [0.299, 0.587, 0.114]
    assert bundle.train.x.mean() == pytest.approx(grey.mean(), abs=0.02)
    assert any("brought from [0, 255]" in note for note in bundle.notes)


def test_one_example_is_enough_for_a_pretrained_model():
    model = load(noise(0, (9, 8, 8, 1))).preprocessor
    assert len(load(noise(0, (1, 8, 8, 1)), preprocessor=model, **ALL).train) == 1


def test_resizing_averages_what_a_pixel_covers():
    board = np.indices((16, 16)).sum(0) % 2 * 255
    small = load(np.stack([board] * 3).astype(np.uint8), resize=(4, 4), **ALL).train.x
    assert abs(small.astype(int) - 127).max() <= 32


def test_resizing_moves_no_example_to_another_split():
    x, y = noise(0, (50, 8, 8, 1)), np.arange(50)
    large, small = load((x, y)), load((x, y), resize=(4, 4), channels=3)
    np.testing.assert_array_equal(large.test.y, small.test.y)
    assert small.shape == (4, 4, 3)


@pytest.mark.parametrize("batch", [None, 4])
@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("shape", [(6, 5, 3), (5,)])
def test_tf_data_is_read_batched_or_not(batch, labelled, shape):
    tf = pytest.importorskip("tensorflow")
    x, y = noise(0, (10, *shape)), np.arange(10)
    dataset = tf.data.Dataset.from_tensor_slices((x, y) if labelled else x)
    bundle = load(dataset if batch is None else dataset.batch(batch), **ALL)
    np.testing.assert_array_equal(bundle.train.x, x)
    assert (bundle.train.y is not None) == labelled


def test_tf_data_without_end_or_of_dicts():
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(noise(0, (4, 3, 3, 1)))
    with pytest.raises(InputError, match="infinite"):
        load(dataset.repeat())
    with pytest.raises(InputError, match="need x or"):
        load(dataset.map(lambda x: {"image": x}))
    with pytest.raises(InputError, match="0 samples"):
        load(dataset.take(0))


def with_nan():
    x = np.zeros((4, 2, 2, 1), np.float32)
    x[1, 0, 1, 0], x[3, 1, 1, 0] = np.nan, np.inf
    return x


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (with_nan(), "2 NaN or infinite values (first at [1, 0, 1, 0])"),
        (np.array([{}, {}]), "dtype object"),
        (np.array(["a", "b"]), "dtype <U1"),
        (np.zeros((4, 3), complex), "dtype complex128"),
        (np.array(3.0), "shape ()"),
        (np.zeros((0, 4, 4, 1)), "0 samples"),
        (np.zeros((1, 4, 4, 1)), "1 sample; at least 2"),
        (np.zeros(5), "need [N, F]"),
        (np.zeros((2, 2, 2, 2, 2)), "need [N, F]"),
        (np.zeros((4, 0)), "empty axis"),
        (np.zeros((28, 28, 3), np.uint8), "one image, or sequences"),
        (np.zeros((9, 3, 32, 32), np.uint8), "channels first"),
        (np.full((4, 3, 3, 1), 300.0), "scale them to"),
        (np.full((4, 3), 1e300), "12 infinite values"),
        ((np.zeros((4, 2)), np.zeros(3)), "labels of shape (3,) for 4 examples"),
        ((np.zeros((4, 2)), np.full(4, 0.5)), "whole numbers; found 0.5"),
        ((np.zeros((4, 2)),), "tuple of 1"),
        ({"x": np.zeros((4, 2)), "x_test": np.zeros((4, 3))}, "different shapes"),
        ({"a": np.zeros(4), "b": np.zeros(4)}, "the arrays are ['a', 'b']"),
        ({"y": np.zeros(4)}, "shape (4,)"),  # a single array is the examples, whatever its name
        ({"x_test": np.zeros((4, 2))}, "there is test but no train"),
        ([[1, 2], [3]], "list: cannot become an array"),
        (["a", "b"], "dtype <U1"),
        (None, "NoneType is no data"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused(spec, words):
    with pytest.raises(InputError) as error:
        load(spec)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "words",
    [{"resize": 28}, {"resize": (0, 4)}, {"channels": 2}, {"limit": 0}, {"seed": -1}, {"kind": "audio"}],
    ids=str,
)
def test_refused_arguments(words):
    with pytest.raises(InputError, match=next(iter(words))):
        load(noise(0, (9, 4, 4, 1)), **words)


def test_a_model_of_other_channels_columns_or_size():
    x = noise(0, (9, 8, 8, 3))
    model = load(x).preprocessor
    with pytest.raises(InputError, match="images have 1 channels, the model takes 3; channels=3"):
        load(x[..., :1], preprocessor=model)
    with pytest.raises(InputError, match=r"images are 4x8, the model takes 8x8; resize=\(8, 8\)"):
        load(x[:, :4], preprocessor=model)
    with pytest.raises(InputError, match="the table has 2 columns, the model takes 3"):
        load(np.zeros((9, 2)), preprocessor=load(np.random.default_rng(0).normal(size=(9, 3))).preprocessor)


def test_more_data_than_memory(monkeypatch):
    monkeypatch.setattr(sources, "available_memory", lambda: 1000)
    load(np.zeros((5, 10, 10, 1), np.uint8))
    with pytest.raises(InputError, match=r"needs 6e-07 GB of memory, half of what is free is 5e-07 GB"):
        load(np.zeros((6, 10, 10, 1), np.uint8))


def test_standardised_images_are_recognised_and_kept():
    x = np.random.default_rng(0).normal(size=(50, 6, 6, 1)).astype(np.float32)
    bundle = load(x, **ALL)
    assert bundle.preprocessor.low is None and any("read as standardised" in note for note in bundle.notes)
    np.testing.assert_array_equal(bundle.preprocessor.apply(bundle.train.x), x)
    picture = bundle.preprocessor.picture(x)
    assert picture.min() >= 0 and picture.max() <= 1 and abs(picture.mean() - 0.5) < 0.05
    with pytest.raises(InputError, match="standardised; the model takes 0 to 255"):
        load(x, preprocessor=load(noise(0, (9, 6, 6, 1))).preprocessor)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_keras_dataset(labelled):
    import keras

    x, y = noise(0, (10, 6, 5, 1)), np.arange(10) % 3

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            rows = slice(3 * i, 3 * i + 3)
            return (x[rows], y[rows]) if labelled else x[rows]

    bundle = load(Batches(), **ALL)
    np.testing.assert_array_equal(bundle.train.x, x)
    assert bundle.train.y is None or bundle.train.y.tolist() == y.tolist()
    assert (bundle.train.y is not None) == labelled


def test_a_program_that_fails_while_it_makes_batches_is_named():
    import keras

    class Broken(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return noise(0, (3, 6))[: 3 // (2 - i)]

    def generator():
        yield from noise(0, (3, 6))
        raise RuntimeError("the disk is gone")

    with pytest.raises(InputError, match=r"^Broken: batch 2 cannot be read \(ZeroDivisionError: ") as caught:
        load(Broken())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    rows = tf.data.Dataset.from_generator(generator, output_signature=tf.TensorSpec((6,), tf.float32))
    with pytest.raises(InputError, match=r"^tf\.data: batch 3 cannot be read .*the disk is gone"):
        load(rows)


def test_lists_tensors_and_labels_of_words():
    rows = np.random.default_rng(0).normal(size=(30, 4)).astype("float32")
    labels = np.array(["a", "b"] * 15, dtype=object)
    for spec in (rows.tolist(), tf.constant(rows), keras.ops.convert_to_tensor(rows)):
        np.testing.assert_array_equal(load(spec).train.x, load(rows).train.x)
    bundle = load((tf.constant(rows), labels))
    assert bundle.classes == ("a", "b") and bundle.train.y.dtype == np.int64
