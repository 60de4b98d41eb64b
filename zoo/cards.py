"""The model card of a run folder: a README.md made from its other files."""

from . import catalog
from .samplers import PRIOR

LABELS = {
    "mse": ("Mean squared error", "per value"),
    "psnr": ("Peak signal-to-noise ratio", "dB"),
    "token_accuracy": ("Tokens that are reconstructed", "share"),
    "elbo": ("Evidence lower bound", "nats"),
    "distortion": ("Distortion -E[log p(x\\|z)]", "nats"),
    "rate": ("Rate KL(q(z\\|x) \\|\\| p(z))", "nats"),
    "nll": ("Negative log-likelihood, importance weighted", "nats"),
    "bits_per_dim": ("Negative log-likelihood", "bits/dim"),
    "bits_per_token": ("Negative log-likelihood", "bits/token"),
    "perplexity": ("Perplexity", "tokens"),
    "active_units": ("Active units", "dimensions"),
    "linear_probe": ("Linear probe on the codes", "accuracy"),
    "modes": ("Classes among 500 samples", "classes"),
}
PICTURES = {
    "before_after.png": "Held-out examples, before and after fine-tuning",
    "reconstructions.png": "Held-out examples, reconstructions, absolute differences",
    "samples.png": "Samples from the prior",
    "interpolation.png": "Straight lines between the codes of two examples",
    "latent_map.png": "Codes of held-out examples",
    "curves.png": "Training",
}


def card(preset):
    """The text of README.md for a Preset."""
    metadata = preset.metadata
    sections = (
        _title(preset),
        _use(preset, metadata),
        _numbers(metadata["metrics"], metadata.get("commands", {})),
        _pictures(metadata),
        _data(metadata["data"], preset.experiment),
        _training(metadata),
        _limits(preset, metadata),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _title(preset):
    metadata = preset.metadata
    known = catalog.info(metadata["model"])
    equation = f"\n\n```\n{known.equation}\n```" if known.equation else ""
    return (
        f"# {metadata['name']}\n\n{metadata['summary']} `{metadata['model']}`, {metadata['parameters']:,} parameters, "
        f"trained on {metadata['data']['name']}. [Paper]({metadata['paper']}).{equation}"
    )


def _use(preset, metadata):
    shape = ", ".join(map(str, preset.preprocessor.raw_shape))
    verbs = [verb for verb in ("encode", "reconstruct", "score") if verb in preset.golden]
    calls = "\n".join(f"model.{verb}(x)" for verb in verbs)
    data = f"x = model.preset.preprocessor.apply(raw)   # raw: [N, {shape}]\n{calls}\n" if verbs else ""
    return (
        "## Use\n\n```python\nimport zoo\n\n"
        f'model = zoo.load_model("{metadata["name"]}")\nmodel.sample(16, seed=0)\n{data}```'
    )


def _numbers(metrics, commands):
    """A table: a row for each number, a column for each evaluation."""
    names = [name for name in LABELS if any(name in m["metrics"] for m in metrics.values())]
    if not names:
        return ""
    titles = {"before": "before fine-tuning", "test": "after fine-tuning" if "before" in metrics else "test"}
    shown = [titles.get(name, name) for name in metrics]
    head = "| | unit | " + " | ".join(shown) + " |\n|---|---|" + "---:|" * len(metrics)
    rows = "\n".join(
        f"| {LABELS[name][0]} | {LABELS[name][1]} | " + " | ".join(_value(m, name) for m in metrics.values()) + " |"
        for name in names
    )
    notes = "\n".join(
        f"- {title}: {_how(m, commands.get(name))}" for title, (name, m) in zip(shown, metrics.items(), strict=True)
    )
    return f"## Numbers\n\n{head}\n{rows}\n\nMean ± standard error.\n\n{notes}"


def _value(evaluation, name):
    found = evaluation["metrics"].get(name)
    if found is None:
        return "-"
    error = found.get("standard_error")
    return f"{found['value']:.4g}" + (f" ± {error:.2g}" if error else "")


def _how(evaluation, command):
    settings = evaluation["settings"]
    said = ", ".join(f"{key} {value}" for key, value in settings.items() if value is not None)
    return f"{evaluation['n']:,} examples ({said})" + (f"; `{command}`" if command else "")


def _pictures(metadata):
    there = [name for name in PICTURES if f"figures/{name}" in metadata["files"]]
    captions = PICTURES | ({"samples.png": f"Samples from the {found}"} if (found := _sampler(metadata)) else {})
    return "\n\n".join(f"![{captions[name]}](figures/{name})\n\n*{captions[name]}.*" for name in there)


def _sampler(metadata):
    """What samples begin with in place of the prior, or None."""
    name = metadata.get("sampler", PRIOR)
    return None if name == PRIOR else f"sampler {name}"


def _data(data, experiment):
    sizes = ", ".join(f"{count:,} {name}" for name, count in data["sizes"].items())
    binarize = experiment.data.binarize
    drawn = {
        "stochastic": " Every pixel is drawn as 0 or 1 with its grey value as probability, anew in every step.",
        "threshold": " Pixels are 0 below one half and 1 from there on.",
    }
    licence = data["licence"] or "not stated by the source"
    shape, kind = "x".join(map(str, data["shape"])), data["kind"].removesuffix("s")
    return (
        f"## Data\n\n{data['source']}: {sizes}, {kind}s of {shape}.{drawn.get(binarize, '')}\n"
        f"Licence of the data: {licence}."
    )


def _training(metadata):
    facts, versions = metadata["training"], metadata["versions"]
    stack = ", ".join(f"{name} {version}" for name, version in versions.items())
    began = f" It began with the weights of `{metadata['start']}`." if metadata.get("start") else ""
    if learned := metadata.get("on_device"):
        began += f" After it, {learned['steps']:,} steps were made on a device, with data that are not known here."
    if sampler := _sampler(metadata):
        began += f" The {sampler} was fitted to codes afterwards: `samplers/{metadata['sampler']}.json`."
    return (
        f"## Training\n\n{facts['epochs']} epochs, {facts['steps']:,} steps, {facts['seconds'] / 60:.1f} minutes on "
        f"{facts['device']}; the weights are those of epoch {facts['kept_epoch']}.{began}\n"
        "`zoo train config.yaml` trains it again.\n\n"
        f"Seed {metadata['seed']}; {stack}."
    )


def _limits(preset, metadata):
    name, experiment, lines = metadata["data"]["name"], preset.experiment, []
    if "reconstruct" in preset.golden:
        lines.append(
            f"- It knows {name} only: what differs much from it is reconstructed as something that resembles {name}."
        )
    else:
        lines.append(f"- It knows {name} only, and tells nothing of an example: it has samples, and no likelihood.")
    if "score" in preset.golden:
        lines.append("- The likelihood of a whole example says how well it is compressed, not what it shows.")
    if experiment.hyperparameters.get("posterior") == "deterministic" and not _sampler(metadata):
        lines.append("- Its codes are points that no prior was trained on: samples decode noise, to show just that.")
    lines += [
        f"- The collapse doctor said of its training: {line}." for line in metadata["training"].get("diagnoses", ())
    ]
    if "not_exported" in metadata:
        lines.append(f"- No TFLite file: {metadata['not_exported']}.")
    return "## Limits\n\n" + "\n".join(lines)
