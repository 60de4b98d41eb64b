"""Exported files in C: docs/native/run.c gives what Keras gives."""

import shutil
import subprocess
from pathlib import Path

import ai_edge_litert
import keras
import numpy as np
import pytest

import zoo
from zoo.export import export, litert, on_device, parity, quantization

SOURCE = Path(__file__).parents[2] / "docs" / "native" / "run.c"
LIBRARIES = Path(ai_edge_litert.__path__[0])
COMPILER = shutil.which("cc")
pytestmark = [
    pytest.mark.skipif(not COMPILER, reason="no C compiler: apt-get install gcc libc6-dev"),
    pytest.mark.skipif(
        not (LIBRARIES / "libLiteRt.so").exists(), reason="the wheel ai-edge-litert has no libLiteRt.so"
    ),
]
STEPS = 5


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The program, built as its README says."""
    path = tmp_path_factory.mktemp("native") / "run"
    warnings = ["-Wall", "-Wextra", "-Werror"]
    library = [LIBRARIES / "libLiteRt.so", f"-Wl,-rpath,{LIBRARIES}"]
    subprocess.run([COMPILER, "-O2", *warnings, "-o", path, SOURCE, *library], check=True)
    return path


@pytest.fixture(scope="module", params=["vae_conv", "vae_dense", "vq_vae_conv"])
def exported(request, tmp_path_factory):
    """(model, examples, path of a trainable file)."""
    keras.utils.set_random_seed(0)
    words = {
        "input_shape": (8, 8, 1),
        "widths": (8,),
        **({"codes": 12} if "vq" in request.param else {"latent_dim": 3}),
    }
    model = zoo.create_model(request.param, **words)
    x = np.random.default_rng(0).random((4, *model.example_shape), "float32")
    report = export(model, tmp_path_factory.mktemp("out") / "app", trainable=True, batch=4, examples=x)
    return model, x, report.path


def run(program, path, folder, calls):
    """[{output: array}] of [(signature, {input: array})], all in one process."""
    signatures = litert.open_tflite(path)
    for i, (_, inputs) in enumerate(calls):
        for name, array in inputs.items():
            array.tofile(folder / f"{i}.{name}.in")
    subprocess.run([program, path, folder, *(key for key, _ in calls)], check=True, capture_output=True, timeout=120)
    return [outputs(signatures, key, folder, i) for i, (key, _) in enumerate(calls)]


def outputs(interpreter, key, folder, i):
    details = interpreter.get_signature_runner(key).get_output_details()
    return {
        name: np.fromfile(folder / f"{i}.{name}.out", tensor["dtype"]).reshape(tensor["shape"])
        for name, tensor in details.items()
    }


def test_every_verb_equals_keras(program, exported, tmp_path):
    model, x, path = exported
    compared = []

    def native(verb, inputs):
        count = len(next(iter(inputs.values())))
        folder = tmp_path / verb
        folder.mkdir()
        calls = [(verb, {name: array[i : i + 1] for name, array in inputs.items()}) for i in range(count)]
        compared.append(verb)
        found = run(program, path, folder, calls)
        return {name: np.concatenate([one[name] for one in found]) for name in found[0]}

    parity.require(parity.compare(native, model, x, 1, quantization.PRECISIONS["none"].tolerance))
    assert set(compared) == set(model.signatures())


def test_it_learns_as_keras(program, exported, tmp_path):
    model, x, path = exported
    found = run(program, path, tmp_path, [("train", {"x": x})] * STEPS)
    expected = on_device.follow(on_device.learner(model), [x] * STEPS)
    losses = [float(one["loss"]) for one in found]
    np.testing.assert_allclose(losses, [loss for loss, _ in expected], rtol=on_device.TOLERANCES["train"])
    assert len(set(losses)) == STEPS


def test_what_is_saved_and_restored_goes_on_to_the_same_losses(program, exported, tmp_path):
    _, x, path = exported
    train, (first, second) = ("train", {"x": x}), (tmp_path / name for name in ("first", "second"))
    first.mkdir(), second.mkdir()
    *_, saved, later, again = run(program, path, first, [("save", {}), *[train] * STEPS, ("save", {}), train, train])
    runner = litert.open_tflite(path).get_signature_runner
    for _ in range(STEPS):
        runner("train")(x=x)
    expected = runner("save")()
    assert saved.keys() == expected.keys() and saved["step"] == STEPS
    for key, array in expected.items():
        np.testing.assert_allclose(saved[key], array, rtol=1e-4, atol=1e-6, err_msg=key)
    told, *losses = run(program, path, second, [("restore", saved), train, train])
    assert told["step"] == STEPS
    assert [one["loss"] for one in losses] == [later["loss"], again["loss"]]


@pytest.mark.parametrize("mistake", ["no file", "not a model", "no signature", "short input"])
def test_a_mistake_is_one_line(program, exported, tmp_path, mistake):
    _, x, path = exported
    x[0, :4].tofile(tmp_path / "0.x.in")
    foreign = tmp_path / "foreign.tflite"
    foreign.write_bytes(b"not a model")
    words = {
        "no file": [tmp_path / "missing.tflite", tmp_path, "encode"],
        "not a model": [foreign, tmp_path, "encode"],
        "no signature": [path, tmp_path, "enkode"],
        "short input": [path, tmp_path, "encode"],
    }[mistake]
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=120)
    said = [line for line in done.stderr.splitlines() if line.startswith("run: ")]
    assert done.returncode == 1 and len(said) == 1, done.stderr
