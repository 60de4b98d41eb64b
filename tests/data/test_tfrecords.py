"""`.tfrecord` files: encoded and raw images, rows of numbers, and files that are damaged."""

import io

import numpy as np
import pytest
from PIL import Image

from zoo.data import load
from zoo.errors import InputError

from .examples import noise

tf = pytest.importorskip("tensorflow")
ALL = {"validation": 0, "test": 0}
IMAGES = noise(0, (5, 6, 4, 3))


def feature(value):
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    if isinstance(value, int):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    return tf.train.Feature(float_list=tf.train.FloatList(value=value))


def written(path, examples):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in examples:
            features = {name: feature(value) for name, value in example.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return path


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_encoded_images_with_words_as_labels(tmp_path):
    rows = [{"image/encoded": png(x), "label": b"ab"[i % 2 : i % 2 + 1]} for i, x in enumerate(IMAGES)]
    bundle = load(written(tmp_path / "a.tfrecord", rows), **ALL)
    np.testing.assert_array_equal(bundle.train.x, IMAGES)
    assert bundle.classes == ("a", "b") and bundle.train.y.tolist() == [0, 1, 0, 1, 0]


def test_raw_images_and_rows(tmp_path):
    rows = [{"image_raw": x.tobytes(), "height": 6, "width": 4, "depth": 3, "label": 7} for x in IMAGES]
    np.testing.assert_array_equal(load(written(tmp_path / "a.tfrecord", rows), **ALL).train.x, IMAGES)
    numbers = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    bundle = load(written(tmp_path / "b.tfrecord", [{"features": row} for row in numbers]), **ALL)
    np.testing.assert_array_equal(bundle.train.x, numbers)
    assert bundle.kind == "table"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "0 samples"),
        ([{"name": 3}] * 3, "the records hold name (int64); need a feature image, x or data"),
        ([{"image": b"no image at all"}] * 3, "record 0: image: not an image"),
        ([{"image": png(IMAGES[0])}, {"image": png(IMAGES[1])[:60]}], "record 1: image: truncated PNG"),
        ([{"x": [1.0, 2.0]}, {"x": [1.0, 2.0, 3.0]}], "holds 2 numbers in one record and 3 in another"),
        ([{"image": png(IMAGES[0])}, {"image": png(IMAGES[1][:3])}], "images of more than one shape"),
    ],
    ids=str,
)
def test_wrong_records(tmp_path, rows, words):
    with pytest.raises(InputError) as error:
        load(written(tmp_path / "a.tfrecord", rows))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_damaged_files(tmp_path):
    path = written(tmp_path / "a.tfrecord", [{"image": png(x)} for x in IMAGES])
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(InputError, match="cut off, after 4 records"):
        load(path)
    path.write_bytes(whole[:60] + bytes([whole[60] ^ 1]) + whole[61:])
    with pytest.raises(InputError, match=r"damaged, or not a .tfrecord file, after 0 records"):
        load(path)
