"""What a hand can move in an exported model: the numbers that one of its verbs makes an image of, and places there."""

import numpy as np

from ..distributions.categories import CategoriesPrior
from ..distributions.hyperbolic import BALL
from ..distributions.spherical import SPHERE
from ..errors import InputError

PLACES = 144  # on the map
LINES = {SPHERE: "sphere", BALL: "ball"}  # how one goes from place to place; else straight on


def space(model, x=None):
    """The numbers that a verb takes, how each may be set, and places in their space, ready for JSON.

    Codes of an encoder are numbers, one-hot choices, or the indices of discrete codes; of a generator there is the
    random input of `sample`. The order of the controls is that of their activity: the standard deviation of a code, or
    how much an input of a generator changes the image.

    Args:
        model: a model of the zoo, or an `Exported` file, whose prior is not known.
        x: data [N, *input_shape] whose codes are the places; if None samples, after the examples of the preset.

    Raises:
        InputError: there are data, and no encoder for them.
    """
    if x is not None and "encode" not in model.signatures():
        raise InputError(f"{type(model).__name__}: has no encoder, so data have no place on its map")
    if "encode" not in model.signatures():
        return _of_noise(model)
    codes = model.run("encode", x=_images(model) if x is None else np.asarray(x[:PLACES]))
    discrete = "indices" in codes and hasattr(model, "index_shape")
    made = _of_indices(model, codes["indices"]) if discrete else _of_codes(model, codes["z"])
    return {
        **made,
        "origin": "samples" if x is None else "data",
        "places": _places(codes["z"]),
    }


def _images(model):
    """The examples of the model's preset, and samples."""
    preset = getattr(model, "preset", None)
    own = preset.examples() if preset else None
    samples = model.sample(PLACES)
    return samples if own is None else np.concatenate([own, samples])[:PLACES]


def _of_codes(model, z):
    z, prior = z.reshape(len(z), -1), getattr(model, "prior", None)
    spread, mean = z.std(0), z.mean(0)
    choices = list(prior.classes) if isinstance(prior, CategoriesPrior) else []
    numbers = z.shape[-1] - sum(choices)
    line = LINES.get(getattr(prior, "space", None), "straight")
    edge = {"sphere": 1.0, "ball": getattr(prior, "curvature", 1.0) ** -0.5}.get(line)
    controls = [
        {
            "kind": "number",
            "at": unit,
            "name": f"z{unit}",
            "activity": float(spread[unit]),
            **_reach(mean[unit], max(3 * spread[unit], 1.0), edge),
        }
        for unit in np.argsort(-spread[:numbers]).tolist()
    ]
    label = "label" in model.signatures()["encode"].inputs
    for number, size in enumerate(choices):
        name = "label" if label else f"category {number + 1}"
        at = numbers + sum(choices[:number])
        controls.append({"kind": "choice", "at": at, "name": name, "size": size})
    return {
        "verb": "decode",
        "inputs": [{"name": "z", "size": z.shape[-1]}],
        "controls": controls,
        "line": line,
        "edge": edge,
        "values": z.astype("float64").round(5).tolist(),
    }


def _reach(mean, half, edge):
    """How far a slider goes."""
    if edge is not None:
        return {"low": -edge, "high": edge}
    return {"low": float(mean - half), "high": float(mean + half)}


def _of_indices(model, indices):
    """Discrete codes: `sample` takes numbers that stand for indices."""
    grid, flat = list(model.code_shape[:-1]), indices.reshape(len(indices), -1)
    depth = flat.shape[1] // int(np.prod(grid))
    return {
        "verb": "sample",
        "inputs": [{"name": "uniform", "size": flat.shape[1]}],
        "controls": [{"kind": "indices", "at": 0, "name": "codes", "size": model.size, "grid": grid, "depth": depth}],
        "line": "steps",
        "values": ((flat + 0.5) / model.size).tolist(),
    }


def _of_noise(model):
    """The random input of a generator; its places are those of the images that it makes."""
    drawn = model.random_inputs("sample", PLACES)
    sizes = {name: array[0].size for name, array in drawn.items()}
    values = np.concatenate([array.reshape(PLACES, -1) for array in drawn.values()], 1)
    images = model.run("sample", **drawn)["x"]
    controls, at = [], 0
    for name, size in sizes.items():
        low, high = (0.0, 1.0) if name == "uniform" else (-3.0, 3.0)
        controls += [
            {"kind": "number", "at": at + i, "name": f"{name[0]}{i}", "low": low, "high": high} for i in range(size)
        ]
        at += size
    for control in controls:
        control["activity"] = _effect(model, drawn, values, images, control["at"])
    return {
        "verb": "sample",
        "inputs": [{"name": name, "size": size} for name, size in sizes.items()],
        "controls": sorted(controls, key=lambda control: -control["activity"]),
        "line": "straight",
        "values": values.astype("float64").round(5).tolist(),
        "origin": "samples",
        "places": _places(images),
    }


def _effect(model, drawn, values, images, unit, most=32):
    """How much an image changes when a unit is taken from the next sample: root mean square over the pixels."""
    changed = values[:most].copy()
    changed[:, unit] = values[1 : most + 1, unit]
    stops = np.cumsum([array[0].size for array in drawn.values()])[:-1]
    parts = {
        name: part.reshape(-1, *array.shape[1:])
        for (name, array), part in zip(drawn.items(), np.split(changed, stops, 1), strict=True)
    }
    return float(np.sqrt(np.mean((model.run("sample", **parts)["x"] - images[:most]) ** 2)))


def _places(values):
    """Points [N, 2] on the two principal axes."""
    flat = np.reshape(values, (len(values), -1)).astype("float64")
    flat -= flat.mean(0)
    axes = np.linalg.svd(flat, full_matrices=False)[2][:2]
    places = flat @ axes.T
    return np.pad(places, ((0, 0), (0, 2 - places.shape[1]))).round(5).tolist()
