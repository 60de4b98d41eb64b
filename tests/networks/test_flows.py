"""Flows: maps that can be undone, with the log-determinant that automatic differentiation gives."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.export import litert, tflite
from zoo.networks.flows import MADE, AutoregressiveFlow, planar

RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def same_numbers():
    """The same random numbers in every test, whichever ran before it."""
    RANDOM.bit_generator.state = np.random.default_rng(0).bit_generator.state


def normal(*shape, scale=1.0):
    return (scale * RANDOM.normal(size=shape)).astype("float32")


def bent(layer, scale=0.4):
    """The layer with random weights in place of those it begins with."""
    layer.set_weights([normal(*w.shape, scale=scale) for w in layer.weights])
    return layer


def jacobian(function, x):
    """[B, D, D] of a map of rows."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.batch_jacobian(y, x).numpy().astype("float64")


def log_determinants(function, x):
    return np.linalg.slogdet(jacobian(function, x))[1]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("widths", [(8,), (16, 24)])
@pytest.mark.parametrize("dim", [1, 2, 5])
def test_made_sees_exactly_the_dimensions_before(dim, widths, backwards):
    network = bent(MADE(dim, 3, widths, backwards=backwards), 1.0)
    x = normal(64, dim)
    allowed = np.triu(np.ones((dim, dim)), 1) if backwards else np.tril(np.ones((dim, dim)), -1)
    for i in range(3):
        seen = np.abs(jacobian(lambda v, i=i: network(v)[i], x)).max(0) > 0
        assert np.array_equal(seen, allowed > 0)


@pytest.mark.parametrize("dim", [1, 4])
def test_every_output_of_made_sees_the_context(dim):
    network, x, context = bent(MADE(dim, 2, (16,), context=3), 1.0), normal(32, dim), normal(32, 3)
    for i in range(2):
        seen = np.abs(jacobian(lambda c, i=i: network(x, c)[i], context)).max(0)
        assert np.all(seen > 0)


@pytest.mark.parametrize("layers", [0, 1, 3])
@pytest.mark.parametrize("context", [0, 4])
def test_a_flow_begins_as_the_identity(layers, context):
    z, c = normal(6, 5), normal(6, context) if context else None
    y, log_determinant = AutoregressiveFlow(5, layers, context=context).forward(z, c)
    assert np.allclose(y, z, atol=2e-3) and np.allclose(log_determinant, 0.0, atol=5e-3)


@pytest.mark.parametrize("dim, layers", [(1, 2), (2, 1), (4, 2), (5, 3)])
@pytest.mark.parametrize("context", [0, 3])
def test_autoregressive_flow_against_automatic_differentiation(dim, layers, context):
    flow = bent(AutoregressiveFlow(dim, layers, (16, 16), context))
    z, c = normal(20, dim), normal(20, context) if context else None
    y, log_determinant = flow.forward(z, c)
    expected = log_determinants(lambda v: flow.forward(v, c)[0], z)
    assert np.abs(expected).max() > 1e-3
    assert np.allclose(log_determinant, expected, atol=1e-4)
    back, inverse = flow.inverse(y, c)
    assert np.allclose(back, z, atol=1e-3) and np.allclose(inverse, -expected, atol=1e-3)


def test_samples_of_the_same_flow_share_its_context():
    flow, z, c = bent(AutoregressiveFlow(3, 2, (8,), 2)), normal(4, 5, 3), normal(5, 2)
    y, log_determinant = flow.forward(z, c)
    assert y.shape == (4, 5, 3) and log_determinant.shape == (4, 5)
    assert np.allclose(y[2], flow.forward(z[2], c)[0], atol=1e-6)


def test_an_alternating_flow_of_two_steps_lets_all_dimensions_meet():
    matrix = np.abs(jacobian(lambda v: bent(AutoregressiveFlow(3, 2, (32, 32))).forward(v)[0], normal(64, 3))).max(0)
    assert np.all(matrix > 0)


@pytest.mark.parametrize("dim", [1, 2, 7])
def test_planar_flow_against_automatic_differentiation(dim):
    z, u, w, b = normal(200, dim), normal(200, dim, scale=3), normal(200, dim, scale=2), normal(200)
    log_determinant = planar(z, u, w, b)[1]
    matrix = jacobian(lambda v: planar(v, u, w, b)[0], z)
    sign, expected = np.linalg.slogdet(matrix)
    assert np.allclose(np.exp(log_determinant), sign * np.exp(expected), rtol=1e-4, atol=1e-3)
    clear = expected > -5  # float32 keeps too few digits of a determinant nearer to zero
    assert np.all(sign[clear] > 0), "invertible for any u"
    assert clear.mean() > 0.8 and np.allclose(log_determinant[clear], expected[clear], rtol=1e-3, atol=5e-3)


def test_planar_flow_is_its_formula():
    """Where w.u is large, u^ is nearly u: z + u tanh(w.z + b) as it stands in the paper."""
    z, w, b = normal(50, 3), normal(50, 3), normal(50)
    u = 40.0 * w / (w**2).sum(-1, keepdims=True)
    expected = z + (u - w / (w**2).sum(-1, keepdims=True)) * np.tanh((w * z).sum(-1) + b)[:, None]
    assert np.allclose(planar(z, u, w, b)[0], expected, rtol=1e-3, atol=1e-3)


def test_planar_flow_of_zeros_is_the_identity():
    z = normal(5, 3)
    y, log_determinant = planar(z, tf.zeros((5, 3)), tf.zeros((5, 3)), tf.zeros(5))
    assert np.array_equal(y, z) and np.allclose(log_determinant, 0.0, atol=1e-6)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_flows_are_the_same_on_the_phone(direction, tmp_path):
    flow, z, c = bent(AutoregressiveFlow(4, 2, (16,), 2)), normal(1, 4), normal(1, 2)
    run = getattr(flow, direction)
    function = tf.function(lambda z, c: dict(zip("yd", run(z, c), strict=True)), autograph=False)
    concrete = function.get_concrete_function(tf.TensorSpec([1, 4], name="z"), tf.TensorSpec([1, 2], name="c"))
    module = tf.Module()
    module.weights = list(concrete.variables)
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures={direction: concrete})
    (tmp_path / "flow.tflite").write_bytes(tflite.convert(tmp_path / "saved", [direction]))
    found = litert.run(litert.open_tflite(tmp_path / "flow.tflite"), direction, {"z": z, "c": c})
    expected = function(tf.constant(z), tf.constant(c))
    for name in "yd":
        assert np.allclose(found[name], expected[name], atol=1e-5)
