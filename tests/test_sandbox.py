"""Files that nobody vouches for: whatever they do to LiteRT is one line here."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.test_cli import run
from zoo.errors import InputError
from zoo.sandbox import Guarded

GOOD = Path(__file__).parent.parent / "saved_models" / "ae_conv.mnist" / "tflite" / "model.tflite"


def test_it_answers_as_an_interpreter_in_this_process_does():
    from zoo.export import litert

    x = np.random.default_rng(0).random((3, 28, 28, 1), "float32")
    with Guarded(GOOD) as guarded:
        assert set(guarded.get_signature_list()) == set(litert.open_tflite(GOOD).get_signature_list())
        found = litert.run(guarded, "encode", {"x": x})["z"]
        np.testing.assert_array_equal(found, litert.run(litert.open_tflite(GOOD), "encode", {"x": x})["z"])
        seconds, megabytes = guarded.times("encode", runs=5)
        assert len(seconds) == 5 and seconds.min() > 0 and 10 < megabytes < 4096
        with pytest.raises(RuntimeError):
            guarded.get_signature_runner("encode")(x=x[:, :5])
        assert litert.run(guarded, "encode", {"x": x})["z"].shape[0] == 3  # it lives on
    assert guarded.child.poll() is not None


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", b"PK\x03\x04" * 99, GOOD.read_bytes()[:50_000], bytes(8) + GOOD.read_bytes()[8:]]
)
def test_files_that_are_not_sound(tmp_path, content):
    (tmp_path / "x.tflite").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.tflite: not a (readable|sound) TFLite file") as caught:
        Guarded(tmp_path / "x.tflite")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        Guarded(tmp_path / "x.tflite")


def test_a_crash_is_one_line():
    with Guarded(GOOD) as guarded:
        os.kill(guarded.child.pid, signal.SIGSEGV)
        with pytest.raises(InputError, match=r"crashes LiteRT \(SIGSEGV\)"):
            guarded.times("encode")


def test_a_child_that_hangs_is_ended():
    with Guarded(GOOD) as guarded:
        guarded.seconds = 0.5
        os.kill(guarded.child.pid, signal.SIGSTOP)
        with pytest.raises(InputError, match=r"longer than 0\.5 s"):
            guarded.times("encode")


def test_the_child_has_limits():
    with Guarded(GOOD) as guarded:
        limits = Path(f"/proc/{guarded.child.pid}/limits")
        if not limits.exists():
            pytest.skip("needs /proc, to look at the limits of another process")
        lines = {line[:25].strip(): line[25:].split()[0] for line in limits.read_text().splitlines()}
        assert (
            lines["Max address space"] == str(4 << 30) and lines["Max file size"] == lines["Max core file size"] == "0"
        )


def test_benchmark_of_a_file():
    done = run("benchmark", str(GOOD), "--runs", "10", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["bytes"] == GOOD.stat().st_size and said["threads"] == 1 and said["peak_memory_mb"] > 10
    assert {"encode", "decode", "reconstruct", "score"} <= set(said["latency"])
    assert all(0 < t["tflite_p50_ms"] <= t["tflite_p95_ms"] for t in said["latency"].values())


def test_benchmark_of_a_file_beside_its_model():
    import zoo.benchmark

    beside = {"function", "call", "predict"}
    said = zoo.benchmark.benchmark_file(GOOD, "ae_conv.mnist", runs=5)["latency"]
    assert beside | {"tflite"} <= {name.removesuffix("_p50_ms") for name in said["reconstruct"] if "p50" in name}
    assert "predict_p50_ms" not in said["encode"] and "function_p95_ms" in said["encode"]
    with pytest.raises(InputError, match=r"is not an export of gan_conv\.mnist"):
        zoo.benchmark.benchmark_file(GOOD, "gan_conv.mnist", runs=5)


def test_benchmark_of_a_bad_file(tmp_path):
    (tmp_path / "x.tflite").write_bytes(b"TFL3" * 100)
    for words in ([tmp_path / "x.tflite"], [tmp_path / "gone.tflite"], ["vae_dense", "--model", "ae_conv.mnist"]):
        done = run("benchmark", *words)
        assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and not done.stdout


def test_a_run_folder_whose_file_crashes_is_told_from_a_sound_one(tmp_path):
    import hashlib

    from zoo.verification import verify

    folder = tmp_path / "ae_conv.mnist"
    shutil.copytree(GOOD.parent.parent, folder)
    file, said = folder / "tflite" / "model.tflite", json.loads((folder / "metadata.json").read_text())
    file.write_bytes(GOOD.read_bytes()[:50_000])  # with the sum that belongs to it
    known = said["files"]["tflite/model.tflite"]
    known["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    known |= {key: file.stat().st_size for key in known if key != "sha256"}
    (folder / "metadata.json").write_text(json.dumps(said))
    failed = [check for check in verify(str(folder)) if not check.passed]
    assert [check.name for check in failed] == ["tflite/model.tflite"] and "TFLite file" in failed[0].detail
