"""Posteriors and priors of many shapes in the linear-Gaussian model, whose log-likelihood is known."""

import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal, norm

import zoo
from zoo import metrics

from .test_exact_math import EXACT, B, D, F, N, W, X, dense, excess, linear, objectives, repeated


def with_weights(layer, scale):
    """The layer with random weights in place of those it begins with."""
    random = np.random.default_rng(2)
    layer.set_weights([scale * random.normal(size=w.shape) for w in layer.weights])


def planar():
    return linear("planar_vae", flows=2, more=2 * (2 * D + 1))


def iaf():
    model = linear("iaf_vae", flows=2, flow_widths=(8,), more=D)
    with_weights(model.posteriors, 0.3)
    return model


POSTERIORS = {"planar": planar, "iaf": iaf}


@pytest.mark.parametrize("name", POSTERIORS)
def test_weights_of_many_samples_reach_the_exact_log_likelihood(name):
    """Whatever the posterior is, the mean of p(x, z) / q(z|x) is p(x)."""
    nll = repeated(POSTERIORS[name](), 10, 2000)
    error = nll.std(0, ddof=1) / np.sqrt(len(nll))
    assert np.all(np.abs(nll.mean(0) + EXACT) < 5 * error + 5e-3)
    assert abs(nll.mean() + EXACT.mean()) < 4 * nll.mean(1).std(ddof=1) / np.sqrt(len(nll)) + 2e-3


@pytest.mark.parametrize("name", POSTERIORS)
def test_the_loss_is_the_bound_that_is_measured_and_lies_below(name):
    model = POSTERIORS[name]()
    elbo = metrics.elbo(model, X, samples=20_000)["elbo"]
    assert np.all(elbo < EXACT + 0.05) and EXACT.mean() - elbo.mean() > 0.05
    mean, error = excess(-objectives(model), elbo)
    assert abs(mean) < 4 * error + 2e-3


def test_a_mixture_prior_gives_a_mixture_of_likelihoods():
    """p(x) = sum_k pi_k N(W m_k + b, W S_k W' + I)."""
    model, random = linear("gm_vae", components=3), np.random.default_rng(0)
    model.prior.logits.assign(random.normal(size=3))
    model.prior.means.assign(random.normal(size=(3, D)))
    shares, means = softmax(model.prior.logits.numpy().astype("float64")), model.prior.means.numpy()
    scales = np.logaddexp(0, model.prior.scales.numpy()) + 1e-4
    each = [
        multivariate_normal(W @ m + B, W @ np.diag(s**2) @ W.T + np.eye(F)).pdf(X)
        for m, s in zip(means, scales, strict=True)
    ]
    nll = repeated(model, 10, 3000).mean(1)
    assert abs(nll.mean() + np.log(shares @ each).mean()) < 4 * nll.std(ddof=1) / np.sqrt(10) + 2e-3


def test_one_standard_normal_component_is_the_vae():
    model = linear("gm_vae", components=1)
    model.prior.means.assign(np.zeros((1, D)))
    model.prior.scales.assign(np.full((1, D), np.log(np.expm1(1 - 1e-4))))
    mean, error = excess(-objectives(model), metrics.elbo(linear(), X, samples=20_000)["elbo"])
    assert abs(mean) < 4 * error + 2e-3


def test_a_flow_prior_that_scales_and_shifts_is_a_normal_prior():
    """u = s z + m is standard normal: z ~ N(-m / s, 1 / s^2), so p(x) is normal."""
    model = linear("flow_prior_vae", flows=1, flow_widths=(4,))
    shift, scale = np.array([0.5, -0.3]), np.array([0.8, 1.3])
    raw = np.log(np.expm1(scale - 1e-4)) - 0.5413
    model.prior.flow.networks[0].biases[-1].assign(np.concatenate([shift, raw]))
    exact = multivariate_normal(W @ (-shift / scale) + B, W @ np.diag(scale**-2.0) @ W.T + np.eye(F)).logpdf(X)
    nll = repeated(model, 10, 3000).mean(1)
    assert abs(nll.mean() + exact.mean()) < 4 * nll.std(ddof=1) / np.sqrt(10) + 2e-3


def test_codes_on_a_circle_reach_the_likelihood_of_quadrature():
    """p(x) = 1/2pi of the integral over the circle of N(x; W z + b, I)."""
    plain = linear()
    kernel, bias = plain.encoder.get_weights()
    encoder = dense("encoder", F, np.concatenate([kernel[:, :D], np.zeros((F, 1))], 1), np.append(bias[:D], 1.0))
    model = zoo.create_model(
        "sphere_vae", **{**plain.get_config(), "encoder": encoder, "decoder": dense("decoder", D, W.T, B)}
    )
    angles = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    means = np.stack([np.cos(angles), np.sin(angles)], -1) @ W.T + B
    log_likelihood = -0.5 * ((X[:, None] - means) ** 2).sum(-1) - 0.5 * F * np.log(2 * np.pi)
    exact = np.log(np.exp(log_likelihood).mean(1))
    nll = repeated(model, 10, 1000)
    assert abs((nll.mean(0) + exact).mean()) < 4 * nll.mean(1).std(ddof=1) / np.sqrt(10) + 1e-3
    elbo = metrics.elbo(model, X, samples=5000)["elbo"]
    assert np.all(elbo < exact + 0.02)
    mean, error = excess(-objectives(model), elbo)
    assert abs(mean) < 4 * error + 2e-3


def wide(name, **words):
    """A model whose normal posterior is wide enough that weights have a variance."""
    model = linear(name, **words)
    kernel, bias = model.encoder.get_weights()
    model.encoder.set_weights([kernel, bias + np.repeat([0.0, 0.8], D)])
    return model


DYNAMIC = {
    "hamiltonian": lambda: wide("hamiltonian_vae", steps=3, step_size=0.1, temperature=0.7),
    "riemannian": lambda: wide("riemannian_vae", steps=2, step_size=0.05, temperature=0.7, rounds=6, landmarks=10),
}


@pytest.mark.parametrize("name", DYNAMIC)
def test_codes_that_move_reach_the_exact_log_likelihood(name):
    model = DYNAMIC[name]()
    if name == "riemannian":
        model.objective(X, training=True)  # makes landmarks
        assert np.abs(model.landmarks.matrices).max() > 0.1
    nll = repeated(model, 8, 400)
    together = np.log(8) - logsumexp(-nll, 0)  # less biased than their mean
    assert abs(together.mean() + EXACT.mean()) < 4 * nll.mean(1).std(ddof=1) / np.sqrt(8) + 2e-3
    elbo = metrics.elbo(model, X, samples=5000)["elbo"]
    assert np.all(elbo < EXACT + 0.05) and EXACT.mean() - elbo.mean() > 0.02
    mean, error = excess(-objectives(model), elbo)
    assert abs(mean) < 4 * error + 2e-3


def test_hamiltonian_steps_tighten_the_bound():
    still, moved = (
        metrics.elbo(wide("hamiltonian_vae", steps=k, step_size=0.15, temperature=0.95), X, samples=3000)
        for k in (0, 4)
    )
    assert moved["elbo"].mean() > still["elbo"].mean() + 0.05


def test_the_riemannian_vae_keeps_the_latest_landmarks():
    model = linear("riemannian_vae", landmarks=N - 10)
    model.objective(X[:5], training=True)
    first = model.landmarks.places.numpy()
    assert np.allclose(first[:5], model.posterior(X[:5]).base.mean()) and not first[5:].any()
    model.objective(X[5:20], training=True)
    assert np.allclose(model.landmarks.places[15:20], first[:5], atol=1e-6)
    model.objective(X, training=True)
    assert np.allclose(model.landmarks.places, model.posterior(X).base.mean()[: N - 10], atol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_the_loss_of_the_riemannian_vae_is_that_of_the_end_of_its_way(training):
    """-log p(x, z_K) + log q(z_0|x) + log N(r_0; 0, G_0) - log N(r_K; 0, G_K), in NumPy from the way itself."""
    words = {"steps": 2, "step_size": 0.05, "temperature": 0.6, "rounds": 8, "landmarks": N}
    model = linear("riemannian_vae", **words)
    model.objective(X[: N // 2], training=True)  # half of the landmarks stay without a place
    loss, parts = model.objective(X, training=training)
    q = model.posterior(X, training)
    noise = model.random(model.code_inputs, [N], "code")["noise"]
    m, s = q.base.mean().numpy(), q.base.stddev().numpy()
    start = m + s * noise[:, :D]
    momentum, log_momentum = q.momentum(start, noise[:, D:])
    z, end = (part.numpy().astype("float64") for part in q.move(start, momentum))
    places, matrices = (m, q.metric.matrices.numpy()) if training else _landmarks(model)
    near = np.exp(-((z[:, None] - places[None]) ** 2).sum(-1) / 0.8**2)
    inverse = np.einsum("bn,nij->bij", near, matrices) + 0.01 * np.eye(D)
    log_end = -0.5 * np.einsum("bi,bij,bj->b", end, inverse, end) + 0.5 * np.linalg.slogdet(inverse)[1]
    log_q = norm.logpdf(start, m, s).sum(-1) + log_momentum.numpy() - log_end + 0.5 * D * np.log(2 * np.pi)
    distortion = 0.5 * ((X - z @ W.T - B) ** 2).sum(-1) + 0.5 * F * np.log(2 * np.pi)
    assert np.allclose(parts["distortion"], distortion, atol=1e-3)
    assert np.allclose(parts["rate"], log_q - norm.logpdf(z).sum(-1), atol=2e-3)
    assert np.allclose(loss, parts["distortion"] + parts["rate"], atol=1e-4)


def _landmarks(model):
    return model.landmarks.places.numpy(), model.landmarks.matrices.numpy()
