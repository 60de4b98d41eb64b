"""The SavedModel: any batch, without Keras or the zoo, each weight once."""

import subprocess
import sys

import numpy as np
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
    assert not any(row.passed for row in verify_saved_model(out / "saved_model", make("factor_vae_conv"), images))
