"""An exported TFLite file with the methods of a model that the page asks for."""

import hashlib

import numpy as np

from .. import data as datasets
from .. import numerics, weights
from ..base import Signature
from ..errors import InputError
from . import litert, sandbox

TEXT = 1 << 20  # bytes of a file beside
OUTPUTS = {"sample": "x", "encode": "z", "decode": "x_hat", "reconstruct": "x_hat"}  # all but the first of an encoder's


class Exported:
    """The verbs of a TFLite file that `export` wrote, on arrays.

    Args:
        path: the file. `preprocessor.json` and `model.json` beside it are read where they are there.

    Raises:
        InputError: it is no such file, or its verbs do not make images one at a time.
    """

    def __init__(self, path):
        self.path, self.tensors = path, sandbox.signatures_of(path)
        if not self.makes_images():
            raise InputError(
                f"{path}: has the signatures {', '.join(self.tensors)}; the page needs those of zoo export, "
                "on one image of 1 or 3 channels at a time"
            )
        self.example_shape = tuple(self.tensors["sample"]["outputs"]["x"]["shape"][1:])
        self.interpreter = litert.open_tflite(path)
        self.preprocessor = self.beside("preprocessor.json", datasets.Preprocessor.from_json)
        if self.preprocessor and tuple(self.preprocessor.shape) != self.example_shape:
            raise InputError(f"{path}: makes images of {self.example_shape}; preprocessor.json beside it is for others")

    def makes_images(self):
        """Whether the verbs are those of a model of images, on one at a time."""
        needed = OUTPUTS if "encode" in self.tensors else {"sample": "x"}
        if not all(output in self.tensors.get(verb, {"outputs": {}})["outputs"] for verb, output in needed.items()):
            return False
        made = self.tensors["sample"]
        one, *shape = made["outputs"]["x"]["shape"]
        return one == 1 and len(shape) == 3 and shape[-1] in (1, 3) and set(made["inputs"]) <= set(numerics.DRAW)

    def beside(self, name, read):
        """What a file beside says, or None where there is none."""
        path = self.path.parent / name
        return read(weights.read_bytes(path, TEXT)) if path.is_file() else None

    def described(self):
        """What model.json says of this very file, and its size: {"file", "threshold", "binarize"}."""
        content = self.path.read_bytes()
        file = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        said = self.beside("model.json", lambda text: datasets.read_json(text, "model.json"))
        if not isinstance(said, dict) or said.get("files", {}).get(self.path.name, {}).get("sha256") != file["sha256"]:
            return {"file": file, "threshold": None, "binarize": "none"}
        return {
            "file": file | {"precision": said["precision"]},
            "threshold": said["threshold"] and said["threshold"]["value"],
            "binarize": said["preprocessing"]["binarize"] if said["preprocessing"] else "none",
        }

    def signatures(self):
        return {
            verb: Signature(None, {name: tuple(tensor["shape"][1:]) for name, tensor in tensors["inputs"].items()})
            for verb, tensors in self.tensors.items()
            if verb not in ("train", "save", "restore")
        }

    def run(self, verb, **inputs):
        """See `GenerativeModel.run`; data without labels get those under which they are least strange."""
        wanted = self.signatures()[verb].inputs
        if "label" in wanted and "label" not in inputs:
            inputs["label"] = np.eye(*wanted["label"], dtype="float32")[self.run("classify", x=inputs["x"])["label"]]
        return litert.run(self.interpreter, verb, inputs)

    def random_inputs(self, verb, n, seed=0):
        inputs = self.signatures()[verb].inputs
        drawn = {name: numerics.DRAW[name]((n, *shape), numerics.key(name, seed)) for name, shape in inputs.items()}
        return {name: np.asarray(values) for name, values in drawn.items()}

    def sample(self, n, seed=0):
        return self.run("sample", **self.random_inputs("sample", n, seed))["x"]
