"""The SavedModel: any batch, without Keras or the zoo, each weight once; and as TensorFlow Serving calls it."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from zoo.export import verify_saved_model

ALONE = """
import sys
for name in ("keras", "tf_keras", "tensorflow_probability", "zoo"):
    sys.modules[name] = None
import numpy as np, tensorflow as tf
model, data = tf.saved_model.load(sys.argv[1]), np.load(sys.argv[2])
for n in (1, 3):
    out = model.signatures["reconstruct"](x=tf.constant(data["x"][:n]))["x_hat"].numpy()
    print(np.abs(out - data["x_hat"][:n]).max())
"""


def test_it_runs_without_keras_and_the_zoo(saved, images, tmp_path):
    _, out, model = saved
    np.savez(tmp_path / "data.npz", x=images, x_hat=model.reconstruct(images))
    command = [sys.executable, "-c", ALONE, str(out / "saved_model"), str(tmp_path / "data.npz")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    errors = [float(line) for line in done.stdout.split()]
    assert len(errors) == 2 and max(errors) <= 1e-6


SERVED = """
import json, sys
for name in ("keras", "tf_keras", "tensorflow_probability", "zoo"):
    sys.modules[name] = None
import numpy as np, tensorflow as tf
model, body = tf.saved_model.load(sys.argv[1]), json.loads(sys.stdin.read())
signature = model.signatures[body["signature_name"]]
specs = signature.structured_input_signature[1]
if "instances" in body:  # one example each: its value, or its values by name
    rows = [row if isinstance(row, dict) else {next(iter(specs)): row} for row in body["instances"]]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
else:  # all examples of an input together
    columns = body["inputs"] if isinstance(body["inputs"], dict) else {next(iter(specs)): body["inputs"]}
outputs = signature(**{name: tf.constant(values, specs[name].dtype) for name, values in columns.items()})
outputs = {name: value.numpy().tolist() for name, value in outputs.items()}
alone = next(iter(outputs.values())) if len(outputs) == 1 else None
if "inputs" in body:
    print(json.dumps({"outputs": outputs if alone is None else alone}))
else:
    rows = [dict(zip(outputs, values)) for values in zip(*outputs.values())]
    print(json.dumps({"predictions": rows if alone is None else alone}))
"""


@pytest.fixture(scope="module")
def judging(make, images, tmp_path_factory):
    """(model, folder) of a SavedModel with a threshold that one of the three images is above."""
    from zoo.export import export

    model, out = make("vae_dense"), tmp_path_factory.mktemp("judging") / "out"
    model.threshold = np.sort(model.score(images))[1]
    export(model, out, format="saved_model", examples=images)
    return model, out


def served(folder, body):
    """What TensorFlow Serving's REST interface answers to the body of a `:predict` request, by its rules."""
    command = [sys.executable, "-c", SERVED, str(folder / "saved_model")]
    done = subprocess.run(command, input=json.dumps(body), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("named", [True, False])
def test_requests_by_rows(judging, images, named):
    model, folder = judging
    rows = [{"x": image} if named else image for image in images.tolist()]
    found = served(folder, {"signature_name": "score", "instances": rows})["predictions"]
    expected = model.run("score", x=images)
    assert [row["is_anomaly"] for row in found] == expected["is_anomaly"].tolist() and len(found) == 3
    np.testing.assert_allclose([row["score"] for row in found], expected["score"], rtol=1e-6)


def test_requests_by_columns(judging, images):
    model, folder = judging
    found = served(folder, {"signature_name": "reconstruct", "inputs": {"x": images.tolist()}})["outputs"]
    np.testing.assert_allclose(found, model.reconstruct(images), atol=1e-6)
    found = served(folder, {"signature_name": "encode", "inputs": images.tolist()})["outputs"]
    assert found.keys() == {"z", "stddev"}
    np.testing.assert_allclose(found["z"], model.encode(images), atol=1e-6)


def test_signatures_take_any_batch(saved):
    report, out, model = saved
    loaded = tf.saved_model.load(str(out / "saved_model"))
    assert set(loaded.signatures) == set(model.signatures())
    for verb, signature in model.signatures().items():
        specs = loaded.signatures[verb].structured_input_signature[1]
        assert {n: tuple(s.shape) for n, s in specs.items()} == {n: (None, *s) for n, s in signature.inputs.items()}
    assert report.batch is None and all(row.outputs and row.passed for row in report.rows)


def test_weights_are_written_once_and_only_those_that_are_used(saved):
    _, out, model = saved
    written = tf.train.list_variables(str(out / "saved_model" / "variables" / "variables"))
    shapes = sorted(tuple(shape) for name, shape in written if "OBJECT_GRAPH" not in name)
    used = [*model.encoder.weights, *model.decoder.weights]
    assert shapes == sorted(tuple(weight.shape) for weight in used)


def test_it_fits_its_model_only(saved, make, images):
    _, out, model = saved
    assert all(row.passed for row in verify_saved_model(out / "saved_model", model, images))
    other = make("factor_vae_conv")  # its weights are the same where a training has set the same seed just before
    other.set_weights([weight + np.float32(0.1) for weight in model.get_weights()])
    assert not any(row.passed for row in verify_saved_model(out / "saved_model", other, images))
