"""Convolutional networks for images (H, W, C) and sequences (T, C) of any size.

Every level halves the size (rounded up) with a strided convolution; the decoder doubles it back with transposed
convolutions and crops what is over.
"""

import math
from functools import partial

import keras
from keras import layers

from ..errors import InputError
from .layers import block, stack

WIDTHS = (32, 64)
KERNEL = 4  # of strided convolutions: a multiple of the stride leaves no checkerboard
SMOOTH = 3  # of the decoder's last convolution


def grid(input_shape, levels):
    """Spatial size after `levels` halvings: (28, 20, 1), 2 -> (7, 5)."""
    return tuple(math.ceil(size / 2**levels) for size in input_shape[:-1])


def code_shape(input_shape, latent_dim, widths, positions):
    """Shape of a code that keeps its place: a grid of vectors of length `latent_dim`."""
    return (*grid(check(input_shape), len(widths)), latent_dim)


def check(input_shape):
    if len(input_shape) == 1:
        raise InputError(
            f"the conv backbone takes images (H, W, C) or sequences (T, C), not vectors of shape {tuple(input_shape)}; "
            "use the dense backbone",
            key="backbone",
        )
    return input_shape


def encoder(input_shape, output_shape, widths=WIDTHS, name="encoder", **style):
    """[B, *input_shape] -> [B, *output_shape].

    A code of one axis is reached by a dense head; one with places keeps the grid through a 1x1 convolution.
    """
    conv = layers.Conv2D if len(check(input_shape)) == 3 else layers.Conv1D
    halve = partial(conv, kernel_size=KERNEL, strides=2, padding="same")
    levels = stack(halve, widths, "conv", **style)
    if len(output_shape) == 1:
        head = [layers.Flatten(name="flatten"), layers.Dense(output_shape[0], dtype="float32", name="head")]
    else:
        head = [conv(output_shape[-1], 1, dtype="float32", name="head")]
    return keras.Sequential([keras.Input(input_shape), *levels, *head], name=name)


def decoder(input_shape, output_shape, widths=WIDTHS, name="decoder", **style):
    """[B, *input_shape] -> [B, *output_shape], from a code [D] or a grid of codes [h, w, D]."""
    image = len(check(output_shape)) == 3
    conv, transposed = (layers.Conv2D, layers.Conv2DTranspose) if image else (layers.Conv1D, layers.Conv1DTranspose)
    double = partial(transposed, kernel_size=KERNEL, strides=2, padding="same")
    levels = stack(double, (*widths[-2::-1], widths[0]), "conv", **style)
    head = conv(output_shape[-1], SMOOTH, padding="same", dtype="float32", name="head")
    body = [*_project(input_shape, output_shape, widths, style), *levels, head]
    return keras.Sequential([keras.Input(input_shape), *body, *_trim(output_shape, len(widths))], name=name)


def _project(input_shape, output_shape, widths, style):
    """From a code to the coarsest grid of features."""
    if len(input_shape) > 1:
        conv = layers.Conv2D if len(output_shape) == 3 else layers.Conv1D
        return block(partial(conv, widths[-1], 1), "project", **style)
    place = grid(output_shape, len(widths))
    linear, *rest = block(partial(layers.Dense, math.prod(place) * widths[-1]), "project", **style)
    return [linear, layers.Reshape((*place, widths[-1]), name="grid"), *rest]


def _trim(shape, levels):
    """Crops what the rounding up of odd sizes has added: at the far end of each side."""
    over = [(0, side * 2**levels - size) for side, size in zip(grid(shape, levels), shape[:-1], strict=True)]
    if not any(extra for _, extra in over):
        return []
    crop = layers.Cropping2D(over, dtype="float32") if len(shape) == 3 else layers.Cropping1D(over[0], dtype="float32")
    return [crop]
