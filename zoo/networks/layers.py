"""The block that every network repeats."""

from functools import partial

import keras
from keras import activations, layers

from ..errors import InputError, nearest

NORMALIZATIONS = {
    "none": None,
    "batch": partial(layers.BatchNormalization, momentum=0.9),
    "layer": layers.LayerNormalization,
    "group": partial(layers.GroupNormalization, groups=8),
}
ACTIVATIONS = tuple(name for name in dir(activations) if name.islower() and not name.startswith("_"))
ACTIVATIONS = tuple(name for name in ACTIVATIONS if name not in ("deserialize", "get", "glu", "serialize", "threshold"))


def block(layer, name, activation, normalization, dtype):
    """A linear layer, its normalization if any, and its activation: the list of layers."""
    normalize = NORMALIZATIONS[normalization]
    norm = [normalize(name=f"{name}_norm", dtype=dtype)] if normalize else []
    linear = layer(name=name, use_bias=not norm, dtype=dtype)
    return [linear, *norm, layers.Activation(activation, name=f"{name}_{activation}", dtype=dtype)]


def stack(layer, widths, name, **style):
    """A block of each width, one after the other: the flat list of their layers."""
    if style["activation"] not in ACTIVATIONS:
        hint = nearest(style["activation"], ACTIVATIONS) or f"; there are {', '.join(ACTIVATIONS)}"
        raise InputError(f"activation: unknown {style['activation']!r}{hint}", key="activation")
    odd = [width for width in widths if width % 8]
    if odd and style["normalization"] == "group":
        raise InputError(f"widths: {odd[0]} cannot be cut into the 8 groups of normalization='group'", key="widths")
    blocks = (block(partial(layer, width), f"{name}_{i}", **style) for i, width in enumerate(widths, 1))
    return [each for layers_of_block in blocks for each in layers_of_block]


@keras.saving.register_keras_serializable("zoo")
class First(layers.Layer):
    """The first numbers of a vector: [B, N] -> [B, size]."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, x):
        return x[:, : self.size]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size)

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("zoo")
class Positions(layers.Layer):
    """Adds a learned vector for each step to sequences [B, T, F], so that equal steps can be told from each other."""

    def build(self, input_shape):
        self.vectors = self.add_weight(
            name="vectors", shape=input_shape[1:], initializer=keras.initializers.RandomNormal(stddev=1.0)
        )

    def call(self, x):
        return x + self.vectors
