"""The collapse doctor: recognises what goes wrong in training, and says in one line what it is and what to try.

It looks at what a model makes of some examples. An illness is a function (model, what is seen) -> a line or None.
"""

import warnings
from typing import NamedTuple

import keras
import numpy as np

from .metrics.codes import ACTIVE, variances

EXAMPLES = 256  # that are looked at
WAIT = 300  # steps before which a model that does little yet is not called ill
EXPLODED = 10.0  # times the size of the first loss
DEAD_UNITS = 0.75  # share of a code's units, beyond which
DEAD_HIDDEN = 0.9  # share of a layer's units
USED_CODES = 0.05  # share of a codebook, below which
CONSTANT = 1e-6  # variance of a unit, as a part of the largest, where codes are points
BOUND = 1e-3  # of 0 or 1, within which an output is saturated
SATURATED = 0.9  # share of outputs
WRONG = 10 * BOUND  # mean error of saturated outputs, which claim one below BOUND
OUTSIDE = 0.05  # share of values beyond the range of the others
MARGIN = 0.5  # of the data's range, on each side


class Seen(NamedTuple):
    """What an examination goes by.

    Attributes:
        x: examples as model values, [N, *input_shape].
        outputs: their reconstructions, or samples where there is no encoder, [N, *input_shape].
        codes: what `encode` gives, or {} where there is no encoder.
    """

    x: np.ndarray
    outputs: np.ndarray
    codes: dict


class CollapseDoctor(keras.callbacks.Callback):
    """Examines a model of the zoo at the end of each epoch; says every illness once, and never stops training.

    `zoo.train` and `zoo.finetune` add one by themselves; elsewhere: `model.fit(x, callbacks=[CollapseDoctor(x)])`.

    Args:
        x: examples as model values, [N, *input_shape]; the first 256 are used.
        say: called with each line.
        wait: steps before which nothing is said of codes, units and outputs. These are called ill when they were so at
            two examinations in a row.

    Attributes:
        said: {illness: line}.
    """

    def __init__(self, x, say=warnings.warn, wait=WAIT):
        super().__init__()
        self.x, self.say, self.wait = np.asarray(x[:EXAMPLES], "float32"), say, wait
        self.said, self.suspected, self.losses, self.skipped = {}, set(), [], 0

    def on_train_batch_end(self, batch, logs=None):
        self.watch(logs or {})

    def on_epoch_end(self, epoch, logs=None):
        self.watch(logs or {})
        if len(self.x) < 2:
            return
        found = examine(self.model, self.x)
        if int(self.model.step) >= self.wait:
            for illness in found.keys() & self.suspected:
                self.tell(illness, found[illness])
        self.suspected = set(found)

    def watch(self, logs):
        """Looks at the loss, which needs no examination."""
        loss, skipped = logs.get("loss", 0.0), int(self.model.skipped)
        self.losses = [*self.losses[:1], loss]
        if skipped > self.skipped or not np.isfinite(loss):
            self.tell(
                "exploding loss", f"gradients were not finite, and {skipped:,} steps left out; {slower(self.model)}"
            )
        elif hasattr(self.model, "encoder") and loss > EXPLODED * max(1.0, abs(self.losses[0])):
            self.tell("exploding loss", f"it is {loss:.4g} and was {self.losses[0]:.4g}; {slower(self.model)}")
        self.skipped = skipped

    def tell(self, illness, line):
        if illness not in self.said:
            self.said[illness] = f"{illness}: {line}"
            self.say(self.said[illness])


def examine(model, x):
    """{illness: line} of all that is wrong with what a model makes of examples [N, *input_shape]."""
    codes = model.run("encode", x=x) if "encode" in model.signatures() else {}
    outputs = model.reconstruct(x) if "reconstruct" in model.signatures() else model.sample(len(x))
    seen = Seen(x, outputs, codes)
    found = {illness: recognise(model, seen) for illness, recognise in ILLNESSES.items()}
    return {illness: line for illness, line in found.items() if line}


def slower(model):
    """What to try where steps are too large."""
    return f"try training.learning_rate={float(model.optimizer.learning_rate) / 10:.2g}, or training.clip_norm=1"


# Codes


def unit_variances(model, seen):
    """(variance of each code unit over the examples [D], that above which it lives), or None where it has no sense."""
    if "z" not in seen.codes or "indices" in seen.codes:
        return None
    found = variances(seen.codes["z"])
    if not model.stochastic:
        return found, max(CONSTANT * found.max(), np.finfo("float32").tiny)
    bounded = model.posteriors.space != "all of space"
    return found, ACTIVE / found.size if bounded else ACTIVE


def vanished_rate(model, seen):
    """Every posterior is the prior, whatever the example: the decoder does without the code."""
    units = unit_variances(model, seen)
    if units is None or not model.stochastic or (units[0] > units[1]).any():
        return None
    return (
        f"no unit of the code varies over the examples (variance {units[0].max():.1g} at most); try free_bits_vae, "
        "beta_vae with beta={start: 0, stop: 1, steps: 5000}, or likelihood=sigma"
    )


def dead_units(model, seen):
    """Nearly all of a hidden layer gives 0, or most units of the code say nothing."""
    for layer, dead, size in hidden_units(model, seen):
        if dead > DEAD_HIDDEN * size:
            return f"{dead} of {size} units of {layer} are 0 for every example; {slower(model)}, or activation=elu"
    units = unit_variances(model, seen)
    if units is None:
        return None
    alive, size = int((units[0] > units[1]).sum()), units[0].size
    if alive >= (1.0 - DEAD_UNITS) * size or (model.stochastic and not alive):  # that would be KL vanishing
        return None
    cure = f"try latent_dim={alive}, which does the same, or sigma_vae" if alive else slower(model)
    return f"{size - alive} of {size} units of the code do not vary over the examples; {cure}"


def hidden_units(model, seen):
    """Yields (layer, how many of its units are 0 for every example, of how many) of networks whose inputs vary."""
    inputs = {"encoder": seen.x, "decoder": seen.codes.get("z"), **model.random_inputs("sample", len(seen.x))}
    for name, source in (("encoder", "encoder"), ("decoder", "decoder"), ("generator", "noise")):
        network, values = getattr(model, name, None), inputs.get(source)
        if network is None or values is None or network.input_shape[1:] != values.shape[1:]:
            continue
        layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Activation)]
        values = np.nan_to_num(values)
        if not layers or not np.ptp(values, 0).max() > ACTIVE:
            continue
        outputs = keras.Model(network.inputs[0], [layer.output for layer in layers])(values)
        for layer, value in zip(layers, keras.tree.flatten(outputs), strict=True):
            value = np.asarray(value, "float32").reshape(-1, value.shape[-1])
            yield f"{name}/{layer.name}", int((value == 0).all(0).sum()), value.shape[-1]


def dead_codes(model, seen):
    """Few entries of a codebook stand for all examples."""
    if "indices" not in seen.codes or not hasattr(model, "size"):
        return None
    used, possible = len(np.unique(seen.codes["indices"])), min(model.size, seen.codes["indices"].size)
    if used > max(1, USED_CODES * possible):
        return None
    return (
        f"{used} of {model.size} are in use; try decay=0.99 with restart=1 where the model has them, fewer codes, or "
        "fsq_vae"
    )


# Outputs


def unit_range(model):
    """Whether outputs cannot leave [0, 1]."""
    if hasattr(model, "observation"):
        return model.observation.unit_range
    return getattr(getattr(model, "squash", None), "__name__", "") == "sigmoid"


def saturated_outputs(model, seen):
    """Nearly all outputs are 0 or 1, where the data are not."""
    if not unit_range(model):
        return None
    x, outputs = seen.x, seen.outputs
    if not seen.codes:  # samples stand for no example: what all of them share is compared with the data's mean
        x, outputs = np.nanmean(x, 0), np.where((outputs == outputs[:1]).all(0), outputs[0], outputs.mean(0))
    known = ~np.isnan(x)
    at_bound = known & ((outputs < BOUND) | (outputs > 1.0 - BOUND))
    share, error = at_bound.sum() / max(1, known.sum()), np.abs(x - outputs)[at_bound]
    if share < SATURATED or error.mean() < WRONG:
        return None
    return f"{share:.0%} of the outputs are 0 or 1, where the data differ by {error.mean():.2g}; {slower(model)}"


def foreign_range(model, seen):
    """Outputs lie where no data are, or the data where no outputs can be."""
    low, high, least, most = np.nanmin(seen.x), np.nanmax(seen.x), seen.outputs.min(), seen.outputs.max()
    shown = f"the data run from {low:.3g} to {high:.3g}, the outputs from {least:.3g} to {most:.3g}"
    if unit_range(model):
        outside = np.mean((seen.x < -BOUND) | (seen.x > 1.0 + BOUND))
        return f"{shown}; try {REAL_VALUES}, or data in [0, 1]" if outside > OUTSIDE else None
    margin = MARGIN * (high - low)
    outside = np.mean((seen.outputs < low - margin) | (seen.outputs > high + margin))
    return f"{shown}; {slower(model)}" if outside > OUTSIDE else None


REAL_VALUES = "likelihood=gaussian (output=linear for a GAN)"
ILLNESSES = {
    "KL vanishing": vanished_rate,
    "dead units": dead_units,
    "dead codes": dead_codes,
    "saturated outputs": saturated_outputs,
    "output range": foreign_range,
}
