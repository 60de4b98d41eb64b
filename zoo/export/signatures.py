"""The one table that every format is written from: a model's verbs with the batch added."""

import keras
import tensorflow as tf

from .. import samplers
from ..errors import InputError

RESERVED = {"serve", "serving_default"}  # names that the tools of TensorFlow give to entries of their own


def specs(model, batch=None):
    """{verb: {input: TensorSpec [batch, *shape]}}; a batch of None is dynamic.

    Raises:
        InputError: a verb has a name that TensorFlow keeps for itself.
    """
    table = model.signatures()
    if taken := RESERVED & set(table):
        raise InputError(f"{type(model).__name__}: a signature cannot be called {', '.join(sorted(taken))}")
    return {
        verb: {name: tf.TensorSpec([batch, *shape], tf.float32, name=name) for name, shape in signature.inputs.items()}
        for verb, signature in table.items()
    }


def functions(model, batch=None):
    """{verb: concrete function of named tensors, which returns named tensors}."""
    table = model.signatures()
    return {
        verb: tf.function(table[verb].function, autograph=False).get_concrete_function(**inputs)
        for verb, inputs in specs(model, batch).items()
    }


def in_float32(model):
    """The model itself, or where it computes in lower precision a copy that does not: TFLite has no bfloat16."""
    return model if model.dtype_policy.name == "float32" else copy_in_float32(model)


def copy_in_float32(model):
    """A copy with the same weights, not compiled."""
    described = keras.saving.serialize_keras_object(model)
    described.pop("compile_config", None)
    copy = keras.saving.deserialize_keras_object(_with_float32(described))
    copy.set_weights(model.get_weights())
    vars(copy)["preset"] = getattr(model, "preset", None)
    if fitted := vars(model).get("fitted"):
        copy.use(samplers.copy(fitted, copy))
    return copy


def _with_float32(described):
    """A serialized object, with the policies of all its layers replaced."""
    if isinstance(described, list | tuple):
        return [_with_float32(item) for item in described]
    if not isinstance(described, dict):
        return described
    return {name: _precise(item) if name == "dtype" else _with_float32(item) for name, item in described.items()}


def _precise(policy):
    """float32 in place of the policy of a layer; other types, such as that of integer inputs, stay."""
    name = policy.get("config", {}).get("name") if isinstance(policy, dict) else policy
    return "float32" if name in ("mixed_bfloat16", "mixed_float16", "bfloat16", "float16") else policy
