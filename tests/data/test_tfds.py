"""TFDS: our digits through a real builder, MNIST where it is prepared, and no hang without a network."""

import multiprocessing
import os
import threading
import time

import numpy as np
import pytest
from sklearn.datasets import load_digits

from zoo.data import describe, load, tfds
from zoo.data.pixels import Size
from zoo.errors import InputError, WriteError


def test_digits_are_those_of_scikit_learn():
    x, y = load_digits(return_X_y=True)
    bundle = load("digits", validation=0, test=0)
    np.testing.assert_array_equal(bundle.train.y, y)
    np.testing.assert_allclose(bundle.preprocessor.apply(bundle.train.x).reshape(-1, 64), x / 16, atol=0.002)
    assert bundle.train.x.shape == (1797, 8, 8, 1) and bundle.train.x.dtype == np.uint8
    assert bundle.classes == tuple("0123456789") and "CC BY 4.0" in bundle.licence


@pytest.mark.parametrize("spec", ["sklearn:digits", "tfds:digits"])
def test_digits_have_three_names(spec):
    assert load(spec, limit=100).fingerprint == load("digits", limit=100).fingerprint


def test_digits_are_prepared_once(cache):
    load("digits")
    files = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    load("digits")
    assert files == {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    assert {path.name for path in (cache / "tfds").iterdir()} <= {"digits", "sprites"}


def fingerprint_in(cache):
    os.environ["ZOO_CACHE"] = cache
    return load("digits").fingerprint


def test_two_processes_may_prepare_at_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(fingerprint_in, [str(tmp_path / "shared")] * 2, chunksize=1)
    assert found == [load("digits").fingerprint] * 2
    assert [path.name for path in (tmp_path / "shared" / "tfds").iterdir()] == ["digits"]


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file"))
    with pytest.raises(WriteError, match="set ZOO_CACHE to a folder that can be"):
        load("digits")


def test_damaged_records_name_their_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    load("digits")
    record = next(tmp_path.rglob("*.tfrecord-*"))
    data = bytearray(record.read_bytes())
    data[len(data) // 2] ^= 0xFF
    record.write_bytes(data)
    with pytest.raises(InputError, match=f"{record.parent}: damaged .*remove this folder"):
        load("digits")


def test_describe_is_json():
    import json

    facts = json.loads(json.dumps(describe(load("digits"))))
    assert facts["sizes"]["train"] + facts["sizes"]["validation"] + facts["sizes"]["test"] == 1797
    assert facts["classes"]["3"] == 183 and facts["range"] == [0, 255] and len(facts["fingerprint"]) == 64


def test_offline_and_not_prepared_is_one_quick_error(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there
    start = time.monotonic()
    with pytest.raises(InputError, match=f"'tfds:mnist' is not prepared in {tmp_path} and .* cannot be reached"):
        load("tfds:mnist")
    assert time.monotonic() - start < 10


def test_a_network_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(tfds, "PATIENCE", 0.2)
    answered = threading.Event()

    def never(*args, **kwargs):
        answered.wait(60)
        raise OSError

    monkeypatch.setattr(tfds.socket, "create_connection", never)
    start = time.monotonic()
    assert not tfds._reachable()
    assert time.monotonic() - start < 2
    answered.set()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("tfds:mnits", "did you mean 'tfds:mnist', 'tfds:"),
        ("tfds:", "need tfds:NAME"),
        ("tfds:../x", "need tfds:NAME"),
        ("mnist", "did you mean 'tfds:mnist'?; accepted are digits"),
        ("dgits", "did you mean 'digits'"),
        ("sklearn:irsi", "did you mean 'iris'"),
        ("synthetic:mons", "did you mean 'moons'"),
        ("synthetic:moons:0", "the count must be from 2"),
    ],
)
def test_unknown_names(spec, words):
    with pytest.raises(InputError) as error:
        load(spec)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.fixture
def mnist():
    if not os.path.isdir(os.path.join(os.environ.get("TFDS_DATA_DIR", ""), "mnist")):
        pytest.skip("TFDS_DATA_DIR does not hold a prepared mnist")
    return load("tfds:mnist")


def test_mnist_keeps_its_own_test_split(mnist):
    assert len(mnist.test) == 10_000 and len(mnist.train) + len(mnist.validation) == 60_000
    assert abs(len(mnist.validation) - 6000) < 300
    assert mnist.source == "tfds:mnist:3.0.1" and mnist.shape == (28, 28, 1)
    np.testing.assert_array_equal(np.bincount(mnist.test.y), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])


def test_schemas_of_other_sets(tmp_path):
    """A builder with images of any size beside other features: read, resized, and refused without resize."""
    builder = _odd_builder(tmp_path)
    source = tfds._source(builder, "odd", "tfds:odd", Size(4, 4), None)
    train = source.parts["train"]
    assert train.x.shape == (6, 4, 4, 3)
    assert sorted(train.x[:, 0, 0, 0] // 40) == list(range(6))
    np.testing.assert_array_equal(train.y, train.x[:, 0, 0, 0] // 40 % 2)
    assert source.classes == ("a", "b") and set(source.parts) == {"train", "test"}
    with pytest.raises(InputError, match="more than one shape"):
        tfds._source(builder, "odd", "tfds:odd", None, None)


def _odd_builder(folder):
    import tensorflow_datasets as real

    class Odd(real.core.GeneratorBasedBuilder):
        VERSION = real.core.Version("1.0.0")

        def _info(self):
            features = {
                "id": real.features.Text(),
                "photo": real.features.Image(shape=(None, None, 3)),
                "kind": real.features.ClassLabel(names=["a", "b"]),
            }
            return real.core.DatasetInfo(builder=self, features=real.features.FeaturesDict(features))

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples(6), "test": self._generate_examples(2)}

        def _generate_examples(self, count):
            for i in range(count):
                photo = np.full((5 + i, 7, 3), 40 * i, np.uint8)
                yield i, {"id": str(i), "photo": photo, "kind": i % 2}

    builder = Odd(data_dir=folder)
    builder.download_and_prepare()
    return builder
