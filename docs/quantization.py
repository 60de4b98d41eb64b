"""What fewer bits cost the pretrained models: docs/quantization.json.

python docs/quantization.py            every preset in every precision, on its own test images
python docs/quantization.py layers     three of them with the weights of some layers in fewer bits

`int8` learns its ranges from training images of MNIST.
"""

import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import zoo
from zoo import catalog, presets
from zoo.export import decisions, export, litert, parity, quantization

DATA, LAYERS_OF = "tfds:mnist", ("vae_conv.mnist", "vae_dense.mnist", "ae_conv.mnist")
ANY = 1e9  # a tolerance that keeps every file, so that refused ones have a size too
FILE = Path(__file__).with_suffix(".json")


def table(found):
    """Adds {preset: {precision: what was measured}} to what there is, one file after the other."""
    for name in sorted(catalog.presets()):
        model = zoo.load_model(name)
        for precision in quantization.PRECISIONS:
            files = found.setdefault("table", {}).setdefault(name, {})
            files[precision] = measured(model, precision)
            files[precision]["of_float32"] = round(files[precision]["bytes"] / files["none"]["bytes"], 3)
            print(name, precision, json.dumps(files[precision]), flush=True)
            FILE.write_text(json.dumps(found, indent=1) + "\n")


def measured(model, precision):
    """One file: its size, seconds of processor time, errors of every output, and why it is refused, if it is."""
    x, start = parity.examples_for(model).x, time.process_time()
    calibration = DATA if quantization.PRECISIONS[precision].calibrated else None
    with tempfile.TemporaryDirectory() as folder:
        words = {"quantize": precision, "calibration": calibration, "tolerance": ANY, "examples": x}
        path = export(model, Path(folder) / "app", **words).path
        seconds, interpreter = time.process_time() - start, litert.open_tflite(path)
        rows = litert.verify_tflite(path, model, x, quantize=precision)
        size = path.stat().st_size
    failed = [row for row in rows if not row.passed]
    return {
        "bytes": size,
        "seconds": round(seconds, 1),
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


# Weights alone, every sum in float32: what no interpreter can do better


def rounded(weights, axis):
    """int8, with a scale for each output channel."""
    scale = largest(weights, axis) / 127
    return np.float32(np.round(weights / scale) * scale)


def largest(weights, axis):
    """Of each channel, broadcast to the weights."""
    return np.max(np.abs(weights), tuple(i for i in range(weights.ndim) if i != axis), keepdims=True)


def halved(weights, _):
    return np.float32(np.float16(weights))


def kernels(model):
    """{name: (variable, axis of outputs, axis of inputs)}, which a transposed convolution has the other way round."""
    parts = {"encoder": model.encoder, "decoder": model.decoder}
    layers = [(network, layer) for network, part in parts.items() for layer in part.layers]
    return {
        f"{network}/{layer.name}": (layer.kernel, *((-2, -1) if "Transpose" in type(layer).__name__ else (-1, -2)))
        for network, layer in layers
        if hasattr(layer, "kernel")
    }


def layers(name):
    """Of a preset, {what was rounded: [largest difference of a reconstruction, of a sample, part of the size]}."""
    model = zoo.load_model(name)
    known = kernels(model)
    before = {name: variable.numpy() for name, (variable, *_) in known.items()}
    expected, sizes = outputs(model), {name: weights.size for name, weights in before.items()}

    def tried(int8, others=lambda weights, _: weights):
        found = {}
        for name, (variable, axis, _) in known.items():
            weights = variable.numpy()
            found[name] = weights
            variable.assign((rounded if name in int8 else others)(weights, axis % weights.ndim))
        errors = [float(f"{np.max(np.abs(a - b)):.2g}") for a, b in zip(outputs(model), expected, strict=True)]
        for name, weights in found.items():
            known[name][0].assign(weights)
        rest = 0.5 if others is halved else 1.0
        part = sum(size * (0.25 if name in int8 else rest) for name, size in sizes.items()) / sum(sizes.values())
        return [*errors, round(part, 3)]

    wide = sorted(sizes, key=sizes.get)[-2:]
    found = {"all layers": tried(known)}
    found |= {f"{name} alone": tried([name]) for name in known}
    found[f"{' and '.join(wide)}, float16 elsewhere"] = tried(wide, halved)
    equalise(model)
    found["all layers, channels equalised"] = tried(known)
    found[f"{' and '.join(wide)}, float16 elsewhere, channels equalised"] = tried(wide, halved)
    return found


def outputs(model):
    x = np.float32(model.preset.examples())
    return model.reconstruct(x), model.run("sample", **model.random_inputs("sample", len(x)))["x"]


def equalise(model):
    """Gives every channel between two layers the same largest weight on its way out (Nagel et al. 2019): relu lets the
    factor pass to the layer before."""
    known = list(kernels(model).items())
    for (name, (left, out, _)), (after, (right, _, into)) in itertools.pairwise(known):
        if name.split("/")[0] != after.split("/")[0]:
            continue
        outs, ins = left.shape[out], right.shape[into]
        channels = min(outs, ins)  # the other side may have them at every place of a grid
        by_channel = np.moveaxis(np.abs(right.numpy()), into, 0).reshape(ins // channels, channels, -1).max((0, 2))
        factor = by_channel / np.exp(np.mean(np.log(by_channel)))
        model_layer = getattr(model, name.split("/")[0]).get_layer(name.split("/")[1])
        left.assign(left * shaped(np.tile(factor, outs // channels), left, out))
        model_layer.bias.assign(model_layer.bias * np.tile(factor, outs // channels))
        right.assign(right / shaped(np.tile(factor, ins // channels), right, into))


def shaped(factor, weights, axis):
    """Along one axis of the weights."""
    return np.float32(factor).reshape([-1 if i == axis % len(weights.shape) else 1 for i in range(len(weights.shape))])


if __name__ == "__main__":
    found = json.loads(FILE.read_text()) if FILE.is_file() else {}
    if "layers" in sys.argv[1:]:
        found["layers"] = {name: layers(name) for name in LAYERS_OF}
        FILE.write_text(json.dumps(found, indent=1) + "\n")
    else:
        table(found)
