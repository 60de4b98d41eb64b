"""The run folder, which is the preset: what training writes, `saved_models/` holds and `load_model` reads.

README.md            model card
config.yaml          the resolved experiment
metadata.json        versions, data, metrics, and the sha256 and size of every other file
preprocessor.json    from raw values to model values
model.safetensors    weights
history.csv          loss and its parts, an epoch a line
thresholds.json      quantiles of the anomaly score on held-out data
golden.npz           fixed inputs and the outputs of every verb
figures/  tflite/    pictures; the exported model with its parity
"""

import contextlib
import csv
import hashlib
import io
import json
import math
import os
import platform
import secrets
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np

from . import catalog, config, samplers, weights
from . import data as datasets
from .errors import InputError, WriteError
from .metrics.anomaly import conformal_threshold

FORMAT = 1
TEXT = 1 << 20  # bytes that a JSON or YAML file may have
PREPROCESSOR = 16 << 20  # a table may have many columns
GOLDEN = 64 << 20
SCORES = 2000  # kept of held-out examples
COPIES = 4  # weights, their gradients and two moments
UNCOUNTED = 32 << 20  # bytes of weights that are made without asking what their file holds
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
RATE = 0.01  # of false alarms among normal examples, where nobody asks for another
PACKAGES = ("tensorflow", "keras", "tensorflow-probability", "tensorflow-datasets", "numpy", "ai-edge-litert")
CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class Preset:
    """A run folder, opened: every file that is read through it has the size and sha256 of its metadata.

    Raises:
        InputError: a file is missing, damaged, or not what this version of the zoo writes.
    """

    path: Path

    @cached_property
    def metadata(self):
        path = self.path / "metadata.json"
        metadata = datasets.read_json(weights.read_bytes(path, TEXT), path)
        if not isinstance(metadata, dict) or metadata.get("format") != FORMAT or not _files(metadata):
            raise InputError(f"{self.path / 'metadata.json'}: not the metadata of a run folder of format {FORMAT}")
        return metadata

    def check(self, name, limit=None):
        """The path of a file, when it is what the metadata says, and has at most `limit` bytes."""
        path, expected = self.path / name, self.metadata["files"].get(name)
        if expected is None:
            raise InputError(f"{path}: is not listed in metadata.json")
        weights.require_sealed(path, expected["bytes"], expected["sha256"], limit)
        return path

    def content(self, name, limit=TEXT):
        """The bytes of a file that is read whole, when they are what the metadata says."""
        return weights.read_bytes(self.check(name, limit), limit)

    @cached_property
    def experiment(self):
        return config.load(self.check("config.yaml", TEXT))

    @cached_property
    def preprocessor(self):
        try:
            return datasets.Preprocessor.from_json(self.content("preprocessor.json", PREPROCESSOR))
        except InputError as error:
            place = self.path / "preprocessor.json"
            raise error if str(place) in str(error) else InputError(f"{place}: {error}") from None

    @cached_property
    def thresholds(self):
        """{"score": {quantile: value}, "scores": [value]}, or None where the model gives no score."""
        path = self.path / "thresholds.json"
        if path.name not in self.metadata["files"] and not path.exists():
            return None
        thresholds = datasets.read_json(self.content("thresholds.json"), path)
        score = thresholds.get("score") if isinstance(thresholds, dict) else None
        if not (isinstance(score, dict) and all(type(value) in (int, float) for value in score.values())):
            raise InputError(f"{path}: needs a number for every quantile of the score")
        normal = thresholds.get("scores")
        if not (isinstance(normal, list) and all(type(value) in (int, float) for value in normal)):
            raise InputError(f"{path}: needs a list of numbers as scores")
        return thresholds

    @cached_property
    def threshold(self):
        """The score that a fraction RATE of normal examples exceeds, or None where that is not known."""
        return None if self.thresholds is None else threshold(self.thresholds["scores"])

    @cached_property
    def golden(self):
        """{verb: {"inputs": {name: array}, "outputs": {name: array}}}."""
        path, golden = self.path / "golden.npz", {}
        content = io.BytesIO(self.content("golden.npz", GOLDEN))
        for key, array in datasets.read_npz(content, path, GOLDEN).items():
            verb, side, name = key.split("/") if key.count("/") == 2 else (key, "", "")
            if side not in ("inputs", "outputs"):
                raise InputError(f"{path}: the array {key[:60]!r} is not called verb/inputs/name or verb/outputs/name")
            golden.setdefault(verb, {"inputs": {}, "outputs": {}})[side][name] = array
        return golden

    def examples(self):
        """Some real examples as model values, [N, *shape], or None where no verb takes any."""
        return next((verb["inputs"]["x"] for verb in self.golden.values() if "x" in verb["inputs"]), None)


def open_preset(name):
    """The Preset of a name such as "vae_conv.mnist" or of a folder."""
    return Preset(Path(catalog.find_preset(name)))


def load(name, sampler=None):
    """A pretrained model, by the name of a preset or the path of a run folder.

    The architecture comes from the catalogue, the settings through the schema, and the weights tensor by tensor, each
    file checked against its sha256: no code is ever read from a file.

    Args:
        sampler: what samples begin with: one that was fitted to it, "normal" for the prior, or None for the one that
            was fitted last.

    Returns:
        A Keras model with `.preset`; `model.preset.preprocessor` turns raw data into what it takes.

    Raises:
        InputError: no such preset, or a file of it is missing or damaged.
    """
    preset = open_preset(name)
    with weights.opened(preset.path / "model.safetensors", sys.maxsize) as file:
        stored = os.fstat(file.fileno()).st_size
    model = build(preset.experiment, preset.preprocessor.shape, stored)
    named = weights.of_model(model)
    path = preset.check("model.safetensors", weights.needed_bytes(named))
    weights.assign(named, weights.read(path, named)[0])
    vars(model)["preset"] = preset
    model.threshold = preset.threshold
    chosen = sampler or preset.metadata.get("sampler", samplers.PRIOR)
    if chosen != samplers.PRIOR:
        model.use(read_sampler(preset, model, chosen))
    return model


def read_sampler(preset, model, name):
    """A sampler that was fitted to the model of a run folder."""
    files, stored = preset.metadata["files"], f"samplers/{name}.safetensors"
    if f"samplers/{name}.json" not in files or stored not in files:
        there = [Path(file).stem for file in files if file.startswith("samplers/")]
        there = ", ".join(dict.fromkeys([samplers.PRIOR, *there]))
        raise InputError(f"{preset.path}: has no sampler {name!r}; it has {there}; see zoo fit-sampler", "sampler")
    place = preset.path / "samplers" / f"{name}.json"
    described = datasets.read_json(preset.content(f"samplers/{name}.json"), place)
    words = described.get("words") if isinstance(described, dict) else None
    if not isinstance(words, dict):
        raise InputError(f"{place}: does not say with which words the sampler was made")
    bytes = files[stored]["bytes"]
    if 4 * _least(words) > bytes or 4 * _weights_of(lambda: samplers.create(name, model, **words)) > bytes:
        raise InputError(f"{place}: describes more numbers than its weight file holds in {bytes:,} bytes")
    made = samplers.create(name, model, **words)
    named = weights.of_model(made)
    weights.assign(named, weights.read(preset.check(stored, weights.needed_bytes(named)), named)[0])
    return made


def _least(words):
    """How many weights there are at least: as many as a count says, or as a kernel between two widths has."""
    counts = [_whole(value) for word, value in words.items() if word != "epochs"]
    widths = [map(_whole, value) for value in words.values() if isinstance(value, list)]
    return max([*counts, *(a * b for row in widths for a, b in pairwise(row))], default=0)


def write_sampler(path, sampler, found):
    """Writes a fitted sampler, and what is known of it, into a run folder."""
    folder = Path(path) / "samplers"
    folder.mkdir(exist_ok=True)
    weights.write(folder / f"{found['sampler']}.safetensors", weights.values(weights.of_model(sampler)))
    write_json(folder / f"{found['sampler']}.json", found)


def features(name):
    """What the convolutions of a preset's encoder see: a Keras model from images to a list of features."""
    from .networks.features import levels

    entry, preset = catalog.catalogue(), open_preset(name)
    needs = [
        w
        for w, said in entry[catalog.resolve(preset.experiment.model)[0]].words.items()
        if said.annotation == "Features"
    ]
    if needs:
        raise InputError(f"{name}: a model that needs {needs[0]} itself; take the features of another", needs[0])
    return levels(load(name).encoder, name)


def build(experiment, shape, stored=None):
    """The model of an experiment, for examples of a shape, with fresh weights from its seed.

    Args:
        stored: bytes of the file that its weights are in, where there is one; a model of more is not built.
    """
    import keras

    training = experiment.training
    dtype = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[training.precision]
    words = {**experiment.hyperparameters, "input_shape": tuple(shape), "seed": training.seed, "dtype": dtype}
    with experiment.locating():
        require_room(experiment.model, words, stored)
        keras.utils.set_random_seed(training.seed)
        return catalog.create_model(experiment.model, **words)


def require_room(model, words, stored=None):
    """Raises InputError where the weights of a model would not fit into memory or their file, before any is made.

    The model is built as a graph, in which a weight has a shape and no values. Where even its three largest numbers
    together would make no large tensor, it is not counted.
    """
    there = datasets.available_memory()
    numbers = [n for value in words.values() for n in (value if isinstance(value, list | tuple) else [value])]
    largest = sorted(n for n in [*map(_whole, numbers), math.prod(words["input_shape"])] if n)[-3:]
    if 4 * math.prod(largest) < (there / 8 / COPIES if stored is None else UNCOUNTED):
        return
    variant = catalog.resolve(model)[0]
    words = {**words, **catalog.pretrained_features(catalog.catalogue()[variant], words)}
    count = _weights_of(lambda: catalog.create_model(model, **words))
    if stored is not None and 4 * count > stored:
        raise InputError(
            f"{model}: the configuration describes {count:,} weights, the weight file holds {stored:,} bytes"
        )
    needed = COPIES * 4 * count
    if needed > there:
        raise InputError(
            f"{model}: {count:,} weights for data of {'x'.join(map(str, words['input_shape']))} need "
            f"{needed / 1e9:,.1f} GB to train, {there / 1e9:.1f} are free; make widths, latent_dim or the data smaller"
        )


def _weights_of(make):
    """How many numbers a model or a sampler has; it is made as a graph, in which a weight has a shape and no values."""
    import tensorflow as tf

    with tf.Graph().as_default():
        return sum(math.prod(weight.shape) for weight in make().weights)


def _whole(value):
    return value if type(value) is int else 0


def data_for(preset, spec=None, resize=None, **options):
    """Data as a preset takes them: its own when `spec` is None.

    Args:
        resize: what `zoo.data.load` takes; "model" for the size and channels that the preset takes; or ("model", how).
        options: see `zoo.data.load`.
    """
    settings, (*size, channels) = preset.experiment.data, preset.preprocessor.shape
    if spec is None:
        spec, resize = settings.source, resize or settings.sizing()
        options = {"channels": settings.channels, "limit": settings.limit, "skip_bad": settings.skip_bad} | options
    if resize == "model" or (isinstance(resize, tuple) and resize[0] == "model"):
        how = settings.resize_mode or "fit" if resize == "model" else resize[1]
        resize, options = (*size, how), {"channels": channels} | options
    fixed = {
        "preprocessor": preset.preprocessor,
        "seed": preset.experiment.training.seed,
        "missing": settings.missing,
        "cut": settings.cut,
    }
    return datasets.load(spec, **{"resize": resize, "validation": settings.validation} | options | fixed)


# Writing


def create(path, force=False):
    """An empty folder for a run.

    Raises:
        WriteError: it exists (and is not a run folder that may be replaced), or cannot be made.
    """
    path = Path(path)
    try:
        if require_free(path, force):
            shutil.rmtree(path)
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f"{weights.SCRATCH}probe"
        weights.write_bytes(probe, b"yes")
        probe.unlink()
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(f"{path}: cannot write ({error.strerror})") from None
    return path


def require_free(path, force=False):
    """Whether there is a run folder to replace; see `create`."""
    path = Path(path)
    if not path.exists():
        parent = next(folder for folder in path.absolute().parents if folder.exists())
        if not parent.is_dir():
            raise WriteError(f"{path}: cannot write (Not a directory)")
        return False
    if path.is_dir() and not any(path.iterdir()):
        return False
    if not force:
        raise WriteError(f"{path}: exists; choose another folder, or --force to replace it")
    if not (path / "config.yaml").is_file():
        raise WriteError(f"{path}: exists and is not a run folder; --force replaces run folders only")
    return True


@contextlib.contextmanager
def revised(preset, out=None, force=False):
    """A copy of a run folder to change, which takes its place if all goes well; otherwise nothing has changed.

    Args:
        preset: the Preset of the run.
        out: whose place the copy takes instead, with the preset's own files only.
        force: replaces a run folder that exists.
    """
    path = Path(out or preset.path).resolve()
    if out is not None:
        require_free(path, force)
    around = path.with_name(f"{weights.SCRATCH}{path.name}-{secrets.token_hex(4)}")
    work = around / path.name  # the same name, which cards and metadata hold
    try:
        shutil.copytree(preset.path, work, ignore=None if out is None else _all_but(preset))
        yield work
        weights.replace_folder(work, path)
    except WriteError:
        raise
    except OSError as error:  # that of copytree holds a list of files, each with its reason
        reason = error.strerror or str(error).splitlines()[0][-100:]
        raise WriteError(f"{path}: cannot write ({reason})") from None
    finally:
        shutil.rmtree(around, ignore_errors=True)


def _all_but(preset):
    """What `shutil.copytree` leaves out: files that are none of the preset's own, such as checkpoints."""
    own = {preset.path / name for name in ("metadata.json", *preset.metadata["files"])}
    kept = own | {folder for file in own for folder in file.parents}
    return lambda folder, names: [name for name in names if Path(folder, name) not in kept]


def tidy(path):
    """Removes what a killed process has left half written in a run folder."""
    for left in [*Path(path).rglob(f"{weights.SCRATCH}*")]:
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def write_text(path, text):
    weights.write_bytes(path, text.encode())


def write_json(path, value):
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_history(path, history):
    """history: a list of {column: number}, an epoch each."""
    columns = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())


def read_history(path):
    """{column: [number of each epoch]}."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else {})}


def write_golden(path, model, examples):
    """Fixed inputs of every verb and the model's outputs, for `verify` on any machine."""
    arrays = {}
    for verb, signature in model.signatures().items():
        inputs = inputs_for(model, verb, signature, examples)
        for side, values in (("inputs", inputs), ("outputs", model.run(verb, **inputs))):
            arrays |= {f"{verb}/{side}/{name}": value for name, value in values.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    weights.write_bytes(path, buffer.getvalue())


def inputs_for(model, verb, signature, examples):
    """Inputs of a verb: examples as x, their codes as z, random numbers for the rest."""
    inputs = model.random_inputs(verb, len(examples))
    if "x" in signature.inputs:
        inputs["x"] = examples
    if "z" in signature.inputs:
        inputs["z"] = model.encode(examples)
    return inputs


def write_thresholds(path, scores):
    """Quantiles of the anomaly score over held-out normal examples, [N], and some of the scores themselves, sorted."""
    quantiles = {str(q): float(np.quantile(scores, q, method="higher")) for q in QUANTILES}
    kept = np.sort(np.asarray(scores[:SCORES], np.float64)).tolist()
    said = {"unit": "nats", "split": "validation", "examples": len(scores)}
    write_json(path, {"score": quantiles, **said, "scores": kept})


def threshold(scores):
    """The score that a fraction RATE of normal examples exceeds, or None where there are too few of them."""
    found = conformal_threshold(scores[:SCORES], RATE)
    return found if math.isfinite(found) else None


def versions():
    """{package: version} of the stack."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def seal(path, metadata=None):
    """Writes metadata.json anew: the given facts, or those there are, and the sha256 and size of every file."""
    path = Path(path)
    files = {
        file.relative_to(path).as_posix(): {
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "bytes": file.stat().st_size,
        }
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name not in ("metadata.json", CHECKPOINT) and not _is_scratch(file, path)
    }
    write_json(path / "metadata.json", {"format": FORMAT, **(metadata or facts(path)), "files": files})


def facts(path):
    """The metadata of a run folder without what `seal` adds."""
    return {name: value for name, value in Preset(Path(path)).metadata.items() if name not in ("format", "files")}


def _is_scratch(file, path):
    return any(part.startswith(weights.SCRATCH) for part in file.relative_to(path).parts)


def _files(metadata):
    """Whether the manifest is {relative path: {"sha256": text, "bytes": count}}."""
    files = metadata.get("files")
    return isinstance(files, dict) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and type(entry.get("bytes")) is int
        and not Path(name).is_absolute()
        and ".." not in Path(name).parts
        for name, entry in files.items()
    )
