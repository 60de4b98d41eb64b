"""The .keras file: architecture and weights, to go on with in Keras where the zoo is installed."""

import keras

from ..errors import InputError
from . import parity, signatures


def write_keras(model, path):
    """Raises InputError where a sampler was fitted: Keras would write the model without it."""
    if "fitted" in vars(model):
        raise InputError(
            "format keras: holds no fitted sampler; export as tflite or saved_model, or put the prior back by "
            "zoo fit-sampler --sampler normal",
            "format",
        )
    model.save(path)


def verify_keras(path, model, examples=None, tolerance=0.0):
    """Every signature of the model in a .keras file beside the model itself, bit by bit: a list of parity.Row."""
    model = signatures.in_float32(model)
    loaded = keras.saving.load_model(path, compile=False)
    x = parity.examples_for(model, examples).x
    return parity.compare(lambda verb, inputs: loaded.run(verb, **inputs), model, x, None, tolerance)
