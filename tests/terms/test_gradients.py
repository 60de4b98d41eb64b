import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.terms.gradients import projected_jacobian, scale_gradient, slope, slope_penalty, squared_jacobian

RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.normal(size=(6, 3))
X = RANDOM.normal(size=(5, 6))


def test_squared_jacobian_of_a_linear_map_is_the_norm_of_its_matrix():
    found, z = squared_jacobian(lambda x: tf.matmul(x, KERNEL), tf.constant(X))
    assert np.allclose(found, np.full(5, (KERNEL**2).sum()), rtol=1e-9)
    assert np.allclose(z, X @ KERNEL)


def test_squared_jacobian_of_a_sigmoid_layer_equals_the_closed_form():
    """sum_j (h_j (1 - h_j))^2 sum_i W_ij^2 (Rifai et al. 2011)."""
    found, h = squared_jacobian(lambda x: tf.sigmoid(tf.matmul(x, KERNEL)), tf.constant(X))
    h = h.numpy()
    assert np.allclose(found, (h * (1 - h)) ** 2 @ (KERNEL**2).sum(0), rtol=1e-9)


def test_squared_jacobian_equals_finite_differences_through_convolutions():
    layers = [keras.layers.Conv2D(4, 3, activation="tanh", dtype="float64"), keras.layers.Flatten(dtype="float64")]
    network = keras.Sequential(
        [keras.Input((5, 5, 1), dtype="float64"), *layers, keras.layers.Dense(3, dtype="float64")]
    )
    x, step, expected = RANDOM.normal(size=(2, 5, 5, 1)), 1e-5, np.zeros(2)
    for place in np.ndindex(5, 5, 1):
        shift = np.zeros((5, 5, 1))
        shift[place] = step
        slope = (network(x + shift).numpy() - network(x - shift).numpy()) / (2 * step)
        expected += (slope**2).sum(1)
    assert np.allclose(squared_jacobian(network, tf.constant(x))[0], expected, rtol=1e-6)


def test_an_output_that_does_not_see_the_data_adds_nothing():
    found, _ = squared_jacobian(lambda x: tf.stack([x[:, 0], tf.ones_like(x[:, 0])], 1), tf.constant(X))
    assert np.allclose(found, 1.0)


def test_the_gradient_of_the_jacobian_reaches_the_weights():
    kernel = tf.constant(KERNEL)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        loss = tf.reduce_sum(squared_jacobian(lambda x: tf.matmul(x, kernel), tf.constant(X))[0])
    assert np.allclose(tape.gradient(loss, kernel), 2 * 5 * KERNEL, rtol=1e-9)


@pytest.mark.parametrize("length", [0.5, 1.0, 3.0])
def test_slope_penalty_of_a_linear_critic(length):
    direction = length * KERNEL[:, :1] / np.linalg.norm(KERNEL[:, :1])
    found = slope_penalty(lambda x: tf.matmul(x, direction), tf.constant(X))
    assert np.allclose(found, (length - 1.0) ** 2, atol=1e-9)


def test_slope_penalty_has_a_finite_gradient_at_a_flat_critic():
    kernel = tf.zeros([6, 1], "float64")
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        loss = tf.reduce_sum(slope_penalty(lambda x: tf.matmul(x, kernel), tf.constant(X)))
    assert np.isclose(loss, 5.0, atol=1e-4) and np.all(np.isfinite(tape.gradient(loss, kernel)))


def test_projected_jacobian_of_a_linear_map_is_the_product_with_its_matrix():
    directions = RANDOM.normal(size=(5, 3))
    found = projected_jacobian(lambda x: tf.matmul(x, KERNEL), tf.constant(X), tf.constant(directions))
    assert np.allclose(found, ((directions @ KERNEL.T) ** 2).sum(1), rtol=1e-9)


def test_the_mean_of_projected_jacobians_is_the_squared_jacobian():
    def function(x):
        return tf.sigmoid(tf.matmul(x, KERNEL))

    many = tf.tile(tf.constant(X[:1]), [20_000, 1])
    found = projected_jacobian(function, many, tf.constant(RANDOM.normal(size=(20_000, 3)))).numpy()
    expected = squared_jacobian(function, tf.constant(X[:1]))[0].numpy()[0]
    assert abs(found.mean() - expected) < 4 * found.std() / np.sqrt(len(found))


def test_scale_gradient_changes_the_gradient_only():
    z = tf.constant([1.0, -2.0])
    with tf.GradientTape() as tape:
        tape.watch(z)
        scaled = scale_gradient(z, 0.25)
        value = tf.reduce_sum(scaled**2)
    assert np.allclose(scaled, z) and np.allclose(tape.gradient(value, z), 0.25 * 2 * z)


def test_slope_equals_the_derivative_of_every_row():
    z = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    found = slope(lambda v: tf.sin(v[..., 0]) * v[..., 1] ** 2, tf.constant(z))
    expected = np.stack([np.cos(z[..., 0]) * z[..., 1] ** 2, 2 * np.sin(z[..., 0]) * z[..., 1]], -1)
    assert found.shape == z.shape and np.allclose(found, expected, atol=1e-5)


def test_slope_can_be_differentiated_again():
    z = tf.constant([[0.3, -0.7]])
    with tf.GradientTape() as tape:
        tape.watch(z)
        first = tf.reduce_sum(slope(lambda v: tf.reduce_sum(v**3, -1), z))
    assert np.allclose(tape.gradient(first, z), 6.0 * z, atol=1e-5)
