"""A linear-Gaussian VAE, whose log-likelihood is known: z ~ N(0, I), x|z ~ N(W z + b, I), so x ~ N(b, W W' + I)."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import multivariate_normal

import zoo
from zoo import metrics
from zoo.base import bits_per_dim
from zoo.terms.divergences import log_mean_exp

F, D, N = 5, 2, 40
RANDOM = np.random.default_rng(0)
W, B = RANDOM.normal(size=(F, D)), RANDOM.normal(size=F)
X = (RANDOM.normal(size=(N, D)) @ W.T + B + RANDOM.normal(size=(N, F))).astype("float32")
EXACT = multivariate_normal(B, W @ W.T + np.eye(F)).logpdf(X)


def dense(name, inputs, kernel, bias):
    """x -> x kernel + bias."""
    network = keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(len(bias))], name=name)
    network.set_weights([kernel, bias])
    return network


def linear(name="vae", exact=False, more=0, **words):
    """A linear model; with `exact`, W is turned so that the exact posterior is diagonal, and is the encoder's.

    Turning the codes does not change p(x). The encoder gives `more` numbers than the normal posterior takes, at random.
    """
    turned = W @ np.linalg.eigh(W.T @ W)[1] if exact else W
    precision = np.eye(D) + turned.T @ turned
    kernel, bias = turned @ np.linalg.inv(precision), -B @ turned @ np.linalg.inv(precision)
    raw = np.log(np.expm1(1 / np.sqrt(np.diag(precision)) - 1e-4)) - 0.5413
    if not exact:
        kernel, bias, raw = (
            0.8 * kernel,
            bias + 0.1,
            raw + (1.0 if more else 0.2),
        )  # wide enough that weights have a variance
    bent = np.random.default_rng(1).normal(size=(F + 1, more))
    kernel = np.concatenate([kernel, np.zeros((F, D)), 0.1 * bent[:F]], 1)
    encoder = dense("encoder", F, kernel, np.concatenate([bias, raw, 0.25 * bent[F]]))
    return zoo.create_model(
        name,
        input_shape=(F,),
        latent_dim=D,
        backbone="dense",
        likelihood="gaussian",
        encoder=encoder,
        decoder=dense("decoder", D, turned.T, B),
        **words,
    )


APPROXIMATE, PERFECT = linear(), linear(exact=True)


def excess(values, expected):
    """(mean difference, its standard error) over draws [S, N] of a mean over examples."""
    means = values.mean(1) - np.mean(expected)
    return means.mean(), means.std(ddof=1) / np.sqrt(len(means))


def objectives(model, draws=300):
    """The loss of every example for many draws, [draws, N]."""
    objective = tf.function(lambda: model.objective(X)[0])
    losses = []
    for step in range(draws):
        model.step.assign(step)
        losses.append(objective().numpy())
    return np.array(losses, np.float64)


def repeated(model, times, samples):
    """Importance-weighted bounds with other noise each time, [times, N]."""
    nll = metrics.importance_weighted_nll(model, np.tile(X, (times, 1)), samples)
    return nll.reshape(times, N).astype(np.float64)


def test_the_elbo_is_below_the_log_likelihood():
    elbo = metrics.elbo(APPROXIMATE, X, samples=2000)["elbo"]
    assert np.all(elbo < EXACT) and EXACT.mean() - elbo.mean() > 0.05


def test_the_elbo_equals_the_closed_form():
    q = APPROXIMATE.posterior(X)
    m, s = q.mean().numpy().astype("float64"), q.stddev().numpy().astype("float64")
    distortion = 0.5 * (((X - m @ W.T - B) ** 2).sum(1) + (s**2 @ (W**2).T).sum(1) + F * np.log(2 * np.pi))
    rate = (0.5 * (m**2 + s**2 - 1) - np.log(s)).sum(1)
    found = metrics.elbo(APPROXIMATE, X, samples=5000)
    assert np.allclose(found["rate"], rate, rtol=1e-4)
    assert np.allclose(found["distortion"], distortion, rtol=0.02)
    assert np.isclose(found["distortion"].mean(), distortion.mean(), rtol=3e-3)


def test_the_elbo_is_the_log_likelihood_at_the_exact_posterior():
    found = metrics.importance_weights(PERFECT, X, 50)
    assert np.allclose(found["nll"], -EXACT, rtol=1e-4)  # every weight is p(x): no sample is too few
    assert np.allclose(found["effective_samples"], 50, rtol=1e-3)
    elbo = metrics.elbo(PERFECT, X, samples=5000)["elbo"]
    assert np.allclose(elbo, EXACT, atol=0.2) and np.isclose(elbo.mean(), EXACT.mean(), atol=0.02)


def test_the_loss_of_the_vae_is_the_negative_elbo():
    mean, error = excess(-objectives(APPROXIMATE), metrics.elbo(APPROXIMATE, X, samples=20_000)["elbo"])
    assert abs(mean) < 4 * error + 2e-3


def test_the_bound_grows_with_the_number_of_samples():
    bounds = [-metrics.importance_weighted_nll(APPROXIMATE, X, k, seed=3).mean() for k in (1, 10, 100, 3000)]
    elbo = metrics.elbo(APPROXIMATE, X, samples=3000)["elbo"].mean()
    assert bounds == sorted(bounds) and bounds[1] > elbo
    assert np.isclose(bounds[-1], EXACT.mean(), atol=0.01)


def test_many_samples_reach_the_exact_log_likelihood():
    nll = repeated(APPROXIMATE, 20, 500)
    error = nll.std(0, ddof=1) / np.sqrt(len(nll))
    assert np.all(np.abs(nll.mean(0) + EXACT) < 4.5 * error + 1e-4)
    assert abs(nll.mean() + EXACT.mean()) < 4 * nll.mean(1).std(ddof=1) / np.sqrt(len(nll)) + 1e-3


@pytest.mark.parametrize("rows", [1, 7, 64, 4096])
def test_the_size_of_the_pieces_changes_nothing(rows):
    found, expected = (metrics.importance_weights(APPROXIMATE, X, 33, rows=r) for r in (rows, 1024))
    for name in expected:
        assert np.allclose(found[name], expected[name], rtol=1e-4), name


def test_an_example_does_not_see_the_others():
    whole = metrics.importance_weighted_nll(APPROXIMATE, X, 20)
    assert np.allclose(metrics.importance_weighted_nll(APPROXIMATE, X[:7], 20), whole[:7], rtol=1e-5)
    assert not np.allclose(metrics.importance_weighted_nll(APPROXIMATE, X, 20, seed=1), whole, rtol=1e-5)


def test_more_samples_begin_with_the_same():
    """One weight more, of known value, moves the sum by that weight."""
    few, more = (metrics.importance_weights(APPROXIMATE, X, k) for k in (1, 2))
    weights = np.exp(-few["nll"]), 2 * np.exp(-more["nll"])
    assert np.all(weights[1] > weights[0] * (1 - 1e-4))
    assert np.allclose(few["effective_samples"], 1.0, rtol=1e-5)


def test_weights_equal_numpy():
    """The streamed sums are those of all weights at once."""
    samples = 12
    one_by_one = [metrics.importance_weights(APPROXIMATE, X[:3], k, rows=5) for k in range(1, samples + 1)]
    sums = np.exp([np.log(k) - found["nll"].astype("float64") for k, found in enumerate(one_by_one, 1)])
    weights = np.diff(sums, axis=0, prepend=0.0)
    expected = weights.sum(0) ** 2 / (weights**2).sum(0)
    assert np.allclose(one_by_one[-1]["effective_samples"], expected, rtol=1e-2)


@pytest.mark.parametrize("samples", [1, 20])
def test_the_loss_of_the_iwae_is_the_importance_weighted_bound(samples):
    nll = repeated(APPROXIMATE, 200, samples).mean(1)
    losses = objectives(linear("iwae", samples=samples), 200).mean(1)
    assert abs(losses.mean() - nll.mean()) < 4 * np.hypot(losses.std(), nll.std()) / np.sqrt(200)


def test_the_loss_of_the_iwae_is_log_mean_exp_of_its_parts():
    loss, parts = linear("iwae", samples=6).objective(X)
    assert np.allclose(loss, -log_mean_exp(-parts["distortion"] - parts["rate"], 0), rtol=1e-5)


@pytest.mark.parametrize("name, words", [("miwae", {"estimates": 4, "samples": 1}), ("ciwae", {"beta": 1.0})])
def test_bounds_of_one_sample_are_the_elbo(name, words):
    mean, error = excess(-objectives(linear(name, **words), 200), metrics.elbo(APPROXIMATE, X, samples=20_000)["elbo"])
    assert abs(mean) < 4 * error + 2e-3


def test_the_miwae_takes_the_mean_over_m_of_bounds_of_k():
    estimates, samples = 2, 5
    loss, parts = linear("miwae", estimates=estimates, samples=samples).objective(X)
    weights = -(parts["distortion"] + parts["rate"]).numpy().astype("float64")
    bounds = [np.log(np.mean(np.exp(weights[m * samples : (m + 1) * samples]), 0)) for m in range(estimates)]
    assert weights.shape == (estimates * samples, N)
    assert np.allclose(loss, -np.mean(bounds, 0), rtol=1e-5)


def test_the_loss_of_the_miwae_is_the_bound_of_k_samples():
    nll = repeated(APPROXIMATE, 200, 5).mean(1)
    losses = objectives(linear("miwae", estimates=3, samples=5), 200).mean(1)
    assert abs(losses.mean() - nll.mean()) < 4 * np.hypot(losses.std(), nll.std()) / np.sqrt(200)


def test_the_ciwae_lies_on_the_line_between_its_bounds():
    """On the same noise: beta is the share of the mean of the logarithms of the weights."""
    losses = {beta: linear("ciwae", beta=beta).objective(X)[0].numpy() for beta in (0.0, 0.3, 1.0)}
    assert np.allclose(losses[0.3], 0.3 * losses[1.0] + 0.7 * losses[0.0], rtol=1e-5)
    assert np.all(losses[0.0] <= losses[1.0] + 1e-4)


def test_the_rate_of_the_beta_tc_vae_is_the_sum_of_its_three_terms():
    """The estimates of q(z) cancel: what is left is log q(z|x) - log p(z) at the sample, whatever N is."""
    words = {"alpha": 1.0, "beta": 1.0, "gamma": 1.0}
    small, large = (linear("beta_tc_vae", dataset_size=n, **words) for n in (N, 10**6))
    q = small.posterior(X)
    z = small.draw(q)
    rate = q.log_prob(z) - small.prior.distribution().log_prob(z)
    for model in (small, large):
        loss, parts = model.objective(X)
        assert np.allclose(loss - parts["distortion"], rate, atol=1e-4)


def test_a_vamp_prior_at_the_mean_of_the_data_still_bounds_its_own_likelihood():
    """p(x) = 1/K sum_k N(W m_k + b, W S_k W' + I) for pseudo-inputs with posteriors N(m_k, S_k)."""
    model = linear("vamp_vae", components=3)
    model.prior.raw.assign(X[:3])
    q = model.posterior(X[:3])
    m, s = q.mean().numpy().astype("float64"), q.stddev().numpy().astype("float64")
    likelihoods = [multivariate_normal(W @ m[k] + B, W @ np.diag(s[k] ** 2) @ W.T + np.eye(F)).pdf(X) for k in range(3)]
    exact = np.log(np.mean(likelihoods, 0))
    nll = repeated(model, 10, 2000).mean(1)
    assert np.all(metrics.elbo(model, X, samples=2000)["elbo"] < exact + 0.05)
    assert abs(nll.mean() + exact.mean()) < 4 * nll.std(ddof=1) / np.sqrt(10) + 2e-3


def test_bits_per_dim():
    assert np.isclose(bits_per_dim(np.log(2.0) * 6, (3, 2)), 1.0)
