"""The verb and its command: all or nothing, in the right place, with the right exit code."""

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from zoo import presets
from zoo.cli.export import kept
from zoo.data import Preprocessor
from zoo.errors import InputError, WriteError
from zoo.export import export, exporter, signatures


@pytest.fixture(scope="module")
def small(make):
    return make("ae_dense", input_shape=(6,))


SNIPPETS = ["Model.kt", "Model.swift", "model.c", "model.mjs", "model.py"]


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_what_is_written(tflite, saved):
    described = ["model.json", "model.tflite", "parity.json"]
    assert files(tflite[1]) == [*described, *(f"snippets/{name}" for name in SNIPPETS)]
    assert {"parity.json", "saved_model/saved_model.pb"} <= set(files(saved[1]))
    assert os.listdir(tflite[1].parent) == ["out"]


def preset(preprocessor, x):
    """What an export asks of a preset."""
    data = {"name": "rows", "source": "rows.csv", "licence": None, "fingerprint": "0"}
    return SimpleNamespace(
        path=presets.Path("ae_dense.here"),
        metadata={"model": "ae_dense", "data": data, "parameters": 1, "commit": None, "versions": {"zoo": "0"}},
        preprocessor=preprocessor,
        experiment=SimpleNamespace(data=SimpleNamespace(binarize="none")),
        examples=lambda: x,
    )


def test_a_preset_brings_its_preprocessor_and_examples(make, tmp_path, monkeypatch):
    model, x = make("ae_dense", input_shape=(6,)), np.random.default_rng(0).random((5, 6), "float32")
    preprocessor = Preprocessor.standard(x, "table", "float32")
    vars(model)["preset"] = preset(preprocessor, x)
    monkeypatch.setattr(presets, "load", {"ae_dense.here": model}.__getitem__)
    report = export("ae_dense.here", tmp_path / "out")
    assert report.examples == {"origin": "preset", "count": 5, "ties": 0}
    assert Preprocessor.from_json((tmp_path / "out" / "preprocessor.json").read_text()) == preprocessor


def test_what_exists_is_kept(small, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    for force, reason in ((False, "exists; choose"), (True, "is not an export")):
        with pytest.raises(WriteError, match=reason):
            export(small, out, format="keras", force=force)
    assert files(tmp_path) == ["out/mine.txt"]


def test_force_replaces_an_export_whole(small, tmp_path):
    out = tmp_path / "new" / "out"
    export(small, out, format="keras")
    with pytest.raises(WriteError):
        export(small, out, format="saved_model")
    assert files(out) == ["model.json", "model.keras", "parity.json", "snippets/keras_file.py"]
    export(small, out, format="saved_model", force=True)
    assert "model.keras" not in files(out) and "saved_model/saved_model.pb" in files(out)
    assert os.listdir(out.parent) == ["out"]


def test_an_export_that_fails_keeps_the_earlier_one(small, tmp_path, monkeypatch):
    out = tmp_path / "out"
    export(small, out, format="keras")
    before = (out / "model.keras").read_bytes()
    broken = exporter.FORMATS["keras"]._replace(write=lambda model, path: 1 / 0)
    monkeypatch.setitem(exporter.FORMATS, "keras", broken)
    with pytest.raises(ZeroDivisionError):
        export(small, out, format="keras", force=True)
    assert (out / "model.keras").read_bytes() == before and os.listdir(tmp_path) == ["out"]


def test_an_export_that_cannot_take_its_place_gives_the_earlier_one_back(small, tmp_path, monkeypatch):
    out = tmp_path / "out"
    export(small, out, format="keras")
    before = (out / "model.keras").read_bytes()
    rename = presets.Path.rename

    def busy(path, target):
        if (path / "model.keras").read_bytes() != before:
            raise OSError(16, "Device or resource busy")
        return rename(path, target)

    monkeypatch.setattr(presets.Path, "rename", busy)
    small.encoder.set_weights([w + 1 for w in small.encoder.get_weights()])
    with pytest.raises(WriteError, match="busy"):
        export(small, out, format="keras", force=True)
    assert (out / "model.keras").read_bytes() == before and os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("format", ["tflite", "saved_model"])
def test_a_run_folder_is_as_it_was_where_a_kept_export_fails(format, tmp_path, monkeypatch):
    run = tmp_path / "run"
    shutil.copytree(presets.open_preset("ae_conv.mnist").path, run)
    before = {name: (run / name).read_bytes() for name in files(run)}

    def half(model, out, force, **options):
        shutil.rmtree(out, ignore_errors=True)
        (out / format).mkdir(parents=True)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zoo.report.export", half)
    with pytest.raises(WriteError, match="No space left"):
        kept(str(run), format, force=True)
    assert {name: (run / name).read_bytes() for name in files(run)} == before and os.listdir(tmp_path) == ["run"]


def test_what_cannot_be_written(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="cannot write") as caught:
        export(small, tmp_path / "file" / "out")
    assert caught.value.exit_code == 4 and files(tmp_path) == ["file"]


def test_a_full_disk_leaves_nothing(small, tmp_path, monkeypatch):
    def full(model, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(exporter.FORMATS, "keras", exporter.FORMATS["keras"]._replace(write=full))
    with pytest.raises(WriteError, match="No space left"):
        export(small, tmp_path / "deep" / "out", format="keras")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words, reason",
    [
        ({"format": "tflit"}, "did you mean 'tflite'"),
        ({"batch": 0}, "at least 1"),
        ({"batch": True}, "at least 1"),
        ({"optimizer": "adam"}, "optimizer: is not for tflite, which takes batch, .*; a trainable file takes it"),
        (
            {"trainable": True, "quantize": "int8"},
            "quantize: is not for a trainable file, which takes batch, optimizer",
        ),
        ({"format": "keras", "batch": 2}, "batch: is not for keras"),
        ({"examples": np.zeros((2, 7), "float32")}, "this model takes"),
    ],
)
def test_bad_input_writes_nothing(small, tmp_path, words, reason):
    with pytest.raises(InputError, match=reason):
        export(small, tmp_path / "out", **words)
    assert not list(tmp_path.iterdir())


def test_other_models_are_refused(tmp_path):
    with pytest.raises(InputError, match="got Sequential"):
        export(keras.Sequential(), tmp_path / "out")


def test_a_signature_cannot_have_a_name_of_tensorflow(small):
    model = SimpleNamespace(signatures=lambda: {"serve": small.signatures()["encode"]})
    with pytest.raises(InputError, match="cannot be called serve"):
        signatures.specs(model)


COMMAND = """
import sys
from types import SimpleNamespace
import keras
import zoo
from zoo import presets
from zoo.cli.export import kept
from zoo.cli import main
from zoo.data import Preprocessor
from zoo.export import litert
import numpy as np
keras.utils.set_random_seed(0)
model = zoo.create_model("ae_dense", input_shape=(6,), latent_dim=4, widths=(8,))
x = np.random.default_rng(0).random((3, 6), "float32")
from tests.export.test_exporter import preset
vars(model)["preset"] = preset(Preprocessor.standard(x, "table", "float32"), x)
presets.load = lambda name: model
if sys.argv[1] == "broken":
    run = litert.run
    litert.run = lambda *inputs: {name: value + 1 for name, value in run(*inputs).items()}
main(["export", "ae_dense.here", *sys.argv[2:]])
"""


def command(folder, *arguments):
    """Runs `zoo export` on a preset that is not on the disk."""
    root = str(presets.Path(presets.__file__).parent.parent)
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root},
    )


def test_the_command_prints_one_json_object(tmp_path):
    done = command(tmp_path, "whole", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["out"] == "exports/ae_dense.here/tflite"
    assert said["signatures"]["encode"]["passed"] is True
    assert {"model.json", "model.tflite", "parity.json", "preprocessor.json"} < set(files(tmp_path / said["out"]))


def test_the_command_shows_the_errors_and_keeps_nothing(tmp_path):
    done = command(tmp_path, "broken", "out")
    assert done.returncode == 3
    assert done.stdout.splitlines()[0].split("\t") == ["signature", "inputs", "outputs", "max error"]
    assert "encode\tx float32[1,6]\tz float32[1,4]\t1.0e+00" in done.stdout
    assert done.stderr.splitlines()[-1].startswith("zoo: signature ") and "nothing was kept" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words, said",
    [
        (["--trainable"], "leave --trainable out"),
        (["--learning-rate", "0"], "leave --learning-rate out"),
        (["--quantize", "none"], "leave --quantize out"),
        (["out"], "leave out out"),
    ],
)
def test_what_a_run_folder_does_not_keep(tmp_path, words, said):
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "export", "ae_conv.mnist", "--keep", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(presets.Path(presets.__file__).parent.parent)},
    )
    assert done.returncode == 2 and done.stdout == "" and not list(tmp_path.iterdir())
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("zoo: --keep: ") and said in done.stderr
