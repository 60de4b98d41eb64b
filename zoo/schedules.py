"""Values that change with the training step: a schedule is a function step -> value."""

import tensorflow as tf


def get(value):
    """A number, or a mapping {"start": 0, "stop": 4, "steps": 10_000}, as a function of the step."""
    if isinstance(value, dict):
        return linear(**value)
    if hasattr(value, "model_dump"):
        return linear(**value.model_dump())
    return lambda step: value


def linear(start, stop, steps):
    """From `start` at step 0 to `stop` at step `steps`, constant after."""

    def value(step):
        fraction = tf.minimum(tf.cast(step, tf.float32) / steps, 1.0)
        return start + fraction * (stop - start)

    return value
