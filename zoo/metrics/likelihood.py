"""How much probability a model gives to data: bounds on log p(x) of models with q(z|x), p(z) and p(x|z).

Images and samples are decoded together, so many at once that matrix products are large, and the weights are summed as
they come. Noise is a function of (seed, example, sample): neither the size of the pieces nor the number of examples
changes the numbers of an example.
"""

import numpy as np
import tensorflow as tf

from .. import numerics
from ..base import chunk

SAMPLES = 64  # of which for one example


def elbo(model, x, samples=1, seed=0, **options):
    """The evidence lower bound E_q[log p(x|z)] - KL(q(z|x) || p(z)) of every example, and its two parts.

    Args:
        model: an autoencoder with random codes.
        x: model values, [N, *input_shape].
        samples: of the code, for each example.
        seed: start of the random numbers.
        options: see `importance_weights`.

    Returns:
        {"elbo", "distortion", "rate"}: [N] each, in nats; the elbo is -(distortion + rate).
    """
    found = importance_weights(model, x, samples, seed, **options)
    distortion, rate = found["distortion"], found["rate"]
    return {"elbo": -(distortion + rate), "distortion": distortion, "rate": rate}


def importance_weighted_nll(model, x, samples=500, seed=0, **options):
    """An upper bound on -log p(x) of every example, [N] in nats, that is tight as the number of samples grows.

    -log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x),   z_k ~ q(z|x)   (Burda et al. 2015, Eq. 8)

    The arguments are those of `elbo`; K is `samples`.
    """
    return importance_weights(model, x, samples, seed, **options)["nll"]


def importance_weights(model, x, samples, seed=0, rows=None, common=False, progress=None):
    """What the weights w_k = p(x|z_k) p(z_k) / q(z_k|x) say of every example.

    Memory is that of the decoder on `rows` codes, whatever the numbers of examples and samples are.

    Args:
        model: an autoencoder with random codes.
        x: model values, [N, *input_shape].
        samples: K, of the code, for each example.
        seed: start of the random numbers.
        rows: decodings at once; 1024, or fewer where they are large, when None.
        common: whether all examples meet the same random numbers: an example's result does not depend on its place.
        progress: called with (examples done, examples in all).

    Returns:
        [N] each: "nll", -log of the mean weight; "effective_samples", (sum w)^2 / sum w^2, between 1 and K;
        "distortion", the mean of -log p(x|z_k); "rate", KL(q(z|x) || p(z)), in closed form where there is one.
    """
    x = np.asarray(x, np.float32)
    rows = rows or chunk(x.shape[1:])
    width = min(samples, SAMPLES, rows)
    height = max(1, min(rows // width, len(x)))
    known, how = vars(model).setdefault("importance_weights", {}), (samples, width, height, seed, common)
    piece = known[how] = known.get(how) or _compiled(model, *how)
    found = []
    for start in range(0, len(x), height):
        part = x[start : start + height]
        full = np.pad(part, [(0, height - len(part)), *[(0, 0)] * (x.ndim - 1)], mode="edge")  # one shape, one graph
        found.append({name: v.numpy()[: len(part)] for name, v in piece(tf.constant(full), tf.constant(start)).items()})
        if progress:
            progress(start + len(part), len(x))
    return {name: np.concatenate([f[name] for f in found]) for name in found[0]}


def _compiled(model, samples, width, height, seed, common):
    """(x [height, ...], index of the first) -> results [height], over pieces of `width` samples."""

    def noise(numbers, examples):
        """The random numbers of samples, [width, height, ...] each, a function of (seed, example, sample)."""
        examples = tf.zeros_like(examples) if common else examples
        drawn = {}
        for name, shape in model.code_inputs.items():
            stream = "importance" if name == "noise" else f"importance {name}"
            keys = numerics.key(stream, seed, tf.repeat(numbers, height))
            flat = numerics.DRAW[name]((width * height, *shape), keys, tf.tile(examples, [width]))
            drawn[name] = tf.reshape(flat, (width, height, *shape))
        return drawn

    @tf.function(autograph=False)
    def piece(x, first):
        q, p = model.posterior(x), model.prior.distribution()
        nothing = tf.zeros([height])

        def add(start, log_sum, log_squares, distortion, rate):
            numbers = start + tf.range(width)
            z = model.posteriors.transform(q, **noise(numbers, first + tf.range(height)))
            counted = (numbers < samples)[:, None]
            log_likelihood = model.likelihood(z).log_prob(x)  # [S, I]
            log_weight = tf.where(counted, log_likelihood + p.log_prob(z) - q.log_prob(z), -np.inf)
            kl = tf.broadcast_to(model.prior.kl(q, z), [width, height])
            return (
                start + width,
                _log_add(log_sum, log_weight),
                _log_add(log_squares, 2.0 * log_weight),
                distortion - tf.reduce_sum(tf.where(counted, log_likelihood, 0.0), 0),
                rate + tf.reduce_sum(tf.where(counted, kl, 0.0), 0),
            )

        start = (0, nothing - np.inf, nothing - np.inf, nothing, nothing)
        _, log_sum, log_squares, distortion, rate = tf.while_loop(lambda at, *_: at < samples, add, start)
        return {
            "nll": np.log(samples) - log_sum,
            "effective_samples": tf.exp(2.0 * log_sum - log_squares),
            "distortion": distortion / samples,
            "rate": rate / samples,
        }

    return piece


def _log_add(total, values):
    """log(exp(total) + sum of exp(values) along the first axis)."""
    return tf.reduce_logsumexp(tf.concat([total[None], values], 0), 0)
