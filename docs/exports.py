"""Exports every model of the catalogue to ONNX at a small size, and writes what came of it to exports.json.

python docs/exports.py             exports those that are not in the file yet (half an hour for all)
python docs/exports.py vq_vae gan  exports these variants again

Every signature is compared with Keras in onnxruntime at the limit of `zoo export`; what is refused is written down with
the reason, and the exit code is 3.
"""

import json
import sys
import tempfile
from pathlib import Path

import zoo
from zoo import catalog
from zoo.errors import ZooError
from zoo.export import export

FILE = Path(__file__).with_suffix(".json")
SMALL = {"latent_dim": 4, "widths": (8,), "critic_widths": (8,)}
IMAGES, SEQUENCES = (28, 20, 1), (9, 3)


def row(name):
    """What an export gave: the largest error over all signatures, relative beyond 1, or why it was refused."""
    variant, backbone = catalog.resolve(name)
    takes = catalog.catalogue()[variant].words
    words = {word: value for word, value in SMALL.items() if word in takes}
    words["input_shape"] = SEQUENCES if backbone == "lstm" else IMAGES
    with tempfile.TemporaryDirectory() as folder:
        try:
            report = export(zoo.create_model(name, **words), Path(folder) / "app", format="onnx")
        except ZooError as error:
            return {"refused": str(error)}
    worst = max(report.rows, key=lambda row: row.error)
    return {"signatures": len(report.rows), "error": float(f"{worst.error:.2g}"), "largest_in": worst.signature}


def main(asked):
    found = json.loads(FILE.read_text()) if FILE.is_file() else {}
    for name in zoo.list_models():
        if catalog.resolve(name)[0] in asked if asked else name not in found:
            found[name] = row(name)
            print(name, found[name], flush=True)
            FILE.write_text(json.dumps(dict(sorted(found.items())), indent=1) + "\n")
    return 3 if any("refused" in result for result in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
