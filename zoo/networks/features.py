"""Networks that are not trained, for losses that compare images by what such a network sees in them."""

import keras
import tensorflow as tf
from keras import layers

from ..errors import InputError


def levels(encoder, name):
    """The activations of a convolutional encoder's levels, fine to coarse, for images of any size.

    Args:
        encoder: what `conv.encoder` gives.
        name: what to call it in an error.

    Raises:
        InputError: the encoder is not convolutional, or not for images.
    """
    kept = [layer for layer in encoder.layers if not isinstance(layer, layers.Flatten | layers.Dense)]
    if not any(isinstance(layer, layers.Conv2D) for layer in kept):
        raise InputError(f"features: the encoder of {name} has no convolutions of images", key="features")
    image = keras.Input((None, None, encoder.input_shape[-1]))
    x, seen = image, []
    for layer in kept:
        x = _copy(layer)(x)
        if isinstance(layer, layers.Activation):
            seen.append(x)
    network = keras.Model(image, seen, name="features")
    network.set_weights([w for layer in kept for w in layer.get_weights()])
    return network


def check(features, input_shape):
    """The network, kept from training, when it takes examples of a shape or each of their channels.

    Raises:
        InputError: it does not, or is no Keras model.
    """
    if not isinstance(features, keras.Model):
        raise InputError(
            f"features: needs a Keras model, or in zoo.create_model the name of a preset; got {features!r}",
            key="features",
        )
    takes = tuple(features.input_shape[1:])
    fits = len(input_shape) == len(takes) == 3 and takes[-1] in (1, input_shape[-1])
    if not fits or any(size not in (None, ours) for size, ours in zip(takes[:2], input_shape[:2], strict=True)):
        raise InputError(
            f"features: take images {takes}; this model has examples of shape {tuple(input_shape)}", key="features"
        )
    features.trainable = False
    return features


def features_of(network, x):
    """A list of features [B, ...] of images [B, H, W, C]."""
    height, width, channels = x.shape[1:]
    apart = network.input_shape[-1] != channels
    if apart:
        x = tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [-1, height, width, 1])
    found = network(x, training=False)
    found = [tf.cast(each, tf.float32) for each in (found if isinstance(found, list | tuple) else [found])]
    return [tf.reshape(each, [-1, channels, *each.shape[1:]]) for each in found] if apart else found


def _copy(layer):
    """The layer, unbuilt, with a name that no network of the model has."""
    return type(layer).from_config({**layer.get_config(), "name": f"features_{layer.name}", "dtype": "float32"})
