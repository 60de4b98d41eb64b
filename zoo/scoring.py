"""The verb `score`: how strange data are to a pretrained model, and which of them are anomalies."""

from typing import NamedTuple

import numpy as np

from . import data as datasets
from . import presets
from .errors import InputError
from .evaluation import binarized
from .metrics.anomaly import SAMPLES, anomaly_scores, calibrated_threshold, conformal_p_values

KEPT = 10_000  # scores of normal examples at most


class Scores(NamedTuple):
    """What is said of N examples.

    Attributes:
        scores: the larger, the stranger, [N].
        p_values: the part of normal examples that are as strange, [N], see `zoo.metrics.anomaly`.
        is_anomaly: whether the score is above the threshold, bool [N].
        threshold: the score that normal examples exceed at the rate that was asked for.
        normal: how many normal examples it was calibrated on.
    """

    scores: np.ndarray
    p_values: np.ndarray
    is_anomaly: np.ndarray
    threshold: float
    normal: int


def score(model, x, *, criterion="score", rate=presets.RATE, samples=SAMPLES, seed=0):
    """Scores raw examples with a pretrained model, and decides by what its own held-out data scored.

    Args:
        model: of `zoo.load_model`.
        x: raw examples, [N, *shape], of the size that the model takes; or a data frame with the columns that it takes.
        criterion: see `zoo.metrics.anomaly.anomaly_scores`. The calibration of "score" is in the run folder; any other
            is calibrated on the validation split of the data that the model was trained on, which must be at hand.
        rate: of false alarms among normal examples, in (0, 1).
        samples, seed: of the code, where the criterion draws any.

    Raises:
        InputError: the model gives no such score, or there are too few normal examples for the rate.
    """
    how = {"score": criterion, "samples": samples, "seed": seed}
    values = model_values(model.preset, _raw(model.preset, x), seed)
    scores = anomaly_scores(model, values, **how)
    normal = np.asarray(calibration(model, how))
    threshold = calibrated_threshold(normal, rate)
    p_values = conformal_p_values(normal, scores)
    return Scores(scores, p_values, scores > threshold, threshold, len(normal))


def calibration(model, how):
    """Scores of normal examples that the model was not trained on."""
    preset = model.preset
    if how["score"] == "score":
        if preset.thresholds is None:
            raise InputError(f"{preset.path.name}: has no thresholds.json; it gives no score")
        return preset.thresholds["scores"]
    held_out = presets.data_for(preset).validation
    if not len(held_out):
        raise InputError(f"{preset.path.name}: its data have no validation split to calibrate {how['score']} on")
    return anomaly_scores(model, model_values(preset, held_out.x[:KEPT], how["seed"]), **how)


def _raw(preset, x):
    """The raw examples of an array or a data frame, in its order."""
    x = presets.data_for(preset, x, validation=0, test=0).train.x if datasets.is_frame(x) else np.asarray(x)
    if x.shape[1:] != preset.preprocessor.raw_shape:
        raise InputError(f"x: has shape {x.shape}; {preset.path.name} takes [N, *{preset.preprocessor.raw_shape}]", "x")
    return x


def model_values(preset, x, seed=0):
    """Raw examples as the model sees them when it is not trained."""
    return binarized(preset.preprocessor.apply(x), preset.experiment.data.binarize, seed)
