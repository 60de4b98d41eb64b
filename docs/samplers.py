"""Compares what samples of MNIST begin with: docs/samplers.json and docs/samplers.png, for the table in use.md.

python docs/samplers.py                    the pretrained models, with the picture
python docs/samplers.py runs/vq_vae_conv   a quantized one, which was trained by
    zoo train vq_vae_conv --data tfds:mnist --limit 20000 --epochs 6 --out runs/vq_vae_conv

Every sampler is fitted to the codes of training images, with its default settings, the autoregressive one for 15
epochs. Samples are compared with test images in the features of a classifier that is fitted to training images here.
Two rows say what the numbers can be at best: training images in place of samples, and reconstructions of the test
images: what the decoder can do.
"""

import json
import sys
from pathlib import Path

import zoo
from zoo import figures, metrics, presets, sampling
from zoo.evaluation import binarized
from zoo.quantized import Quantized

MODELS, DATA = ("ae_conv.mnist", "vae_conv.mnist"), "tfds:mnist"
SAMPLERS = ("normal", "mixture", "flow", "two_stage", "aggregate")
OF_INDICES = ("normal", "autoregressive", "aggregate")
WORDS = {"autoregressive": {"epochs": 15}}
CLASSIFIED, FITTED, SAMPLES, SHOWN = 10_000, 20_000, 5_000, 14
HERE = Path(__file__).parent


def compared(features, found, expected):
    """Samples beside data, both [N, H, W, C]."""
    found, expected = features(found), features(expected)
    scores = {"frechet": metrics.frechet_distance(found, expected), **metrics.precision_recall(found, expected)}
    return {name: round(score["value"], 4) for name, score in scores.items()}


def main(runs):
    data = presets.data_for(presets.open_preset(MODELS[0]), DATA)
    train, test = (data.preprocessor.apply(x) for x in (data.train.x, data.test.x[:SAMPLES]))
    features, classifier = metrics.class_features(train[:CLASSIFIED], data.train.y[:CLASSIFIED])
    accuracy = classifier.score(test.reshape(SAMPLES, -1), data.test.y[:SAMPLES])
    results = {"models": {}} if not runs else json.loads((HERE / "samplers.json").read_text())
    results |= {
        "data": DATA,
        "samples": SAMPLES,
        "fitted_to": FITTED,
        "classifier_accuracy": round(float(accuracy), 4),
        "training images": compared(features, train[-SAMPLES:], test),
    }
    rows = {"test images": test[:SHOWN]}
    for name in runs or MODELS:
        model = zoo.load_model(name)
        name, short = model.preset.metadata["name"], name.partition("_")[0].upper()
        seen = [binarized(x, model.preset.experiment.data.binarize) for x in (train[:FITTED], test)]
        found = {"reconstructions": compared(features, model.reconstruct(seen[1]), test)}
        for sampler in OF_INDICES if isinstance(model, Quantized) else SAMPLERS:
            fit = sampling.fit_sampler(model, seen[0], sampler, **WORDS.get(sampler, {}))
            x = model.sample(SAMPLES, seed=0)
            found[sampler] = {**compared(features, x, test), "nll": fit["nll"] and round(fit["nll"], 2)}
            rows[f"{short}: {sampler}"] = x[:SHOWN]
            print(name, sampler, found[sampler], file=sys.stderr, flush=True)
        results["models"][name] = found
    if not runs:
        figures.strips(rows, HERE / "samplers.png")
    (HERE / "samplers.json").write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
