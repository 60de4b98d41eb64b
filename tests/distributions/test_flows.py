"""Bent distributions: their densities integrate to one, and belong to the samples that they come with."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats

from zoo import numerics
from zoo.distributions.flows import Bent, FlowPrior, InverseAutoregressive, Planar
from zoo.distributions.priors import StandardNormal

tfd = tfp.distributions
RANDOM = np.random.default_rng(0)
D, SPAN, DRAWS = 2, 9.0, 100_000
GRID = np.stack(np.meshgrid(*[np.linspace(-SPAN, SPAN, 601)] * D, indexing="ij"), -1).reshape(-1, 1, D)
CELL = (2 * SPAN / 600) ** D
MADE = {
    "planar": lambda flows=3: Planar(D, flows=flows),
    "iaf": lambda flows=2: InverseAutoregressive(D, flows=flows, widths=(8, 8)),
}


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def bent(layer):
    """The layer with random weights in place of those it begins with."""
    layer.set_weights([0.7 * noise(*w.shape, seed=i) for i, w in enumerate(layer.weights)])
    return layer


def posterior(name, **words):
    """A posterior, and q(z|x) of one example."""
    made = bent(MADE[name](**words))
    return made, made.distribution(tf.constant(noise(1, made.size, seed=7)))


@pytest.mark.parametrize("name", MADE)
def test_without_flows_it_is_the_normal_posterior(name):
    made, q = posterior(name, flows=0)
    z = made.transform(q, noise(50, 1, D))
    assert made.size == 2 * D and not made.weights
    assert np.allclose(z, q.base.mean() + q.base.stddev() * noise(50, 1, D), atol=1e-6)
    assert np.allclose(q.log_prob(z), q.base.log_prob(z), atol=1e-5)


@pytest.mark.parametrize("name", MADE)
def test_a_sample_has_the_density_of_the_change_of_variables(name):
    made, q = posterior(name)
    eps = tf.constant(noise(40, 1, D))
    z = made.transform(q, eps)
    expected = stats.norm.logpdf(eps[:, 0]).sum(-1) - np.linalg.slogdet(jacobian(made, q, eps))[1]
    assert np.allclose(q.log_prob(z)[:, 0], expected, atol=2e-3)


def jacobian(made, q, eps):
    """dz/deps of one sample each, [N, D, D]."""
    rows = []
    for i in range(D):
        with tf.GradientTape() as tape:
            tape.watch(eps)
            column = tf.reduce_sum(made.transform(q, eps)[..., i])
        rows.append(tape.gradient(column, eps)[:, 0])
    return np.stack(rows, 1).astype("float64")


def test_the_density_of_the_inverse_autoregressive_posterior_integrates_to_one():
    _, q = posterior("iaf")
    density = np.exp(q.log_prob(GRID.astype("float32")).numpy().astype("float64"))
    assert abs(density.sum() * CELL - 1.0) < 2e-3


def test_the_density_is_the_same_for_a_copy_of_a_sample():
    """Once remembered, once from the inverse."""
    made, q = posterior("iaf")
    z = made.transform(q, noise(50, 1, D))
    assert np.allclose(q.log_prob(z), q.log_prob(tf.identity(z)), atol=1e-3)


@pytest.mark.parametrize("name", MADE)
def test_weights_of_samples_have_the_mean_one(name):
    """E_q[p(z)/q(z)] = 1 for a p that q covers: q is normalised, and z is drawn from it."""
    made, q = posterior(name)
    z = made.transform(q, noise(DRAWS, 1, D))
    center, scale = z.numpy().mean(0), 0.4 * z.numpy().std(0)
    inside = tfd.Independent(tfd.Normal(center, scale), 1)
    weights = np.exp((inside.log_prob(z) - q.log_prob(z)).numpy().astype("float64"))
    assert weights.std() / np.sqrt(DRAWS) < 0.02
    assert abs(weights.mean() - 1.0) < 4 * weights.std() / np.sqrt(DRAWS)


def test_a_planar_posterior_knows_its_own_samples_only():
    _, q = posterior("planar")
    with pytest.raises(NotImplementedError, match="its own samples"):
        q.log_prob(noise(1, D))


@pytest.mark.parametrize("name", MADE)
def test_the_center_is_the_image_of_the_mean(name):
    made, q = posterior(name)
    assert np.allclose(made.center(q), q.forward(q.base.mean())[0], atol=1e-6)
    assert made.spread(q) == {}


@pytest.mark.parametrize("name", MADE)
def test_kl_to_the_standard_normal_is_estimated_at_the_sample(name):
    made, q = posterior(name)
    z = made.transform(q, noise(3, 1, D))
    prior = StandardNormal(D)
    assert np.allclose(prior.kl(q, z), q.log_prob(z) - prior.distribution().log_prob(z), atol=1e-5)


@pytest.mark.parametrize("name", MADE)
def test_the_batch_stands_before_the_event(name):
    made = MADE[name]()
    q = made.distribution(tf.constant(noise(5, made.size)))
    assert q.batch_shape == (5,) and q.event_shape == (D,)
    z = made.transform(q, noise(4, 5, D))
    assert z.shape == (4, 5, D) and q.log_prob(z).shape == (4, 5)


def test_gradient_of_a_density_reaches_the_flow_and_the_encoder():
    made = bent(MADE["iaf"]())
    outputs = tf.constant(noise(3, made.size))
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        q = made.distribution(outputs)
        log_prob = tf.reduce_sum(q.log_prob(made.transform(q, noise(3, D))))
    gradients = tape.gradient(log_prob, [outputs, *made.trainable_weights])
    assert all(g is not None and np.all(np.isfinite(g)) for g in gradients)
    assert np.abs(gradients[0]).max() > 0


# The prior


def test_the_density_of_the_flow_prior_integrates_to_one():
    density = np.exp(bent(FlowPrior(D, widths=(8, 8))).distribution().log_prob(GRID[:, 0].astype("float32")))
    assert abs(density.astype("float64").sum() * CELL - 1.0) < 2e-3


def test_samples_of_the_flow_prior_have_its_density():
    prior = bent(FlowPrior(D, widths=(8, 8)))
    z = prior.transform(numerics.normal((20_000, D), numerics.key("noise", 1)))
    back, _ = prior.flow.forward(z)
    for d in range(D):
        assert stats.kstest(back[:, d], "norm").pvalue > 1e-4
        assert stats.kstest(z[:, d], "norm").pvalue < 1e-4, "the flow must bend for this test to say anything"
    grid = prior.distribution().log_prob(GRID[:, 0].astype("float32")).numpy().astype("float64")
    entropy = -(np.exp(grid) * grid).sum() * CELL
    surprise = -prior.distribution().log_prob(z).numpy()
    assert abs(surprise.mean() - entropy) < 4 * surprise.std() / np.sqrt(20_000) + 2e-3


def test_a_flow_prior_without_flows_is_the_standard_normal():
    prior, z = FlowPrior(D, flows=0), noise(9, D)
    assert np.allclose(prior.distribution().log_prob(z), StandardNormal(D).distribution().log_prob(z), rtol=1e-5)
    assert np.allclose(prior.transform(z), z) and not prior.weights


def test_bent_scales_of_three_are_a_normal_of_three():
    zeros = tf.zeros([D])
    base = tfd.Independent(tfd.Normal(zeros, tf.ones_like(zeros)), 1)
    q = Bent(base, lambda z: (3.0 * z, tf.fill(tf.shape(z)[:-1], D * np.float32(np.log(3)))))
    z = q.draw(noise(6, D))
    assert np.allclose(q.log_prob(z), stats.norm.logpdf(z, scale=3.0).sum(-1), atol=1e-5)
