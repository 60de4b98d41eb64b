import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import stats
from scipy.special import logsumexp, softmax

from zoo import numerics
from zoo.distributions import POSTERIORS, PRIORS
from zoo.distributions.priors import Mixture, StandardNormal, Vamp

tfd = tfp.distributions
RANDOM = np.random.default_rng(0)
D, K, DRAWS = 2, 3, 200_000


def posterior(x):
    """q(z|x) = N(x, s^2) with a scale that depends on x."""
    return POSTERIORS["normal"](D).distribution(tf.concat([2.0 * x, x - 1.0], -1))


def mixture():
    prior = Mixture(D, components=K)
    prior.logits.assign(RANDOM.normal(size=K))
    prior.means.assign(2.0 * RANDOM.normal(size=(K, D)))
    prior.scales.assign(RANDOM.normal(size=(K, D)))
    return prior


def vamp(unit_range):
    return Vamp(D, posterior, (D,), K, unit_range)


MADE = {
    "normal": lambda: StandardNormal(D),
    "mixture": mixture,
    "vamp": lambda: vamp(False),
    "vamp_unit_range": lambda: vamp(True),
}


def components(prior):
    """Weights [K], means and scales [K, D] of a mixture, by NumPy."""
    if isinstance(prior, StandardNormal):
        return np.ones(1), np.zeros((1, D)), np.ones((1, D))
    if isinstance(prior, Mixture):
        scales = np.logaddexp(0, prior.scales.numpy()) + 1e-4
        return softmax(prior.logits.numpy().astype("float64")), prior.means.numpy(), scales
    raw = prior.raw.numpy()
    q = posterior(tf.constant(1 / (1 + np.exp(-raw)) if prior.unit_range else raw))
    return np.full(K, 1 / K), q.mean().numpy(), q.stddev().numpy()


def q():
    return POSTERIORS["normal"](D).distribution(RANDOM.normal(size=(4, 2 * D)).astype("float32"))


def test_every_prior_is_tested():
    assert set(PRIORS) - {"flow", "uniform_sphere", "wrapped_normal"} <= set(MADE)  # which have files of their own


@pytest.mark.parametrize("name", MADE)
def test_log_prob_equals_scipy(name):
    prior = MADE[name]()
    z = RANDOM.normal(size=(50, D)).astype("float32")
    shares, means, scales = components(prior)
    each = stats.norm.logpdf(z[:, None], means, scales).sum(-1) + np.log(shares)
    assert np.allclose(prior.distribution().log_prob(z), logsumexp(each, 1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", MADE)
def test_transform_samples_the_distribution(name):
    prior = MADE[name]()
    draw = {"noise": numerics.normal, "uniform": numerics.uniform}
    inputs = {i: draw[i]((20_000, *shape), numerics.key(i, 1)) for i, shape in prior.inputs.items()}
    z = prior.transform(**inputs).numpy()
    shares, means, scales = components(prior)
    for d in range(D):

        def cdf(x, d=d):
            return (shares * stats.norm.cdf(x[:, None], means[:, d], scales[:, d])).sum(-1)

        assert stats.kstest(z[:, d], cdf).pvalue > 1e-4
    surprise = -prior.distribution().log_prob(z).numpy()
    again = -prior.distribution().log_prob(prior.distribution().sample(20_000, seed=1)).numpy()
    error = np.hypot(surprise.std(), again.std()) / np.sqrt(20_000)
    assert abs(surprise.mean() - again.mean()) < 5 * error  # the joint, not only each dimension


@pytest.mark.parametrize("name", ["mixture", "vamp", "vamp_unit_range"])
def test_every_component_is_reached_by_the_uniform_number(name):
    prior = MADE[name]()
    shares, means, _ = components(prior)
    edges = np.cumsum(shares)
    uniform = np.float32([2**-25, *(edges[:-1] - 1e-4), *(edges[:-1] + 1e-4), 1.0])
    expected = [0, *range(K - 1), *range(1, K), K - 1]
    assert np.allclose(prior.transform(tf.zeros((len(uniform), D)), uniform), means[expected], atol=1e-6)


@pytest.mark.parametrize("name", MADE)
def test_kl_equals_monte_carlo(name):
    prior, posteriors = MADE[name](), q()
    z = posteriors.sample(DRAWS, seed=2)
    terms = (posteriors.log_prob(z) - prior.distribution().log_prob(z)).numpy().astype("float64")
    found = prior.kl(posteriors, z).numpy()
    found = found.mean(0) if found.ndim == 2 else found
    assert np.all(np.abs(found - terms.mean(0)) <= 4 * terms.std(0) / np.sqrt(DRAWS))


def test_kl_to_the_standard_normal_is_the_closed_form():
    posteriors = q()
    m, s = posteriors.mean().numpy(), posteriors.stddev().numpy()
    expected = (0.5 * (m**2 + s**2 - 1) - np.log(s)).sum(1)
    assert np.allclose(StandardNormal(D).kl(posteriors, posteriors.mean()), expected, rtol=1e-5)


def test_kl_of_a_prior_with_itself_is_zero():
    assert np.allclose(StandardNormal(D).kl(StandardNormal(D).distribution(), tf.zeros((1, D))), 0.0)


def test_vamp_with_one_standard_normal_posterior_is_the_standard_normal():
    def standard(x):
        return tfd.Independent(tfd.Normal(tf.zeros_like(x), tf.ones_like(x)), 1)

    prior, z = Vamp(D, standard, (D,), 1, False), RANDOM.normal(size=(9, D)).astype("float32")
    assert np.allclose(prior.distribution().log_prob(z), StandardNormal(D).distribution().log_prob(z), rtol=1e-5)
    assert np.allclose(prior.transform(z, tf.ones(9)), z)


def test_pseudo_inputs_stay_in_the_range_of_the_data():
    prior = vamp(True)
    inside = prior.pseudo_inputs(100.0 * tf.convert_to_tensor(prior.raw)).numpy()
    assert inside.min() >= 0 and inside.max() <= 1


@pytest.mark.parametrize("name", ["mixture", "vamp", "vamp_unit_range"])
def test_gradient_reaches_the_weights_of_a_prior(name):
    prior, posteriors = MADE[name](), q()
    with tf.GradientTape() as tape:
        kl = prior.kl(posteriors, posteriors.mean())
    assert prior.trainable_weights
    assert all(np.abs(g).sum() > 0 for g in tape.gradient(kl, prior.trainable_weights))
