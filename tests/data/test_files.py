"""`.npy`, `.npz` and `.csv` files, and paths that are none of them."""

import os

import numpy as np
import pytest

from zoo.data import load
from zoo.errors import InputError

from .examples import noise

ALL = {"validation": 0, "test": 0}
X, Y = noise(0, (30, 5, 4, 1)), np.arange(30) % 3


def refusal(spec, **words):
    with pytest.raises(InputError) as error:
        load(spec, **words)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_npy(tmp_path):
    np.save(tmp_path / "x.npy", X)
    bundle = load(str(tmp_path / "x.npy"), **ALL)
    np.testing.assert_array_equal(bundle.train.x, X)
    assert bundle.name == "x" and bundle.train.y is None


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": X, "y": Y},
        {"X": X, "y": Y},
        {"images": X, "labels": Y, "meta": np.zeros(2)},
        {"x_train": X[:20], "y_train": Y[:20], "x_test": X[20:], "y_test": Y[20:]},
        {"train_images": X[:20], "train_labels": Y[:20], "val_images": X[20:], "val_labels": Y[20:]},
        {"train": X[:20], "test": X[20:]},
        {"faces": X},
    ],
    ids=lambda arrays: " ".join(arrays),
)
def test_npz_by_the_names_people_use(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    bundle = load(tmp_path / "a.npz", **ALL)
    found = [split for split in bundle.splits.values() if len(split)]
    np.testing.assert_array_equal(np.concatenate([split.x for split in found]), X)
    if any(key in " ".join(arrays) for key in ("y", "labels")):
        np.testing.assert_array_equal(np.concatenate([split.y for split in found]), Y)
    assert ("the arrays ['meta'] were not read" in bundle.notes) == ("meta" in arrays)
    assert [len(split) for split in found] == ([20, 10] if "train" in " ".join(arrays) else [30])


def test_npz_with_unknown_or_double_names(tmp_path):
    np.savez(tmp_path / "a.npz", left=X, right=X)
    assert "the arrays are ['left', 'right']" in refusal(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", x=X, X=X)
    assert "name the x of train twice" in refusal(tmp_path / "b.npz")


class Hostile:
    def __reduce__(self):
        return os.system, ("touch pickle_was_run",)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickled_objects_are_never_loaded(tmp_path, suffix, monkeypatch):
    monkeypatch.chdir(tmp_path)
    value = np.array([Hostile()], dtype=object)
    path = tmp_path / f"bad{suffix}"
    np.save(path, value) if suffix == ".npy" else np.savez(path, x=value)
    assert "pickled Python objects" in refusal(path)
    assert not (tmp_path / "pickle_was_run").exists()


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("keep", [0, 5, 60, 400])
def test_damaged_files(tmp_path, suffix, keep):
    path = tmp_path / f"cut{suffix}"
    np.save(path, X) if suffix == ".npy" else np.savez(path, x=X)
    path.write_bytes(path.read_bytes()[:keep])
    assert refusal(path).startswith(f"{path}: ")


def test_csv_with_header_and_label(tmp_path):
    path = tmp_path / "iris.csv"
    path.write_text("\ufeffwidth;class;height\n1.5;b;2\n-3;a;4e1\n\n5;b;6\n", encoding="utf-8")
    bundle = load(path, **ALL)
    np.testing.assert_array_equal(bundle.train.x, np.float32([[1.5, 2], [-3, 40], [5, 6]]))
    np.testing.assert_array_equal(bundle.train.y, [1, 0, 1])
    assert bundle.classes == ("a", "b") and bundle.kind == "table"
    assert "column 'class' was read as the label" in bundle.notes


def test_csv_without_header_has_no_label(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("1,2,0\n3,4,1\n")
    bundle = load(path, **ALL)
    assert bundle.shape == (3,) and bundle.train.y is None and len(bundle.train) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty file"),
        ("a,b\n", "0 samples"),
        ("a,b\n1,2\n", "1 sample; at least 2"),
        ("age,city\n1,2\n3,Oslo\n", "column 'city' is text (line 3: 'Oslo')"),
        ("1,2\n3,Oslo\n", "column '2' is text (line 2: 'Oslo')"),
        ("a,b\n1,2\n3,\n", "column 'b' line 3 is empty"),
        ("a,b\n1,2\n3,nan\n", "column 'b' line 3 is nan"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 values, the first line has 2"),
        ("label\n1\n2\n", "the only column is 'label'"),
        ("a,y\n1,0.5\n2,1\n", "labels must be whole numbers; found 0.5"),
    ],
)
def test_wrong_csv(tmp_path, text, words):
    path = tmp_path / "t.csv"
    path.write_text(text)
    message = refusal(path)
    assert words in message and message.startswith(str(path))


def test_csv_of_bytes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(bytes(range(128, 256)))
    assert "not a text table" in refusal(path)


def test_paths_that_cannot_be_read(tmp_path):
    assert "this folder does not exist" in refusal(tmp_path / "none")
    assert "this file does not exist" in refusal("none.csv")
    (tmp_path / "a.feather").write_text("x")
    assert "'.feather' are not read; accepted are digits" in refusal(tmp_path / "a.feather")
    os.mkfifo(tmp_path / "pipe.npy")
    assert "not a regular file" in refusal(tmp_path / "pipe.npy")


def test_a_path_goes_before_a_name(tmp_path, monkeypatch, photos):
    monkeypatch.chdir(tmp_path)
    photos.rename(tmp_path / "digits")
    assert load("digits").shape == (8, 6, 1)
