"""Where an example is strange: a number for each of its values, the larger, the stranger."""

import numpy as np
import tensorflow as tf

from .. import numerics
from ..errors import InputError, nearest
from ..terms.gradients import slope

PIECE = 64  # examples at once
DEFAULT = "restoration"  # finds planted defects best: docs/use.md has the numbers
SAMPLES = 16  # of the code, for the surprise
STEPS, STRIDE = 30, 0.3  # of a restoration; the first step moves the value that moves most by so much of the range


def _difference(model, x):
    expected = model(x)
    return tf.abs(x - expected), expected


def _surprise(model, x):
    q = model.posterior(x)
    keys = {name: numerics.key(f"surprise {name}", 0) for name in model.code_inputs}
    drawn = {
        name: numerics.DRAW[name]([SAMPLES, tf.shape(x)[0], *shape], keys[name])
        for name, shape in model.code_inputs.items()
    }
    z = model.posteriors.transform(q, **drawn) if model.stochastic else model.posteriors.center(q)[None]
    values = model.likelihood(z).distribution  # of each value, without the sum over them
    surprise = tf.reduce_mean(-values.log_prob(x), 0)
    return (surprise[..., None] if len(surprise.shape) < len(x.shape) else surprise), model(x)


def _restoration(model, x):
    axes = list(range(1, len(x.shape)))
    low, high = tf.reduce_min(x, axes, keepdims=True), tf.reduce_max(x, axes, keepdims=True)

    def step(number, restored):
        pull = slope(lambda x: model.score_tensors(x)["score"], restored) * tf.square(restored - model(restored))
        length = STRIDE * (high - low) * (1.0 - tf.cast(number, tf.float32) / STEPS)
        pull *= length / tf.maximum(tf.reduce_max(tf.abs(pull), axes, keepdims=True), 1e-12)
        return number + 1, tf.clip_by_value(restored - pull, low, high)

    _, restored = tf.while_loop(lambda number, _: number < STEPS, step, (0, x))
    expected = model(restored)
    return tf.abs(x - expected), expected


MAPS = {"difference": _difference, "surprise": _surprise, "restoration": _restoration}


def heat_maps(model, x, kind=DEFAULT):
    """Where examples are strange.

    Args:
        model: an autoencoder.
        x: model values, [N, *input_shape].
        kind: "difference", |x - x_hat|; "surprise", -E_q[log p(x_i|z)] of each value, in nats; "restoration", the
            difference to the reconstruction of a restored example, which gradient steps on the score have led away from
            x where it differs from its reconstruction (Dehaene et al. 2020, Eq. 8), so that what is strange in one
            place does not spoil the code, and with it the reconstruction, of all others.

    Returns:
        maps, [N, *input_shape] without the channels of images and sequences, over which they are averaged; and what
        the model expected in place of x, [N, *input_shape].

    Raises:
        InputError: no such map, or the model has no encoder.
    """
    if kind not in MAPS:
        raise InputError(f"map: unknown {kind!r}{nearest(kind, MAPS)} it takes: {', '.join(MAPS)}", "map")
    if "score" not in model.signatures():
        raise InputError(f"{type(model).__name__} has no encoder, and so no heat map", "map")
    x = np.asarray(x, np.float32)
    compiled = tf.function(lambda x: MAPS[kind](model, x), autograph=False, reduce_retracing=True)
    pieces = [compiled(x[start : start + PIECE]) for start in range(0, len(x), PIECE)]
    maps, expected = (np.concatenate([piece[i].numpy() for piece in pieces]) for i in range(2))
    return (maps if maps.ndim == 2 else maps.mean(-1)), expected
