import numpy as np
import pytest
import tensorflow as tf

from zoo.distributions import POSTERIORS

RANDOM = np.random.default_rng(0)
OUTPUTS = RANDOM.normal(size=(3, 8)).astype("float32")


def noise(*shape):
    return RANDOM.normal(size=shape).astype("float32")


def test_normal_has_the_mean_and_the_softplus_of_its_outputs():
    q = POSTERIORS["normal"](4).distribution(OUTPUTS)
    assert q.batch_shape == (3,) and q.event_shape == (4,)
    assert np.array_equal(q.mean(), OUTPUTS[:, :4])
    assert np.allclose(q.stddev(), np.logaddexp(0, OUTPUTS[:, 4:] + 0.5413) + 1e-4, rtol=1e-5)


def test_an_output_of_zero_is_the_standard_normal():
    q = POSTERIORS["normal"](4).distribution(tf.zeros((1, 8)))
    assert np.allclose(q.mean(), 0.0) and np.allclose(q.stddev(), 1.0, atol=2e-4)


@pytest.mark.parametrize("scale_output", [-200.0, 200.0])
def test_log_prob_is_finite_far_away(scale_output):
    outputs = tf.concat([tf.zeros((1, 4)), tf.fill((1, 4), scale_output)], 1)
    q = POSTERIORS["normal"](4).distribution(outputs)
    assert np.all(np.isfinite(q.log_prob(tf.ones((1, 4)))))


def test_transform_has_the_statistics_of_q():
    n, posterior = 100_000, POSTERIORS["normal"](4)
    q = posterior.distribution(OUTPUTS)
    z = posterior.transform(q, noise(n, 3, 4)).numpy()
    mean, sd = q.mean().numpy(), q.stddev().numpy()
    assert np.all(np.abs(z.mean(0) - mean) < 5 * sd / np.sqrt(n))
    assert np.all(np.abs(z.std(0) - sd) < 5 * sd / np.sqrt(2 * n))


def test_gradient_of_a_sample_is_reparameterised():
    posterior, eps, outputs = POSTERIORS["normal"](4), noise(3, 4), tf.constant(OUTPUTS)
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        z = posterior.transform(posterior.distribution(outputs), eps)
    found = tape.gradient(z, outputs).numpy()
    assert np.allclose(found[:, :4], 1.0)
    assert np.allclose(found[:, 4:], eps / (1 + np.exp(-OUTPUTS[:, 4:] - 0.5413)), rtol=1e-4)


@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 5), (3, 2, 2, 5)])
def test_deterministic_is_its_output(shape):
    posterior, outputs = POSTERIORS["deterministic"](shape[-1]), noise(*shape)
    q = posterior.distribution(tf.constant(outputs))
    assert q.batch_shape == (3,) and q.event_shape == shape[1:]
    assert np.array_equal(posterior.transform(q), outputs)
    assert not q.stddev().numpy().any()
