"""Examples on the disk: an array in all that is asked of them, the same splits and training, bounded memory."""

import subprocess
import sys

import numpy as np
import pytest

from zoo import base, data, presets, training, weights
from zoo.data import image_files, load
from zoo.data import stored as on_disk
from zoo.data.stored import Stored
from zoo.errors import InputError, WriteError, ZooError

from .examples import noise, save

X = noise(0, (37, 5, 4, 3))
ALL = {"validation": 0, "test": 0}


@pytest.fixture
def stored(tmp_path):
    (tmp_path / "x.raw").write_bytes(b"head" + X.tobytes())
    return Stored(tmp_path / "x.raw", X.shape, X.dtype, offset=4)


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        slice(None),
        slice(3, 9),
        slice(None, None, -5),
        [4, 4, 0, 36],
        np.array([], int),
        np.array([30, 31, 32, 2]),
    ],
    ids=str,
)
def test_indexing_is_that_of_an_array(stored, key):
    np.testing.assert_array_equal(stored[key], X[key])


def test_it_says_what_an_array_says_and_becomes_one(stored):
    assert (stored.shape, stored.dtype, stored.ndim, stored.size, stored.nbytes) == (
        X.shape,
        X.dtype,
        X.ndim,
        X.size,
        X.nbytes,
    )
    np.testing.assert_array_equal(np.asarray(stored), X)


def test_take_and_map_compose(stored, monkeypatch):
    monkeypatch.setattr(on_disk, "PIECE", 1000)
    taken = stored.take(np.array([5, 3, 30])).map(lambda x: x[..., :1] / np.float32(2)).take(np.array([2, 0]))
    np.testing.assert_array_equal(taken[:], X[[30, 5], ..., :1] / np.float32(2))
    assert taken.shape == (2, 5, 4, 1) and taken.dtype == np.float32
    np.testing.assert_array_equal(np.concatenate(list(stored.pieces())), X)


def test_a_file_that_shrinks_is_named(stored):
    with open(stored.path, "r+b") as file:
        file.truncate(1000)
    with pytest.raises(InputError, match=r"x.raw: became shorter"):
        stored[36]


@pytest.fixture
def folder(tmp_path):
    for i in range(60):
        save(tmp_path / "d" / "ab"[i % 2] / f"{i:02}.png", noise(i, (8, 6)))
    return tmp_path / "d"


def same(a, b):
    assert a.fingerprint == b.fingerprint and a.preprocessor == b.preprocessor and a.classes == b.classes
    facts = [{k: v for k, v in data.describe(bundle).items() if k not in ("notes", "mean", "sd")} for bundle in (a, b)]
    assert facts[0] == facts[1]
    for name, split in a.splits.items():
        np.testing.assert_array_equal(np.asarray(split.x), np.asarray(b.splits[name].x))
        np.testing.assert_array_equal(split.y, b.splits[name].y)


def test_a_folder_gives_the_same_from_the_disk(folder):
    streamed = load(folder, stream=True)
    assert isinstance(streamed.train.x, Stored) and any("stay on the disk" in note for note in streamed.notes)
    same(load(folder), streamed)
    assert data.describe(streamed)["sd"] == pytest.approx(data.describe(load(folder))["sd"])


def test_files_are_decoded_once_and_again_when_they_change(folder, monkeypatch):
    first = load(folder, stream=True)
    decoded, real = [], image_files._pixels
    monkeypatch.setattr(image_files, "_pixels", lambda path: decoded.append(path) or real(path))
    same(first, load(folder, stream=True))
    assert not decoded
    save(folder / "a" / "00.png", noise(99, (8, 6)))
    same(load(folder, stream=True), load(folder))
    assert len(decoded) == 120


def test_bad_files_are_left_out_of_what_is_kept(folder):
    whole = (folder / "a" / "04.png").read_bytes()
    (folder / "a" / "04.png").write_bytes(whole[:60])
    with pytest.raises(InputError, match=r"04.png: truncated PNG \(1 of 60"):
        load(folder, stream=True)
    for _ in range(2):
        bundle = load(folder, stream=True, skip_bad=True)
        same(bundle, load(folder, skip_bad=True))
        assert any("1 of 60 files left out: 04.png" in note for note in bundle.notes)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "uint16"])
@pytest.mark.parametrize("shape", [(60, 8, 6), (60, 8, 6, 3)], ids=str)
def test_an_array_file_gives_the_same_from_the_disk(tmp_path, dtype, shape):
    np.save(tmp_path / "x.npy", noise(0, shape, dtype))
    words = {"resize": (5, 5, "crop"), "channels": 1}
    for options in ({}, words):
        streamed = load(tmp_path / "x.npy", stream=True, **options)
        assert isinstance(streamed.train.x, Stored)
        same(load(tmp_path / "x.npy", **options), streamed)


def test_nan_on_the_disk_is_found(tmp_path):
    x = noise(0, (60, 8, 6, 1), "float32")
    x[40, 2, 3, 0] = np.nan
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(InputError, match="1 NaN value"):
        load(tmp_path / "x.npy", stream=True)


def test_what_does_not_fit_stays_on_the_disk_by_itself(folder, monkeypatch):
    monkeypatch.setattr(on_disk, "available_memory", lambda: 1000)
    assert isinstance(load(folder).train.x, Stored)


def test_a_disk_without_space_and_a_cache_that_cannot_be_written(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as patch:
        patch.setattr(on_disk.shutil, "disk_usage", lambda _: type("", (), {"free": 10})())
        with pytest.raises(WriteError, match="are free; set ZOO_CACHE to a folder with space"):
            load(folder, stream=True)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file"))
    with pytest.raises(WriteError, match="cannot write"):
        load(folder, stream=True)
    assert not list((tmp_path / "cache").rglob("*.raw"))


SMALL = ("widths=[8]", "latent_dim=2", "batch_size=8", "epochs=2")


def test_training_from_the_disk_gives_the_same_weights(folder, tmp_path):
    runs = []
    for stream in (False, True):
        bundle = load(folder, stream=stream, validation=0.2)
        changes = (*SMALL, "data.binarize=stochastic")
        runs.append(training.train("vae_dense", bundle, tmp_path / f"run{stream}", changes=changes))
    a, b = (weights.values(weights.of_model(presets.load(run))) for run in runs)
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert (runs[0] / "history.csv").read_text() == (runs[1] / "history.csv").read_text()


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")], ids=["gone", "cut"])
def test_a_file_that_goes_while_it_is_read_is_named_and_the_run_goes_on_to_the_same_weights(
    harm, tmp_path, monkeypatch
):
    monkeypatch.setattr(training.run, "CALL", 0.0)
    monkeypatch.setattr(training.Run, "finish", lambda self: None)
    path, changes = tmp_path / "x.npy", (*SMALL, "checkpoint_seconds=0")
    np.save(path, noise(0, (60, 8, 6)))
    content = path.read_bytes()
    whole = training.train("vae_dense", load(path), tmp_path / "whole", changes=changes)
    with pytest.raises(
        ZooError, match=r"x.npy: (cannot be|became).*; the last checkpoint is whole; put it back, then"
    ) as error:
        training.train(
            "vae_dense", load(path, stream=True), tmp_path / "run", changes=changes,
            progress=lambda event: harm(path) if event.step == 3 else None,
        )  # fmt: skip
    assert error.value.exit_code == 1 and "\n" not in str(error.value)
    path.write_bytes(content)
    training.train("vae_dense", load(path, stream=True), tmp_path / "run", resume=True)
    for name in ("model.safetensors", "history.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes()


def test_a_run_looks_at_large_examples_some_at_a_time(tmp_path, monkeypatch):
    """The whole of a run, its report included, reads pieces of the room that there is."""
    read, real = [], Stored._read
    monkeypatch.setattr(Stored, "_read", lambda self, rows: read.append(len(rows)) or real(self, rows))
    monkeypatch.setattr(base, "CHUNK_BYTES", 7 * 4 * 8 * 6)
    monkeypatch.setattr(on_disk, "PIECE", 7 * 8 * 6)
    np.save(tmp_path / "x.npy", noise(0, (600, 8, 6)))
    training.train("vae_dense", load(tmp_path / "x.npy", stream=True), tmp_path / "run", changes=(*SMALL, "epochs=1"))
    assert max(read) <= 10 and len(read) > 200


PEAK = """
import resource, sys, zoo.data
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
bundle = zoo.data.load(sys.argv[1], stream=True)
order = __import__("numpy").random.default_rng(0).permutation(len(bundle.train))
for start in range(0, len(order), 128):
    bundle.train.x[order[start : start + 128]]
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_memory_does_not_grow_with_the_data(tmp_path):
    """400 MB of examples pass through in any order with less than a third of that."""
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (8000, 128, 128, 3))
    for start in range(0, len(x), 500):
        x[start : start + 500] = np.arange(500, dtype=np.uint8)[:, None, None, None] + start % 251
    x.flush()
    found = subprocess.run([sys.executable, "-c", PEAK, tmp_path / "x.npy"], capture_output=True, text=True, check=True)
    assert float(found.stdout) < 130
