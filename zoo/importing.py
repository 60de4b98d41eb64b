"""What a model has learned on a device, back in a run folder."""

import shutil
import zipfile

import numpy as np

from . import cards, presets, samplers, weights
from .errors import InputError, nearest

SLACK = 1 << 20  # bytes that a state may have beside its numbers
LEFT_OUT = ("commands", "sampler")  # facts of the old weights
SLOTS = 3  # arrays an optimizer may keep for each weight


def import_state(file, run, out=None, *, force=False):
    """Writes a run folder with the weights that a trainable TFLite file has learned on a device.

    Args:
        file: an .npz file of the outputs of the signature `save`, by name.
        run: the preset or run folder that was exported.
        out: the run folder to make; "runs/<name>-device" when None.
        force: replaces a run folder that exists.

    Returns:
        The path of the run folder. It has the weights of the file, bit by bit, and golden outputs of its own; numbers,
        thresholds and samplers that were found with the old weights are left out.

    Raises:
        InputError: the file is no state of this model: an array is missing, unknown, of another shape or not finite.
        WriteError: `out` exists, or cannot be written.
    """
    preset, model = presets.open_preset(run), presets.load(run, sampler=samplers.PRIOR)
    before, state = int(model.step), read_state(file, model)
    weights.assign(weights.of_model(model), state)
    out = presets.create(out or f"runs/{preset.path.name}-device", force)
    for name in ("config.yaml", "preprocessor.json", "history.csv"):
        shutil.copyfile(preset.path / name, out / name)
    weights.write(out / "model.safetensors", state)
    presets.write_golden(out / "golden.npz", model, preset.examples())
    facts = {name: value for name, value in presets.facts(preset.path).items() if name not in LEFT_OUT}
    learned = {"steps": int(model.step) - before, "preset": str(run)}
    presets.seal(out, {**facts, "name": out.name, "start": str(run), "metrics": {}, "on_device": learned})
    presets.write_text(out / "README.md", cards.card(presets.Preset(out)))
    presets.seal(out)
    return out


def read_state(path, model):
    """{name of a weight: array} from an .npz file of what `save` gives, checked against the model.

    Raises:
        InputError: see `import_state`.
    """
    named = weights.of_model(model)
    keys = {name.replace("/", "__"): name for name in named}
    needed = sum(int(np.prod(v.shape)) * np.dtype(v.dtype).itemsize for v in named.values())
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > needed * (1 + SLOTS) + SLACK:
            raise InputError(f"{path}: holds {size:,} bytes; the state of {type(model).__name__} has fewer")
        with np.load(path, allow_pickle=False) as file:
            found = set(file.files)
            _check(path, found, keys)
            arrays = {key: file[key] for key in keys}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a readable .npz file ({str(error).splitlines()[0]})") from None
    return {name: _fitting(path, key, arrays[key], named[name]) for key, name in keys.items()}


def _check(path, found, keys):
    if missing := sorted(set(keys) - found):
        raise InputError(f"{path}: has no array {missing[0]!r}, and {len(missing) - 1} more: a state of another model?")
    known = {key for key in found if key.startswith("optimizer_")}
    if unknown := sorted(found - set(keys) - known):
        raise InputError(f"{path}: unknown array {unknown[0]!r}{nearest(unknown[0], keys, 1)}")


def _fitting(path, key, array, variable):
    if array.shape == (1,) and tuple(variable.shape) == ():  # a number, which has an axis in the file
        array = array.reshape(())
    if array.shape != tuple(variable.shape) or array.dtype != np.dtype(variable.dtype):
        raise InputError(
            f"{path}: {key}: {array.dtype}{list(array.shape)}; the model needs {variable.dtype}{list(variable.shape)}"
        )
    if not np.isfinite(array).all():
        raise InputError(f"{path}: {key}: holds NaN or infinite values")
    return array
