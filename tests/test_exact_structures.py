"""Codes of many structures and data with gaps: each objective against enumeration, a closed form or NumPy."""

from itertools import product

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal, norm
from sklearn.datasets import load_digits

import zoo
from zoo.distributions import ladder
from zoo.distributions.categories import Categories, CategoriesPrior, one_hot
from zoo.errors import InputError
from zoo.terms.divergences import kl_to_components

from .test_exact_math import B, D, F, N, W, X, excess, linear, objectives

RANDOM = np.random.default_rng(0)
SMALL = {"input_shape": (F,), "backbone": "dense", "widths": (8,), "likelihood": "gaussian"}
COVARIANCE = W @ W.T + np.eye(F)


# Missing values


def with_gaps(share=0.4):
    gaps = np.random.default_rng(3).random(X.shape) < share
    gaps[:, 0] = False  # something is always there
    return np.where(gaps, np.nan, X).astype("float32"), gaps


def test_miss_vae_with_nothing_missing_is_iwae():
    ours, theirs = (objectives(linear(name, samples=5), 5) for name in ("miss_vae", "iwae"))
    assert np.allclose(ours, theirs, rtol=1e-4)


def test_the_bound_of_the_values_that_are_there_reaches_their_exact_log_likelihood():
    """log N(x_o; b_o, (W W' + I)_oo): an integral over what is missing."""
    data, gaps = with_gaps()
    model = linear("miss_vae", samples=5000)
    exact = [
        multivariate_normal(B[~gap], COVARIANCE[np.ix_(~gap, ~gap)]).logpdf(x[~gap])
        for x, gap in zip(data, gaps, strict=True)
    ]
    bound = np.mean([_at(model, step, data) for step in range(10)], 0)
    assert np.allclose(bound, exact, atol=0.15) and np.isclose(bound.mean(), np.mean(exact), atol=0.02)


def _at(model, step, data):
    model.step.assign(step)
    return -model.objective(data)[0].numpy()


def test_impute_gives_the_conditional_mean_and_keeps_what_is_there():
    """E[x_m|x_o] = b_m + S_mo S_oo^-1 (x_o - b_o)."""
    data, gaps = with_gaps()
    expected = np.array(data, "float64")
    for x, gap in zip(expected, gaps, strict=True):
        inverse = np.linalg.inv(COVARIANCE[np.ix_(~gap, ~gap)])
        x[gap] = B[gap] + COVARIANCE[np.ix_(gap, ~gap)] @ inverse @ (x[~gap] - B[~gap])
    found = linear("miss_vae", samples=5000).impute(data)
    assert np.array_equal(found[~gaps], data[~gaps])
    assert np.abs(found - expected)[gaps].max() < 0.25 and np.abs(found - expected)[gaps].mean() < 0.04


def test_what_is_missing_has_no_gradient_and_no_nan():
    data, _ = with_gaps()
    model = linear("miss_vae", samples=3)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.objective(data)[0])
    gradients = tape.gradient(loss, model.trainable_weights)
    assert np.isfinite(loss) and all(np.all(np.isfinite(g)) for g in gradients)
    everything = np.full((2, F), np.nan, "float32")
    assert np.allclose(model.likelihood(tf.zeros((2, D))).log_prob(everything), 0.0)


# Clusters


def components(k=4):
    model = zoo.create_model("vade", latent_dim=D, components=k, **SMALL)
    model.prior.logits.assign(RANDOM.normal(size=k))
    model.prior.means.assign(RANDOM.normal(size=(k, D)))
    model.prior.scales.assign(RANDOM.normal(size=(k, D)))
    scales = np.logaddexp(0, model.prior.scales.numpy().astype("float64")) + 1e-4
    return model, softmax(model.prior.logits.numpy().astype("float64")), model.prior.means.numpy(), scales


def test_the_rate_of_vade_equals_brute_force():
    """sum_c g_c (log g_c - log pi_c + KL(q || N_c)), with g_c from Bayes' rule and each KL written out."""
    model, shares, means, scales = components()
    q = model.posterior(X)
    z, m, s = (np.float64(v) for v in (model.draw(q), q.mean(), q.stddev()))
    joint = np.log(shares) + norm(means, scales).logpdf(z[:, None]).sum(-1)
    log_gamma = joint - logsumexp(joint, axis=1, keepdims=True)
    kl = (np.log(scales / s[:, None]) + (s[:, None] ** 2 + (m[:, None] - means) ** 2) / (2 * scales**2) - 0.5).sum(-1)
    expected = (np.exp(log_gamma) * (log_gamma - np.log(shares) + kl)).sum(1)
    assert np.allclose(model.objective(X)[1]["rate"], expected, rtol=1e-3, atol=1e-4)


def test_cluster_is_bayes_rule_at_the_mean_code():
    model, shares, means, scales = components()
    joint = np.log(shares) + norm(means, scales).logpdf(model.encode(X)[:, None]).sum(-1)
    found = model.run("cluster", x=X)
    assert np.allclose(found["probability"], softmax(joint, axis=1), atol=1e-4)
    assert np.array_equal(model.cluster(X), joint.argmax(1))


def test_one_component_that_is_the_standard_normal_is_the_vae():
    model, _, _, _ = components(1)
    model.prior.logits.assign([0.0])
    model.prior.means.assign(np.zeros((1, D)))
    model.prior.scales.assign(np.full((1, D), np.log(np.expm1(1 - 1e-4))))
    plain = zoo.create_model("vae", latent_dim=D, **SMALL)
    for network in ("encoder", "decoder"):
        getattr(plain, network).set_weights(getattr(model, network).get_weights())
    assert np.allclose(model.objective(X)[0], plain.objective(X)[0], rtol=1e-4)


def test_the_rate_of_vade_lies_above_the_divergence_from_the_mixture():
    model, _, _, _ = components()
    q, p = model.posterior(X[:1]), model.prior.distribution()
    z = q.sample(20_000, seed=(0, 1))[:, 0]
    exact = tf.reduce_mean(q.log_prob(z[:, None])[:, 0] - p.log_prob(z))
    many = model.posterior(tf.repeat(X[:1], 20_000, 0))
    assert tf.reduce_mean(kl_to_components(many, z, p)) > exact - 0.05


def test_clusters_start_from_a_mixture_of_the_codes():
    model, centers = zoo.create_model("vade", latent_dim=D, components=3, **SMALL), 8 * RANDOM.normal(size=(3, F))
    truth = np.repeat(np.arange(3), 60)
    data = (centers[truth] + 0.1 * RANDOM.normal(size=(180, F))).astype("float32")
    model.start_clusters(data)
    found = model.cluster(data)
    assert len({(a, b) for a, b in zip(truth, found, strict=True)}) == 3 == len(set(found))
    with pytest.raises(InputError, match="2 examples cannot start 3 clusters"):
        model.start_clusters(data[:2])


# Categories


def test_the_rate_of_categories_equals_enumeration():
    """Over all nine values of two variables, beside the rate of the numbers in closed form."""
    sizes, d = (3, 3), 2
    posterior, prior = Categories(d + 6, sizes), CategoriesPrior(d + 6, sizes)
    outputs = RANDOM.normal(size=(5, 2 * d + 6)).astype("float32")
    q = posterior.distribution(outputs)
    rate, class_rate = prior.rates(q)
    share = [softmax(outputs[:, 4:7].astype("float64"), 1), softmax(outputs[:, 7:].astype("float64"), 1)]
    expected = sum(
        (joint := share[0][:, i] * share[1][:, j]) * np.log(joint * 9) for i, j in product(range(3), repeat=2)
    )
    assert np.allclose(class_rate, expected, rtol=1e-4, atol=1e-6)
    m, s = outputs[:, :2], np.logaddexp(0, outputs[:, 2:4] + 0.5413) + 1e-4
    assert np.allclose(rate, (0.5 * (m**2 + s**2 - 1) - np.log(s)).sum(1), rtol=1e-3, atol=1e-5)
    assert np.allclose(prior.kl(q, None), rate + class_rate)


def test_samples_of_categories_have_their_shares_and_relaxed_ones_tend_to_them():
    n, logits = 50_000, np.float32([1.0, -0.5, 0.3, 0.0])
    uniform = RANDOM.uniform(1e-6, 1, size=(n, 4)).astype("float32")
    exact = one_hot(np.tile(logits, (n, 1)), uniform).numpy()
    share = softmax(logits)
    assert np.all(np.abs(exact.mean(0) - share) < 4 * np.sqrt(share * (1 - share) / n))
    relaxed = one_hot(tf.constant(np.tile(logits, (n, 1))), uniform, 0.5).numpy()
    assert np.allclose(relaxed.sum(1), 1, atol=1e-5) and np.array_equal(relaxed.argmax(1), exact.argmax(1))
    cold = one_hot(tf.constant(np.tile(logits, (n, 1))), uniform, 1e-3).numpy()
    assert np.abs(cold - exact).mean() < 2e-3


def test_the_loss_of_categorical_vae_equals_the_sum_over_all_codes():
    model = zoo.create_model("categorical_vae", variables=2, classes=3, **SMALL)
    share = [softmax(np.float64(part.logits), 1) for part in model.posterior(X).distributions]
    exact = np.zeros(N)
    for i, j in product(range(3), repeat=2):
        code = np.concatenate([np.eye(3)[i], np.eye(3)[j]]).astype("float32")
        weight = share[0][:, i] * share[1][:, j]
        distortion = -np.float64(model.likelihood(np.tile(code, (N, 1))).log_prob(X))
        exact += weight * (distortion + np.log(weight * 9))
    mean, error = excess(objectives(model), exact)
    assert abs(mean) < 4 * error + 2e-3


def test_the_loss_of_joint_vae_holds_each_rate_at_its_capacity():
    words = {"latent_dim": 2, "classes": (3,), "gamma": 7.0, "capacity": 0.4, "class_capacity": 9.0}
    loss, parts = zoo.create_model("joint_vae", **words, **SMALL).objective(X)
    rate, class_rate = np.mean(parts["rate"]), np.mean(parts["class_rate"])
    away = np.abs(rate - 0.4) + np.abs(class_rate - np.log(3))  # at most log 3 can be held
    assert np.isclose(np.mean(loss), np.mean(parts["distortion"]) + 7 * away, rtol=1e-5)


def test_categories_of_joint_vae_are_relaxed_at_its_temperature_while_it_trains():
    words = {"latent_dim": 2, "classes": (3,), "temperature": 0.3, "capacity": 2.0, "class_capacity": 1.0}
    model = zoo.create_model("joint_vae", **words, **SMALL)
    q = model.posterior(X, True)
    drawn = {t: -model.likelihood(model.draw(q, temperature=t), True).log_prob(X) for t in (0.3, 1.0, 2.0)}
    found = model.objective(X, training=True)[1]["distortion"]
    assert np.allclose(found, drawn[0.3], rtol=1e-5)
    assert not np.allclose(drawn[0.3], drawn[1.0], rtol=1e-4) and not np.allclose(drawn[0.3], drawn[2.0], rtol=1e-4)


# Levels


def test_the_product_of_normals_is_the_normalised_product_of_densities():
    a, b = (ladder.normal(RANDOM.normal(size=(1, 2)).astype("float32")) for _ in range(2))
    grid = np.linspace(-15, 15, 30_001, dtype="float32")[:, None]
    density = np.exp(np.float64(a.log_prob(grid)) + np.float64(b.log_prob(grid)))
    expected = density / (density.sum() * (grid[1] - grid[0]))
    assert np.allclose(np.exp(ladder.product(a, b).log_prob(grid)), expected, atol=2e-3)


def test_ladder_rates_are_those_of_its_densities_and_its_weights_have_mean_one():
    model = zoo.create_model("ladder_vae", latent_dim=3, upper=(2, 2), hidden=6, **SMALL)
    for layer in (model.posteriors, model.prior):
        layer.set_weights([0.5 * RANDOM.normal(size=w.shape) for w in layer.weights])
    model.encoder.set_weights([0.1 * w for w in model.encoder.get_weights()])  # near the prior: few weights are large
    q, p = model.posterior(X), model.prior.distribution()
    z = model.draws(q, 4000)
    ratio = np.float64(q.log_prob(z) - p.log_prob(z))
    closed = np.float64([model.prior.kl(q, z[k]) for k in range(200)])
    error = np.hypot(ratio.mean(1).std() / np.sqrt(len(ratio)), closed.mean(1).std() / np.sqrt(len(closed)))
    assert abs(ratio.mean() - closed.mean()) < 4 * error
    z = model.prior.transform(tf.random.stateless_normal((4000, N, 7), (0, 1)))
    weight = np.exp(np.float64(q.log_prob(z) - p.log_prob(z)))  # of p, which is wider than q: no weight is large
    assert abs(np.median(weight.mean(0)) - 1) < 0.1


def test_the_decoder_of_a_ladder_sees_the_first_level_only():
    model = zoo.create_model("ladder_vae", latent_dim=3, upper=(2,), hidden=6, **SMALL)
    z = RANDOM.normal(size=(4, 5)).astype("float32")
    other = z.copy()
    other[:, 3:] += 1
    assert np.array_equal(model.decode(z), model.decode(other))
    other[:, :3] += 1
    assert not np.allclose(model.decode(z), model.decode(other))


# Discrete codes


@pytest.mark.parametrize("levels", [(8, 5, 5, 5), (2, 3), (4, 4, 3)])
def test_fsq_indices_and_codes_are_the_same_thing(levels):
    model = zoo.create_model("fsq_vae", levels=levels, positions=2, **SMALL)
    every = tf.range(model.size)
    codes = model.lookup(every)
    assert len(np.unique(codes, axis=0)) == model.size == np.prod(levels)
    z = tf.constant(RANDOM.uniform(-6 if min(levels) == 2 else -2.5, 2.5, size=(200_000, len(levels))), tf.float32)
    found, indices = model.discretize(z)
    assert np.allclose(model.lookup(indices), found, atol=1e-6)
    assert set(np.unique(indices)) == set(range(model.size))
    assert [len(np.unique(found[:, j])) for j in range(len(levels))] == list(levels)
    assert np.abs(found).max() <= 1.0


def test_fsq_rounds_to_the_nearest_and_passes_the_gradient():
    model = zoo.create_model("fsq_vae", levels=(5, 4), positions=2, **SMALL)
    z = tf.constant(RANDOM.normal(size=(100, 2)), tf.float32)
    found, _ = model.discretize(z)
    assert np.abs(found * np.array([2, 2]) - model.bound(z)).max() <= 0.5 + 1e-5
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.objective(X)[0])
    assert all(np.any(g != 0) for g in tape.gradient(loss, model.encoder.trainable_weights)[:1])


def test_the_loss_of_fsq_vae_and_the_gradient_that_passes_the_rounding():
    """de/dz is that of h tanh(z + s) / floor(L / 2), as if nothing were rounded."""
    model = zoo.create_model("fsq_vae", levels=(5, 4), positions=2, **SMALL)
    with tf.GradientTape() as tape:
        loss, parts = model.objective(X)
        total = tf.reduce_sum(loss)
    z = np.float64(model.posterior(X).mean())
    half, offset = np.array([2.0, 1.5]) * 1.001, np.array([0.0, 0.5])
    inner = z + np.arctanh(offset / half)
    codes = tf.constant((np.round(half * np.tanh(inner) - offset) / 2).astype("float32"))
    with tf.GradientTape() as decoding:
        decoding.watch(codes)
        distortion = -model.likelihood(codes).log_prob(X)
    assert np.allclose(loss, distortion, rtol=1e-5) and np.allclose(parts["distortion"], distortion, rtol=1e-5)
    slope = decoding.gradient(distortion, codes).numpy() * half * (1 - np.tanh(inner) ** 2) / 2
    found = tape.gradient(total, model.encoder.trainable_weights[-1])
    assert np.allclose(found, slope.reshape(len(X), -1).sum(0), rtol=1e-4, atol=1e-5)


def test_each_codebook_of_rq_vae_stands_for_what_is_left():
    model = zoo.create_model("rq_vae", codes=7, depth=3, latent_dim=2, positions=4, decay=0.0, **SMALL)
    for book in model.codebooks:
        book.vectors.assign(RANDOM.normal(size=(7, 2)))
    z = np.float64(model.posterior(X).mean())
    rest, total, codebook, commitment = z.copy(), 0.0, 0.0, 0.0
    for book in model.codebooks:
        vectors = np.float64(book.vectors)
        e = vectors[((rest[..., None, :] - vectors) ** 2).sum(-1).argmin(-1)]
        codebook, total = codebook + ((rest - e) ** 2).sum((1, 2)), total + e
        commitment, rest = commitment + ((z - total) ** 2).sum((1, 2)), rest - e
    found, indices = model.discretize(tf.constant(z, tf.float32))
    assert indices.shape == (N, 4, 3)
    assert np.allclose(found, total, atol=1e-4) and np.allclose(model.lookup(indices), total, atol=1e-4)
    loss, parts = model.objective(X)
    distortion = -np.float64(model.likelihood(total.astype("float32")).log_prob(X))
    assert np.allclose(parts["codebook"], codebook, rtol=1e-3) and np.allclose(
        parts["commitment"], commitment, rtol=1e-3
    )
    assert np.allclose(parts["distortion"], distortion, rtol=1e-3)
    assert np.allclose(loss, distortion + codebook + 0.25 * commitment, rtol=1e-3)


def test_codebooks_of_rq_vae_learn_from_their_own_term_and_the_encoder_by_way_of_its_codes():
    model = zoo.create_model("rq_vae", codes=7, depth=3, latent_dim=2, positions=4, beta=0.5, **SMALL)
    for book in model.codebooks:
        book.vectors.assign(RANDOM.normal(size=(7, 2)))
    with tf.GradientTape(persistent=True) as tape:
        total = tf.reduce_sum(model.objective(X)[0])
    z = model.posterior(X).mean().numpy()
    rest, codes, slope = z.copy(), np.zeros_like(z), 0.0
    for book in model.codebooks:
        vectors = book.vectors.numpy()
        chosen = ((rest[..., None, :] - vectors) ** 2).sum(-1).argmin(-1)
        expected = np.zeros_like(vectors)
        np.add.at(expected, chosen.ravel(), 2 * (vectors[chosen] - rest).reshape(-1, 2))
        found = tf.convert_to_tensor(tape.gradient(total, book.vectors))
        assert np.allclose(found, expected, rtol=1e-3, atol=1e-3)
        codes, rest = codes + vectors[chosen], rest - vectors[chosen]
        slope = slope + 2 * 0.5 * (z - codes)
    codes = tf.constant(codes)
    with tf.GradientTape() as decoding:
        decoding.watch(codes)
        distortion = -tf.reduce_sum(model.likelihood(codes).log_prob(X))
    slope = slope + decoding.gradient(distortion, codes).numpy()
    found = tape.gradient(total, model.encoder.trainable_weights[-1])
    assert np.allclose(found, slope.reshape(len(X), -1).sum(0), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name, words", [("vq_vae", {}), ("rq_vae", {"depth": 3})])
def test_codebooks_that_follow_averages_are_no_part_of_the_loss(name, words):
    words = {"codes": 7, "latent_dim": 2, "positions": 4, "decay": 0.9, **words, **SMALL}
    loss, parts = zoo.create_model(name, beta=0.5, **words).objective(X)
    assert np.allclose(loss, parts["distortion"] + 0.5 * parts["commitment"], rtol=1e-5)
    assert 1.0 <= parts["perplexity"] <= 7.0
    assert np.min(parts["codebook"]) > 0


@pytest.mark.parametrize("name, words", [("vq_vae", {}), ("rq_vae", {"depth": 1})])
@pytest.mark.parametrize("restart, beta", [(0.0, 50.0), (50.0, 0.0)])
def test_vectors_that_are_not_used_begin_again_where_restart_says_so(name, words, restart, beta):
    words = {"codes": 40, "latent_dim": 2, "positions": 1, "decay": 0.9, **words, **SMALL}
    model = zoo.create_model(name, beta=beta, restart=restart, **words)
    book = model.codebook if name == "vq_vae" else model.codebooks[0]
    model.objective(X, training=True)
    assert np.min(book.counts) == 50.0 if restart else np.min(book.counts) < 1.0


def test_moving_averages_resume_exactly(tmp_path):
    words = {"codes": 6, "latent_dim": 2, "positions": 3, "decay": 0.9, "restart": 0.5, **SMALL}
    whole = zoo.create_model("vq_vae", **words)
    whole.compile(jit_compile=False)
    for _ in range(3):
        whole.train_step(X)
    whole.save(tmp_path / "model.keras")
    resumed = keras.models.load_model(tmp_path / "model.keras")
    for model in (whole, resumed):
        for _ in range(3):
            model.train_step(X)
    for a, b in zip(whole.weights, resumed.weights, strict=True):
        assert np.array_equal(a, b), a.name


def test_restart_needs_moving_averages():
    with pytest.raises(InputError, match="restart: needs decay"):
        zoo.create_model("vq_vae", restart=1.0, **SMALL)


# Labels


def test_cvae_whose_networks_do_not_see_the_label_is_the_vae():
    model = zoo.create_model("cvae", latent_dim=D, classes=3, **SMALL)
    plain = zoo.create_model("vae", latent_dim=D, **SMALL)
    encoder, decoder = model.encoder.get_weights(), model.decoder.get_weights()
    encoder[0][F:], decoder[0][D:] = 0.0, 0.0
    model.encoder.set_weights(encoder), model.decoder.set_weights(decoder)
    plain.encoder.set_weights([encoder[0][:F], *encoder[1:]])
    plain.decoder.set_weights([decoder[0][:D], *decoder[1:]])
    assert np.allclose(model.objective(X, np.arange(N) % 3)[0], plain.objective(X)[0], rtol=1e-4)
    assert np.allclose(model.run("classify", x=X)["scores"], plain.score(X)[:, None], rtol=1e-4)


def test_labels_of_cvae():
    model = zoo.create_model("cvae", latent_dim=D, classes=3, **SMALL)
    y = np.arange(N) % 3
    assert np.allclose(model.reconstruct(X, y), model.decode(model.encode(X, y)), atol=1e-5)
    assert np.array_equal(model.encode(X, y)[:, D:], np.eye(3)[y])
    scores = np.stack([model.score(X, k) for k in range(3)], 1)
    assert np.array_equal(model.classify(X), scores.argmin(1))
    assert np.allclose(model.reconstruct(X), model.reconstruct(X, scores.argmin(1)), atol=1e-5)
    drawn = [model.sample(4, seed=1, label=label) for label in (0, 1, [0, 1, 0, 1])]
    assert np.array_equal(drawn[2][::2], drawn[0][::2]) and np.array_equal(drawn[2][1::2], drawn[1][1::2])


@pytest.mark.parametrize(
    "y, message",
    [
        (None, "needs a label for each example"),
        (np.full(N, 3), "labels run from 3 to 3"),
        (-np.ones(N, int), "from -1"),
    ],
)
def test_cvae_refuses_data_that_it_cannot_condition_on(y, message):
    model = zoo.create_model("cvae", latent_dim=D, classes=3, **SMALL)
    model.compile(jit_compile=False)
    with pytest.raises(InputError, match=message):
        model.fit(X, y, verbose=0)


# Real data


DIGITS = load_digits()
IMAGES = np.float32(DIGITS.images[..., None] / 16)


def learned(name, epochs=12, **words):
    keras.utils.set_random_seed(0)
    model = zoo.create_model(name, input_shape=(8, 8, 1), backbone="dense", widths=(64,), **words)
    model.compile(optimizer="adam", jit_compile=False)
    model.optimizer.learning_rate = 3e-3
    y = DIGITS.target if name == "cvae" else None
    history = model.fit(IMAGES, y, batch_size=64, epochs=epochs, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] and not any(history["skipped"])
    assert model.sample(8).std(0).max() > 0.05  # not all the same
    return model, history


QUANTISED = {
    "vq_vae": {"latent_dim": 8, "codes": 32},
    "vq_vae by averages": {"latent_dim": 8, "codes": 32, "decay": 0.95, "restart": 1.0},
    "rq_vae": {"latent_dim": 8, "codes": 16, "depth": 2, "decay": 0.95, "restart": 1.0},
    "fsq_vae": {"levels": (5, 5, 5)},
}


@pytest.mark.parametrize("case", QUANTISED)
def test_discrete_codes_are_in_use_on_digits(case):
    model, history = learned(case.split()[0], **QUANTISED[case])
    assert history["perplexity"][-1] > 2
    assert len(np.unique(model.run("encode", x=IMAGES)["indices"])) > 2


@pytest.mark.parametrize("name", ["ladder_vae", "miss_vae", "vade", "joint_vae", "cvae", "categorical_vae"])
def test_codes_are_in_use_on_digits(name):
    small = {
        "miss_vae": {"samples": 3},
        "joint_vae": {"gamma": 3.0, "latent_dim": 6},
        "categorical_vae": {"variables": 8, "classes": 4},
    }
    slow = name in ("ladder_vae", "categorical_vae")  # they begin with a plateau; the papers warm the rate up
    model, _ = learned(name, 40 if slow else 12, **small.get(name, {"latent_dim": 6}))
    z = model.encode(IMAGES)
    varied = z[:, : getattr(model.posteriors, "numbers", None) or z.shape[1]].var(0)
    assert (varied > 0.01).sum() > 0
    assert np.mean((model.reconstruct(IMAGES) - IMAGES) ** 2) < 0.8 * IMAGES.var(0).mean()
