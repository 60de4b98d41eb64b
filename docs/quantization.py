"""What fewer bits cost the pretrained models: docs/quantization.json.

python docs/quantization.py                 every preset in every precision, on its own test images
python docs/quantization.py float16 ...     in some of them; what else there is stays

`int8` learns its ranges from training images of MNIST.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import zoo
from zoo import catalog, presets
from zoo.export import constants, decisions, exporter, litert, parity, quantization, tflite

DATA = "tfds:mnist"
FILE = Path(__file__).with_suffix(".json")


def table(found, precisions):
    """Adds {preset: {precision: what was measured}} to what there is, one file after the other."""
    for name in sorted(catalog.presets()):
        model = zoo.load_model(name)
        for precision in precisions:
            files = found.setdefault("table", {}).setdefault(name, {})
            files[precision] = measured(model, precision)
            files[precision]["of_float32"] = round(files[precision]["bytes"] / files["none"]["bytes"], 3)
            print(name, precision, json.dumps(files[precision]), flush=True)
            FILE.write_text(json.dumps(found, indent=1) + "\n")


def measured(model, precision):
    """One file: its size, seconds of processor time, errors of every output, and why it is refused, if it is."""
    x, start = parity.examples_for(model).x, time.process_time()
    calibration = None
    if quantization.PRECISIONS[precision].calibrated:
        train = presets.data_for(model.preset, DATA, "model")
        calibration = train.preprocessor.apply(train.train.x[: exporter.CALIBRATION])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        tflite.write_tflite(model, path, quantize=precision, calibration=calibration)
        rows = litert.verify_tflite(path, model, x, quantize=precision)
        seconds, interpreter = time.process_time() - start, litert.open_tflite(path)
        size, weights = path.stat().st_size, constants.described(path.read_bytes())
    failed = [row for row in rows if not row.passed]
    return {
        "bytes": size,
        "seconds": round(seconds, 1),
        "int8": weights.get("int8", []),
        "errors": dict(errors(interpreter, model, x)),
        "score": order(interpreter, model, x) if "score" in model.signatures() else None,
        "refused": [f"{row.signature} {row.error:.2g} > {row.tolerance:g}" for row in failed],
    }


def errors(interpreter, model, x):
    """("signature output", [largest difference, mean difference, largest value]) of real outputs."""
    for verb, signature in model.signatures().items():
        inputs = presets.inputs_for(model, verb, signature, x)
        found, expected = litert.run(interpreter, verb, inputs), model.run(verb, **inputs)
        for name in expected.keys() - {decisions.VERDICT, decisions.SCORE}:
            difference = np.abs(found[name] - expected[name])
            yield (
                f"{verb} {name}",
                [float(f"{n:.3g}") for n in (difference.max(), difference.mean(), expected[name].max())],
            )


def order(interpreter, model, x):
    """How alike scores are ordered."""
    _, ranks, change = quantization.order_of_scores(lambda verb, given: litert.run(interpreter, verb, given), model, x)
    return {"rank_correlation": round(float(ranks), 6), "auroc_change": round(float(change), 6)}


if __name__ == "__main__":
    table(json.loads(FILE.read_text()) if FILE.is_file() else {}, sys.argv[1:] or quantization.PRECISIONS)
