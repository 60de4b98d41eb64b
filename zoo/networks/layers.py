"""The block that every network repeats."""

from functools import partial

from keras import layers

NORMALIZATIONS = {
    "none": None,
    "batch": partial(layers.BatchNormalization, momentum=0.9),
    "layer": layers.LayerNormalization,
    "group": partial(layers.GroupNormalization, groups=8),
}


def block(layer, name, activation, normalization, dtype):
    """A linear layer, its normalization if any, and its activation: the list of layers."""
    normalize = NORMALIZATIONS[normalization]
    norm = [normalize(name=f"{name}_norm", dtype=dtype)] if normalize else []
    linear = layer(name=name, use_bias=not norm, dtype=dtype)
    return [linear, *norm, layers.Activation(activation, name=f"{name}_{activation}", dtype=dtype)]


def stack(layer, widths, name, **style):
    """A block of each width, one after the other: the flat list of their layers."""
    blocks = (block(partial(layer, width), f"{name}_{i}", **style) for i, width in enumerate(widths, 1))
    return [each for layers_of_block in blocks for each in layers_of_block]
