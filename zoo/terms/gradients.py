"""Terms made of derivatives with respect to data."""

import tensorflow as tf


def squared_jacobian(function, x):
    """|df/dx|_F^2 of every example, [B], and f(x), [B, D]: one backward pass for each of the D outputs.

    Args:
        function: [B, ...] -> [B, D], each row a function of its own example; D is known.
        x: [B, ...].
    """

    def in_columns(x):
        z = function(x)
        return z, tf.unstack(z, axis=1)

    (z, columns), gradient = _differentiable(in_columns, x)
    return tf.add_n([_squares(gradient(column)) for column in columns]), z


def slope_penalty(function, x):
    """(|df/dx| - 1)^2 of every example, [B]: the two-sided penalty of Gulrajani et al. (2017).

    Args:
        function: [B, ...] -> [B, 1], each row a function of its own example.
        x: [B, ...].
    """
    squares, _ = squared_jacobian(function, x)
    return (tf.sqrt(squares + 1e-12) - 1.0) ** 2  # the root of 0 has no gradient


def projected_jacobian(function, z, directions):
    """|v' dg/dz|^2 of every code, [B]: one backward pass; its mean over standard normal v is |dg/dz|_F^2.

    Args:
        function: [B, D] -> [B, ...], each row a function of its own code.
        z: [B, D].
        directions: v, of the shape of what the function gives.
    """
    values, gradient = _differentiable(function, z)
    return _squares(gradient(values, directions))


def scale_gradient(z, factor):
    """z itself, through which gradients go back `factor` times as large."""
    return factor * z + tf.stop_gradient((1.0 - factor) * z)


def slope(function, z):
    """df/dz of every row, of the shape of z.

    Args:
        function: [..., D] -> [...], each value a function of its own row.
        z: [..., D].
    """
    value, gradient = _differentiable(function, z)
    return gradient(value)


def _differentiable(function, x):
    """f(x), and what gives the gradient by x of a part of it.

    In a graph by `tf.gradients`, which takes the gradients that the graph has for its operations: a file that learns on
    a device has its own.
    """
    if tf.executing_eagerly():
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            values = function(x)
        return values, lambda part, directions=None: tape.gradient(part, x, directions, "zero")
    return function(x), lambda part, directions=None: tf.gradients(part, x, directions, unconnected_gradients="zero")[0]


def _squares(row):
    return tf.reduce_sum(row**2, tf.range(1, tf.rank(row)))
