"""Multilayer perceptrons, for data of any shape."""

import math

import keras
from keras import layers

from .layers import stack

WIDTHS = (512, 256)


def code_shape(input_shape, latent_dim, widths, positions):
    """Shape of a code of `positions` vectors of length `latent_dim`."""
    return (positions, latent_dim)


def encoder(input_shape, output_shape, widths=WIDTHS, name="encoder", **style):
    """[B, *input_shape] -> [B, *output_shape], through layers of the given widths."""
    hidden = stack(layers.Dense, widths, "dense", **style)
    head = [
        layers.Dense(math.prod(output_shape), dtype="float32", name="head"),
        layers.Reshape(output_shape, dtype="float32", name="shape"),
    ]
    flatten = layers.Flatten(name="flatten")
    return keras.Sequential([keras.Input(input_shape), flatten, *hidden, *head], name=name)


def decoder(input_shape, output_shape, widths=WIDTHS, name="decoder", **style):
    """[B, *input_shape] -> [B, *output_shape]: the encoder's widths in reverse order."""
    return encoder(input_shape, output_shape, widths[::-1], name, **style)
