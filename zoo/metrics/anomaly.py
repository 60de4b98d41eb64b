"""How strange examples are under a model, and what may be concluded from it."""

import numpy as np

from ..errors import InputError, nearest
from .likelihood import importance_weights

SAMPLES = 32  # of the code, for the scores that need them
NARROWEST = 1e-3  # width of a mixture


def _score(model, x, samples, seed, rows):
    return model.score(x)


def _reconstruction(model, x, samples, seed, rows):
    x = np.asarray(x, np.float32)
    return np.square(x - model.reconstruct(x)).reshape(len(x), -1).sum(1)


def _sampled(name):
    def score(model, x, samples, seed, rows):
        if not model.stochastic:
            raise InputError("its codes are points, not distributions; take score or reconstruction", "score")
        found = importance_weights(model, x, samples, seed, rows, common=True)
        return (found | {"elbo": found["distortion"] + found["rate"]})[name]

    return score


def _latent(model, x, samples, seed, rows):
    if not model.stochastic:
        raise InputError("its codes are points that no prior was trained on; take score or reconstruction", "score")
    return -model.prior.distribution().log_prob(model.encode(x)).numpy()


SCORES = {
    "score": _score,
    "reconstruction": _reconstruction,
    "reconstruction_probability": _sampled("distortion"),
    "elbo": _sampled("elbo"),
    "likelihood": _sampled("nll"),
    "latent": _latent,
}


def anomaly_scores(model, x, score="score", samples=SAMPLES, seed=0, rows=None):
    """How strange each example is, [N]: the larger, the stranger.

    Args:
        model: an autoencoder.
        x: model values, [N, *input_shape].
        score: "score", the model's own verb, which is what the phone computes; "reconstruction", the sum of squared
            errors; "reconstruction_probability", -E_q[log p(x|z)] (An & Cho 2015); "elbo", the negative evidence lower
            bound; "likelihood", the importance-weighted -log p(x); "latent", -log p(z) at the mean code. All but
            "reconstruction" are in nats.
        samples: of the code for each example, where the score draws any.
        seed: of these draws, which are the same for all examples: a score does not depend on the example's place.
        rows: decodings at once, see `importance_weights`.

    Raises:
        InputError: no such score, or one that this model cannot give.
    """
    if score not in SCORES:
        raise InputError(f"score: unknown {score!r}{nearest(score, SCORES)} it takes: {', '.join(SCORES)}", "score")
    if "score" not in model.signatures():
        raise InputError(f"{type(model).__name__} has no encoder, and so no score", "score")
    return np.asarray(SCORES[score](model, x, samples, seed, rows), np.float64)


def mixture_scores(x, centers, width, own=None):
    """-log p(x) of each example, [N] in nats, where p is a mixture of normal distributions around what a model makes.

    p(x) = 1/M sum_m N(x; c_m, width^2 I). With c_m the reconstructions of training examples this is the model's
    marginal likelihood under the posteriors of these, each taken at its mean, in place of the prior: what Tomczak &
    Welling (2018, Section 2) find to be the best prior, and Norouzi et al. (2020) train with.

    Args:
        x: examples, [N, F].
        centers: [M, F].
        width: the standard deviation, see `mixture_width`.
        own: the number of the centre that is made of each example, -1 where none is, [N]: to that example it does not
            count, unless it is the only one. Without this an anomaly among the training examples excuses itself.
    """
    logits = _squares(x, centers, own)
    logits *= -0.5 / width**2
    count = np.maximum(1, len(centers) - (0 if own is None else np.asarray(own) >= 0))
    return np.log(count) + x.shape[1] * np.log(width * np.sqrt(2 * np.pi)) - _log_sum(logits)


def mixture_width(x, centers, own=None, steps=100):
    """The width under which examples are likeliest in the mixture around `centers`, by expectation maximisation.

    Args:
        x: examples, [N, F].
        centers: [M, F].
        own: as above.
        steps: at most; it ends where the width changes by less than a thousandth.
    """
    from scipy.special import softmax

    squares = _squares(x, centers, own)
    width = max(NARROWEST, np.sqrt(squares.min(1).mean() / x.shape[1]))
    for _ in range(steps):
        shares = softmax(-0.5 * squares / width**2, 1)
        before, width = width, np.sqrt((shares * np.where(shares > 0, squares, 0.0)).sum() / x.size)
        width = max(NARROWEST, width)
        if abs(width / before - 1) < 1e-3:
            break
    return float(width)


def _squares(x, centers, own):
    """Squared distances, [N, M]; infinite where a centre is an example's own."""
    from sklearn.metrics import euclidean_distances

    x, centers = (np.asarray(values, np.float64) for values in (x, centers))
    squares = euclidean_distances(x, centers, squared=True)
    if own is not None and len(centers) > 1:
        known = np.flatnonzero(own >= 0)
        squares[known, own[known]] = np.inf
    return squares


def _log_sum(logits):
    """log sum exp of each row, [N]; SciPy's takes twice as long, and scoring is little else."""
    most = logits.max(1)
    return most + np.log(np.exp(logits - most[:, None]).sum(1))


def conformal_p_values(normal, scores):
    """p-value of each score against those of held-out normal examples, [N] in (0, 1].

    (1 + #{normal >= score}) / (n + 1): an example exchangeable with the normal ones has p <= a with probability at most
    a, whatever the model is (Vovk et al. 2005; Bates et al. 2023, Eq. 3).

    Args:
        normal: scores of n examples that the model was not trained on, [n].
        scores: [N].
    """
    normal = np.sort(np.asarray(normal, np.float64))
    stranger = len(normal) - np.searchsorted(normal, np.asarray(scores, np.float64), side="left")
    return (1 + stranger) / (len(normal) + 1)


def conformal_threshold(normal, rate):
    """The score above which at most a fraction `rate` of normal examples lies, in expectation.

    The ceil((n + 1)(1 - rate))-th smallest of n held-out scores: a new normal example is above it with probability at
    most `rate`, and at least rate - 1/(n + 1) where scores have no ties. Infinite where n is too small to tell.

    Args:
        normal: scores of held-out normal examples, [n].
        rate: of false alarms, in (0, 1).
    """
    normal = np.sort(np.asarray(normal, np.float64))
    place = int(np.ceil((len(normal) + 1) * (1.0 - rate) - 1e-9))
    return float(normal[place - 1]) if place <= len(normal) else float("inf")


def calibrated_threshold(normal, rate):
    """`conformal_threshold`, where it is finite.

    Raises:
        InputError: the rate is no fraction, or there are too few normal examples for it.
    """
    if not 0 < rate < 1:
        raise InputError(f"rate: needs a fraction between 0 and 1, not {rate}", "rate")
    threshold = conformal_threshold(normal, rate)
    if not np.isfinite(threshold):
        raise InputError(
            f"rate {rate:g}: {len(normal)} normal examples calibrate rates of {1 / (len(normal) + 1):.2g} and more",
            "rate",
        )
    return threshold
