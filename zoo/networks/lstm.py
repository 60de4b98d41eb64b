"""Recurrent networks for sequences (T, C) of fixed length, after Bowman et al. 2016, "Generating sentences".

The encoder reads in both directions. The decoder gets the code with the number of the step at every step and gives all
steps at once, instead of feeding its own tokens back: what it tells of a sequence, it has from the code. Loops are
unrolled, so that exported files hold builtin operations only; time and size of an export grow with T.

A full KL term from the first step tends to leave the code unused: `beta_vae` with a beta that grows from 0, or
`free_bits_vae`, keep it in use.
"""

from functools import partial

import keras
from keras import layers

from ..errors import InputError
from .layers import Positions, block, stack

WIDTHS = (128,)


def code_shape(input_shape, latent_dim, widths, positions):
    """There is none: a recurrent network reads a whole sequence into one vector."""
    raise InputError(
        "the lstm backbone gives one code for a whole sequence, this model needs one with places; "
        "use the conv or dense backbone",
        key="backbone",
    )


def check(input_shape):
    if len(input_shape) != 2:
        raise InputError(
            f"the lstm backbone takes sequences (T, C), not examples of shape {tuple(input_shape)}; "
            f"use the {'dense' if len(input_shape) == 1 else 'conv'} backbone",
            key="backbone",
        )
    return input_shape


def encoder(input_shape, output_shape, widths=WIDTHS, name="encoder", **style):
    """[B, T, C] -> [B, *output_shape]: each step through a dense block, then the last states of the LSTMs."""
    check(input_shape)
    if len(output_shape) != 1:
        code_shape(input_shape, output_shape[-1], widths, None)
    read = stack(layers.Dense, widths[:1], "embed", **style)
    states = [
        layers.Bidirectional(lstm, dtype=style["dtype"], name=f"both_ways_{i}")
        for i, lstm in enumerate(_recurrent(widths, style, whole=False), 1)
    ]
    head = layers.Dense(output_shape[0], dtype="float32", name="head")
    return keras.Sequential([keras.Input(input_shape), *read, *states, head], name=name)


def decoder(input_shape, output_shape, widths=WIDTHS, name="decoder", **style):
    """[B, D] -> [B, T, C]: the code through a dense block, with its place at every step, then the widths in reverse."""
    steps, channels = check(output_shape)
    if len(input_shape) != 1:
        code_shape(output_shape, input_shape[-1], widths, None)
    start = block(partial(layers.Dense, widths[-1]), "project", **style)
    states = _recurrent(widths[::-1], style, whole=True)
    head = layers.Dense(channels, dtype="float32", name="head")
    body = [*start, layers.RepeatVector(steps, name="repeat"), Positions(name="positions"), *states, head]
    return keras.Sequential([keras.Input(input_shape), *body], name=name)


def _recurrent(widths, style, whole):
    """An LSTM of each width; the last gives every step (`whole`) or its last state."""
    last = len(widths)
    return [
        layers.LSTM(width, return_sequences=whole or i < last, unroll=True, dtype=style["dtype"], name=f"lstm_{i}")
        for i, width in enumerate(widths, 1)
    ]
