"""What an app developer must know of an export: model.json, which the snippets are written from."""

import inspect
import json
from typing import NamedTuple

from ai_edge_litert import schema_py_generated as schema

from .. import catalog, presets
from . import decisions

STATE = ("save", "restore")  # their tensors are the weights and the optimizer: named, not explained


class Meaning(NamedTuple):
    """What a tensor holds.

    Attributes:
        text: in words.
        range: [smallest, largest], None where there is no bound.
        drawn: "normal" or "uniform" for random numbers that the caller draws.
    """

    text: str
    range: tuple = (None, None)
    drawn: str | None = None


VERBS = {
    "encode": "From data to codes.",
    "decode": "From codes to data.",
    "reconstruct": "From data to codes and back: what the model takes the data for.",
    "sample": "New data, out of random numbers: the same numbers give the same data.",
    "score": "How strange data are to the model.",
    "train": "One step of training on a batch; the weights stay changed for the calls that follow.",
    "save": "All that the next step of training depends on, for `restore` or `zoo import-state`.",
    "restore": "Sets what `save` gave.",
}
INPUTS = {
    "z": Meaning("Codes."),
    "noise": Meaning("Standard normal random numbers, drawn anew for each call.", drawn="normal"),
    "uniform": Meaning("Random numbers between 0 and 1, drawn anew for each call.", (0, 1), "uniform"),
    "label": Meaning("One-hot: 1 at the place of the label, 0 elsewhere.", (0, 1)),
}
OUTPUTS = {
    "z": Meaning("Codes: the centers of their distributions."),
    "stddev": Meaning("Standard deviations of the codes.", (0, None)),
    "indices": Meaning("The place of each code in its codebook.", (0, None)),
    "score": Meaning("In nats; the larger, the stranger."),
    "is_anomaly": Meaning("1 where the score is above the threshold, else 0.", (0, 1)),
    "loss": Meaning("Before the step, in nats, the mean over the batch."),
    "label": Meaning("The likeliest label.", (0, None)),
    "cluster": Meaning("The likeliest cluster.", (0, None)),
    "probability": Meaning("Of each cluster.", (0, 1)),
}


def manifest(model, report, path):
    """The contents of model.json.

    Args:
        model: the float32 Keras model that was exported.
        report: its `Report`.
        path: of the file or folder that holds the exported model, as it is now.
    """
    preset = getattr(model, "preset", None)
    known = catalog.info(model.variant)
    order = order_of(path) if report.format == "tflite" else {}
    return {
        "name": preset.path.name if preset else model.variant,
        "model": preset.metadata["model"] if preset else model.variant,
        "summary": known.summary,
        "paper": known.paper,
        "file": path.name,
        "format": report.format,
        "batch": report.batch,
        "trainable": bool(report.options.get("trainable")),
        "precision": precision_of(report),
        "size": report.size,
        "files": report.files,
        "operations": report.operations,
        "weights": report.weights,
        "signatures": {row.signature: _signature(model, row, order) for row in _ordered(report.rows, order)},
        "preprocessing": _preprocessing(preset),
        "threshold": _threshold(model, preset),
        "provenance": _provenance(preset),
        "versions": presets.versions(),
    }


def precision_of(report):
    """What the weights are: "float32" or what `quantize` made of them."""
    if report.format == "micro":
        return "int8"
    return "float32" if report.options.get("quantize", "none") == "none" else report.options["quantize"]


def order_of(path):
    """{signature: {"index", "inputs", "outputs"}}: the order in which a TFLite file has them, for APIs that count."""
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    found = {}
    for i in range(model.SignatureDefsLength()):
        each = model.SignatureDefs(i)
        inputs = [each.Inputs(k).Name().decode() for k in range(each.InputsLength())]
        outputs = [each.Outputs(k).Name().decode() for k in range(each.OutputsLength())]
        found[each.SignatureKey().decode()] = {"index": i, "inputs": inputs, "outputs": outputs}
    return found


def _ordered(rows, order):
    return sorted(rows, key=lambda row: order[row.signature]["index"]) if order else rows


def _signature(model, row, order):
    place = order.get(row.signature, {"inputs": list(row.inputs), "outputs": list(row.outputs)})
    index = {"index": place["index"]} if "index" in place else {}
    if row.signature in STATE:
        inputs = {name: row.inputs[name] for name in place["inputs"]}
        outputs = {name: row.outputs[name] for name in place["outputs"]}
    else:
        inputs = {name: _tensor(row.inputs[name], _input(model, name)) for name in place["inputs"]}
        outputs = {name: _tensor(row.outputs[name], _output(model, row, name)) for name in place["outputs"]}
    return {**index, "meaning": _verb(model, row.signature), "inputs": inputs, "outputs": outputs}


def _tensor(described, meaning):
    drawn = {"drawn": meaning.drawn} if meaning.drawn else {}
    return {**described, "range": list(meaning.range), "meaning": meaning.text, **drawn}


def _verb(model, name):
    """What a signature does: a word of the table, or what its function says of itself."""
    return VERBS.get(name) or inspect.getdoc(model.signatures()[name].function).split("\n\n")[0].replace("\n", " ")


def _input(model, name):
    return INPUTS.get(name) or Meaning("Data, as the model takes them.", _range(model))


def _output(model, row, name):
    if name in ("x", "x_hat"):
        return Meaning("Data, as the model takes them.", _range_given(model))
    return OUTPUTS.get(name) or Meaning(_verb(model, row.signature))


def _range(model):
    """(smallest, largest) of what the model takes, None where that is not known."""
    if preset := getattr(model, "preset", None):
        p = preset.preprocessor
        return (
            (None, None)
            if p.low is None
            else tuple(float(v) for v in ((p.low - p.shift) * p.scale, (p.high - p.shift) * p.scale))
        )
    return _range_given(model)


def _range_given(model):
    """(smallest, largest) of what the model makes."""
    unit = getattr(getattr(model, "observation", None), "unit_range", False)
    squashed = getattr(getattr(model, "squash", None), "__name__", "") == "sigmoid"
    return (0.0, 1.0) if unit or squashed else (None, None)


def _preprocessing(preset):
    """Of raw data, or None for a model that was made without any."""
    if preset is None:
        return None
    binarize = preset.experiment.data.binarize  # what scores and thresholds were made with
    formula = "(raw - shift) * scale, in float32"
    return {"formula": formula, **json.loads(preset.preprocessor.to_json()), "binarize": binarize}


def _threshold(model, preset):
    """Of the score, and where it is from; None where there is none."""
    if model.threshold is None:
        return None
    said = {"value": model.threshold, "rule": f"{decisions.VERDICT} = score > value, in float32"}
    if preset is None or preset.threshold != model.threshold:
        return said
    count = len(preset.thresholds["scores"])
    return {**said, "rate": presets.RATE, "calibrated_on": f"{count} held-out normal examples"}


def _provenance(preset):
    """Where the weights are from; None for weights of no run folder."""
    if preset is None:
        return None
    metadata = preset.metadata
    data = {name: metadata["data"].get(name) for name in ("name", "source", "licence", "fingerprint")}
    return {
        "data": data,
        "parameters": metadata["parameters"],
        "commit": metadata["commit"],
        "zoo": metadata["versions"]["zoo"],
    }
