"""SavedModel: all signatures at any batch, each weight written once, nothing of Keras needed to run it."""

import tensorflow as tf

from . import parity, signatures
from .silence import quiet

TOLERANCE = 1e-6


def write_saved_model(model, path):
    """Writes the signatures of a float32 model, and the weights that they use, to a folder."""
    write_functions(signatures.functions(model), path)


def write_functions(functions, path):
    """Writes {signature: concrete function}, and the weights that they use, to a folder."""
    module = tf.Module()  # saving the Keras model instead would write its weights twice
    module.weights = list({id(v): v for function in functions.values() for v in function.variables}.values())
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with quiet():  # of gradients, which a saved function has no more use for
        tf.saved_model.save(module, str(path), signatures=functions, options=options)


def verify_saved_model(path, model, examples=None, tolerance=TOLERANCE):
    """Every signature of a SavedModel beside the Keras model, on all examples at once: a list of parity.Row."""
    model = signatures.in_float32(model)
    loaded = tf.saved_model.load(str(path))  # holds the weights that the signatures use: must outlive them

    def run(verb, inputs):
        if verb not in loaded.signatures:
            return {}
        outputs = loaded.signatures[verb](**{name: tf.constant(array) for name, array in inputs.items()})
        return {name: output.numpy() for name, output in outputs.items()}

    x = parity.examples_for(model, examples).x
    return parity.compare(run, model, x, None, tolerance)
