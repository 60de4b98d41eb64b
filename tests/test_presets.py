"""The run folder: loaded when it is what it says, refused in one line when not."""

import json
import shutil

import numpy as np
import pytest

from zoo import presets, training, verification, weights
from zoo.errors import InputError, WriteError

SMALL = ("widths=[16]", "latent_dim=3", "jit=false", "limit=200", "batch_size=32", "epochs=1")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return training.train("vae_dense", "digits", tmp_path_factory.mktemp("runs") / "vae", changes=SMALL)


@pytest.fixture
def run(original, tmp_path):
    return shutil.copytree(original, tmp_path / "run")


def test_a_fresh_run_passes_its_verification(original):
    checks = verification.verify(original)
    assert all(check.passed for check in checks), [check for check in checks if not check.passed]
    names = {check.name for check in checks}
    assert {"weights", "golden encode", "golden sample", "golden score", "tflite/model.tflite reconstruct"} <= names


@pytest.mark.parametrize("name", ["model.safetensors", "config.yaml", "preprocessor.json"])
@pytest.mark.parametrize("place", [0, 0.5, 0.99])
def test_a_changed_byte_is_found_and_named(run, name, place):
    content = bytearray((run / name).read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    (run / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: damaged") as error:
        presets.load(run)
    assert "\n" not in str(error.value)
    assert name in [check.name for check in verification.verify(run) if not check.passed]


def test_every_listed_file_is_verified(run):
    for name in json.loads((run / "metadata.json").read_text())["files"]:
        content = (run / name).read_bytes()
        (run / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert [check.name for check in verification.verify(run) if not check.passed] == [name]
        (run / name).write_bytes(content)
    (run / "extra.txt").write_text("hello")
    assert [check.name for check in verification.verify(run) if not check.passed] == ["extra.txt"]


@pytest.mark.parametrize("name", ["metadata.json", "model.safetensors", "config.yaml", "preprocessor.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "link", "folder", "pointer"])
def test_a_damaged_file_is_refused_in_one_line(run, name, damage):
    path, content = run / name, (run / name).read_bytes()
    path.unlink()
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "link":
        (run / "elsewhere").write_bytes(content)
        path.symlink_to(run / "elsewhere")
    elif damage == "folder":
        path.mkdir()
    elif damage == "pointer":
        path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(InputError) as error:
        presets.load(run)
    assert "\n" not in str(error.value) and str(run) in str(error.value)


@pytest.mark.parametrize(
    "text", ["[]", "{}", "not json", '{"format": 1, "files": {"../x": {"sha256": "", "bytes": 1}}}', '{"format": NaN}']
)
def test_metadata_that_is_none_is_refused(run, text):
    (run / "metadata.json").write_text(text)
    with pytest.raises(InputError, match=r"metadata\.json"):
        presets.load(run)


def replaced(run, arrays, **changes):
    """The run with other tensors, under a manifest that vouches for them."""
    weights.write(run / "model.safetensors", {**arrays, **changes})
    presets.seal(run)


def test_weights_that_do_not_fit_are_named(run):
    named = weights.of_model(presets.load(run))
    arrays = weights.values(named)
    kernel = arrays["encoder/dense_1/kernel"]
    cases = {
        r"encoder/dense_1/kernel: shape \(64, 15\); the model needs \(64, 16\)": {
            "encoder/dense_1/kernel": kernel[:, :15]
        },
        r"encoder/dense_1/kernel: type float64": {"encoder/dense_1/kernel": kernel.astype("float64")},
        "encoder/dense_1/kernel: holds NaN": {"encoder/dense_1/kernel": np.full_like(kernel, np.nan)},
        "unknown tensor 'encoder/dense_9/kernel'": {"encoder/dense_9/kernel": kernel[:1]},
    }
    for message, change in cases.items():
        replaced(run, arrays, **change)
        with pytest.raises(InputError, match=message):
            presets.load(run)
    del arrays["encoder/dense_1/kernel"]
    replaced(run, arrays)
    with pytest.raises(InputError, match="tensor 'encoder/dense_1/kernel' is missing"):
        presets.load(run)


def test_a_weight_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    weights.write(path, {"a": np.zeros(3, "float32")})
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights.os, "fsync", full)
    with pytest.raises(WriteError, match="No space left"):
        weights.write(path, {"a": np.ones(3, "float32")})
    assert path.read_bytes() == before and [f.name for f in tmp_path.iterdir()] == ["w.safetensors"]
    with pytest.raises(WriteError, match="cannot write"):
        weights.write(tmp_path / "missing" / "w.safetensors", {"a": np.ones(3, "float32")})


def test_random_damage_never_loads(run):
    content = (run / "model.safetensors").read_bytes()
    named = weights.of_model(presets.load(run))
    random = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), random.integers(1, 6)):
            damaged[place] ^= int(random.integers(1, 256))
        (run / "model.safetensors").write_bytes(damaged)
        with pytest.raises(InputError):
            weights.read(run / "model.safetensors", named)
