"""A loss is the weighted sum of its parts, and each part is what its name says: both again in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, logsumexp
from scipy.stats import norm
from sklearn.datasets import load_digits

import zoo
from zoo import numerics
from zoo.terms.divergences import maximum_mean_discrepancy
from zoo.terms.information import of_choice, of_position

X = np.float32(load_digits().images[:24, ..., None] / 16)
D = 3


def made(name, **words):
    keras.utils.set_random_seed(0)
    small = {"input_shape": (8, 8, 1), "latent_dim": D, "widths": (8, 12)}
    return zoo.create_model(f"{name}_dense", **small, **words)


SUMS = {  # words that are not the defaults, and the loss as a function of the parts
    "vae": ({}, lambda p: p["distortion"] + p["rate"]),
    "beta_vae": ({"beta": 3.0}, lambda p: p["distortion"] + 3.0 * p["rate"]),
    "capacity_vae": (
        {"gamma": 7.0, "capacity": 2.0},
        lambda p: p["distortion"] + 7.0 * np.sign(np.mean(p["rate"]) - 2.0) * (p["rate"] - 2.0),
    ),
    "dip_vae_i": (
        {"lambda_od": 2e4, "lambda_d": 3.0},
        lambda p: p["distortion"] + p["rate"] + 2e4 * p["covariances"] + 3.0 * p["variances"],
    ),
    "dip_vae_ii": (
        {"lambda_od": 2e4, "lambda_d": 3.0},
        lambda p: p["distortion"] + p["rate"] + 2e4 * p["covariances"] + 3.0 * p["variances"],
    ),
    "beta_tc_vae": (
        {"alpha": 2.0, "beta": 3.0, "gamma": 5.0, "dataset_size": 100},
        lambda p: (
            p["distortion"] + 2.0 * p["mutual_information"] + 3.0 * p["total_correlation"] + 5.0 * p["dimension_rate"]
        ),
    ),
    "info_vae": (
        {"alpha": -0.5, "lambda_": 4.0},
        lambda p: p["distortion"] + 1.5 * p["rate"] + 2.5 * p["discrepancy"],
    ),
    "factor_vae": (
        {"gamma": 6.0, "critic_widths": (8,)},
        lambda p: p["distortion"] + p["rate"] + 6.0 * p["total_correlation"],
    ),
    "ae": ({}, lambda p: p["distortion"]),
    "denoising_ae": ({"noise": 0.4}, lambda p: p["distortion"]),
    "sparse_ae": ({"weight": 3.0}, lambda p: p["distortion"] + 3.0 * p["sparsity"]),
    "contractive_ae": ({"weight": 3.0}, lambda p: p["distortion"] + 3.0 * p["contraction"]),
    "rae_l2": (
        {"beta": 2.0, "decay": 3.0},
        lambda p: p["distortion"] + 2.0 * p["code_norm"] + 3.0 * p["decoder_norm"],
    ),
    "wae_mmd": ({"weight": 3.0}, lambda p: p["distortion"] + 3.0 * p["discrepancy"]),
    "aae": ({"weight": 3.0, "critic_widths": (8,)}, lambda p: p["distortion"] + 3.0 * p["encoder_loss"]),
    "vq_vae": ({"beta": 3.0, "codes": 20}, lambda p: p["distortion"] + p["codebook"] + 3.0 * p["commitment"]),
}


@pytest.mark.parametrize("name", SUMS)
def test_the_loss_is_the_weighted_sum_of_the_parts(name):
    words, formula = SUMS[name]
    loss, parts = made(name, **words).objective(X)
    assert np.allclose(loss, formula({part: value.numpy() for part, value in parts.items()}), rtol=1e-5)


def arrays(model):
    """Encoder means and deviations (or None), the sample, and the decoder's outputs, float64."""
    q, z, _ = model.infer(X)
    deviation = q.stddev().numpy().astype("float64") if model.stochastic else None
    return q.mean().numpy().astype("float64"), deviation, z.numpy().astype("float64"), model.decoder(z).numpy()


def cross_entropy(outputs):
    rate = expit(outputs.astype("float64"))
    return -(X * np.log(rate) + (1 - X) * np.log1p(-rate)).sum((1, 2, 3))


def squared_error(outputs):
    return -norm.logpdf(X, outputs).sum((1, 2, 3))


def check(name, **expected):
    """Every part of a variant, with the words of SUMS; the distortion and rate of all are known."""
    model = made(name, **SUMS[name][0])
    m, s, z, outputs = arrays(model)
    known = {"distortion": squared_error(outputs) if s is None else cross_entropy(outputs)}
    if s is not None:
        known["rate"] = (0.5 * (m**2 + s**2 - 1) - np.log(s)).sum(1)
    parts = model.objective(X)[1]
    for part, value in parts.items():
        found = expected.get(part, known.get(part))
        found = found(model, m, s, z) if callable(found) else found
        assert np.allclose(value, found, rtol=1e-4, atol=1e-5), part


def discrepancy(model, m, s, z):
    return maximum_mean_discrepancy(np.float32(z), model.noise("prior", z.shape), 2.0 * D)


@pytest.mark.parametrize("name", ["vae", "beta_vae", "capacity_vae", "ae"])
def test_distortion_and_rate(name):
    check(name)


@pytest.mark.parametrize("name", ["wae_mmd", "info_vae"])
def test_discrepancy_between_codes_and_samples_of_the_prior(name):
    check(name, discrepancy=discrepancy)


def test_parts_of_sparse_ae():
    check("sparse_ae", sparsity=lambda model, m, s, z: np.abs(z).sum(1))


def test_parts_of_rae_l2():
    check(
        "rae_l2",
        code_norm=lambda model, m, s, z: 0.5 * (z**2).sum(1),
        decoder_norm=lambda model, m, s, z: sum((w**2).sum() for w in model.decoder.get_weights()),
    )


def test_parts_of_contractive_ae():
    def contraction(model, m, s, z):
        x = tf.constant(X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            codes = model.encoder(x)
        return (tape.batch_jacobian(codes, x).numpy() ** 2).sum((1, 2, 3, 4))

    check("contractive_ae", contraction=contraction)


def test_denoising_ae_restores_the_data_from_a_corrupted_copy():
    model = made("denoising_ae", noise=0.4)
    corrupted = X + 0.4 * model.noise("corruption", X.shape)
    assert np.allclose(model.objective(X)[0], squared_error(model.decoder(model.encoder(corrupted)).numpy()), rtol=1e-5)


@pytest.mark.parametrize("name", ["dip_vae_i", "dip_vae_ii"])
def test_parts_of_dip_vae(name):
    def spread(m, s):
        return np.cov(m.T, bias=True) + (np.diag((s**2).mean(0)) if name == "dip_vae_ii" else 0.0)

    check(
        name,
        covariances=lambda model, m, s, z: (spread(m, s)[~np.eye(D, dtype=bool)] ** 2).sum(),
        variances=lambda model, m, s, z: ((np.diag(spread(m, s)) - 1) ** 2).sum(),
    )


def test_parts_of_beta_tc_vae():
    def densities(m, s, z):
        each = norm.logpdf(z[:, None], m[None], s[None])  # [B, B, D]
        count = np.log(len(X) * 100)
        return each, logsumexp(each.sum(2), 1) - count, (logsumexp(each, 1) - count).sum(1)

    def information(model, m, s, z):
        each, joint, _ = densities(m, s, z)
        return np.diagonal(each.sum(2)) - joint

    def correlation(model, m, s, z):
        _, joint, marginals = densities(m, s, z)
        return joint - marginals

    def dimensions(model, m, s, z):
        return densities(m, s, z)[2] - norm.logpdf(z).sum(1)

    check("beta_tc_vae", mutual_information=information, total_correlation=correlation, dimension_rate=dimensions)


@pytest.mark.parametrize("free", [0.0, 0.02, 50.0])
def test_free_bits_vae(free):
    model = made("free_bits_vae", free_nats=free)
    m, s, _, outputs = arrays(model)
    rates = 0.5 * (m**2 + s**2 - 1) - np.log(s)
    paid = np.where(rates.mean(0) > free, rates, free).sum(1)
    loss, parts = model.objective(X)
    assert np.allclose(loss, cross_entropy(outputs) + paid, rtol=1e-5)
    assert np.allclose(parts["rate"], rates.sum(1), rtol=1e-4)
    assert np.allclose(parts["distortion"], cross_entropy(outputs), rtol=1e-5)


def test_parts_of_vq_vae():
    model = made("vq_vae", beta=3.0, codes=20)
    model.codebook.vectors.assign(np.random.default_rng(0).normal(size=(20, D)) * 0.1)
    z, vectors = model.encoder(X).numpy(), model.codebook.vectors.numpy()
    chosen = ((z[..., None, :] - vectors) ** 2).sum(-1).argmin(-1)
    e = vectors[chosen]
    share = np.bincount(chosen.ravel(), minlength=20) / chosen.size
    used = share[share > 0]
    distance = ((z - e) ** 2).reshape(len(X), -1).sum(1)
    loss, parts = model.objective(X)
    expected = {
        "distortion": squared_error(model.decoder(e).numpy()),
        "codebook": distance,
        "commitment": distance,
        "perplexity": np.exp(-(used * np.log(used)).sum()),
    }
    assert all(np.allclose(parts[part], value, rtol=1e-4) for part, value in expected.items())
    assert np.allclose(loss, expected["distortion"] + 4.0 * distance, rtol=1e-4)


def test_vq_vae_moves_vectors_to_codes_and_codes_to_vectors():
    """The codebook learns from its own term only, and the encoder by way of its codes and by its commitment."""
    model = made("vq_vae", beta=3.0, codes=20)
    model.codebook.vectors.assign(np.random.default_rng(0).normal(size=(20, D)) * 0.1)
    with tf.GradientTape(persistent=True) as tape:
        z = model.posterior(X).mean()
        tape.watch(z)
        loss = tf.reduce_sum(model.objective(X)[0])
    z, vectors = z.numpy(), model.codebook.vectors.numpy()
    chosen = ((z[..., None, :] - vectors) ** 2).sum(-1).argmin(-1)
    expected = np.zeros_like(vectors)
    np.add.at(expected, chosen.ravel(), 2 * (vectors[chosen] - z).reshape(-1, D))
    found = tf.convert_to_tensor(tape.gradient(loss, model.codebook.vectors))
    assert np.allclose(found, expected, rtol=1e-3, atol=1e-4)
    bias = model.encoder.trainable_weights[-1]
    codes = tf.constant(vectors[chosen])
    with tf.GradientTape() as inner:
        inner.watch(codes)
        distortion = -tf.reduce_sum(model.likelihood(codes).log_prob(X))
    slope = inner.gradient(distortion, codes).numpy() + 2 * 3.0 * (z - vectors[chosen])
    assert np.allclose(tape.gradient(loss, bias), slope.reshape(len(X), -1).sum(0), rtol=1e-3, atol=1e-3)


# Players


def softplus(x):
    return np.logaddexp(0, np.asarray(x, np.float64))[:, 0]


def test_aae_plays_codes_against_samples_of_the_prior():
    model = made("aae", critic_widths=(8,))
    z = model.encoder(X)
    loss, parts = model.critic_objective(X)
    samples = model.noise("prior", z.shape)
    assert np.allclose(loss, softplus(-model.critic(samples)) + softplus(model.critic(z)), rtol=1e-5)
    assert np.allclose(parts["critic_loss"], loss)
    check("aae", encoder_loss=lambda model, m, s, z: softplus(-model.critic(np.float32(z))))


def test_factor_vae_plays_codes_against_permuted_codes():
    model = made("factor_vae", critic_widths=(8,))
    z = model.draw(model.posterior(X), "critic").numpy()
    order = model.noise("permutation", z.shape).numpy()
    permuted = np.stack([z[np.argsort(order[:, j]), j] for j in range(D)], 1)
    loss, parts = model.critic_objective(X)
    assert np.allclose(loss, softplus(-model.critic(z)) + softplus(model.critic(permuted)), rtol=1e-5)
    assert np.allclose(parts["critic_loss"], loss)
    check("factor_vae", total_correlation=lambda model, m, s, z: model.critic(np.float32(z))[:, 0])


def opponents(name, **words):
    """A GAN without normalization, and its logits of the data and of the two players' samples."""
    model = made(name, normalization="none", **words)
    fakes = {stream: model.generator(model.noise(stream, [len(X), D])).numpy() for stream in ("generator", "critic")}
    fakes = {stream: expit(outputs) for stream, outputs in fakes.items()}
    return model, fakes, {"x": model.critic(X).numpy()} | {s: model.critic(f).numpy() for s, f in fakes.items()}


def test_gan():
    model, _, logits = opponents("gan")
    assert np.allclose(model.objective(X)[0], softplus(-logits["generator"]), rtol=1e-4)
    assert np.allclose(model.critic_objective(X)[0], softplus(-logits["x"]) + softplus(logits["critic"]), rtol=1e-4)


def test_lsgan():
    model, _, logits = opponents("lsgan")
    (ours, won), (theirs, lost) = model.objective(X), model.critic_objective(X)
    assert np.allclose(ours, 0.5 * (logits["generator"][:, 0] - 1) ** 2, rtol=1e-4)
    assert np.allclose(theirs, 0.5 * (logits["x"][:, 0] - 1) ** 2 + 0.5 * logits["critic"][:, 0] ** 2, rtol=1e-4)
    assert np.allclose(won["generator_loss"], ours) and np.allclose(lost["critic_loss"], theirs)


def test_wgan_gp():
    model, fakes, logits = opponents("wgan_gp", penalty=3.0)
    assert np.allclose(model.objective(X)[0], -logits["generator"][:, 0], rtol=1e-4)
    share = numerics.uniform([len(X), 1, 1, 1], model.key("between")).numpy()
    between = tf.constant(share * X + (1 - share) * fakes["critic"])
    with tf.GradientTape() as tape:
        tape.watch(between)
        value = model.critic(between)
    lengths = np.sqrt((tape.gradient(value, between).numpy() ** 2).sum((1, 2, 3)))
    wasserstein = (logits["x"] - logits["critic"])[:, 0]
    loss, parts = model.critic_objective(X)
    assert np.allclose(parts["wasserstein"], wasserstein, rtol=1e-3, atol=1e-5)
    assert np.allclose(parts["slope"], (lengths - 1) ** 2, rtol=1e-3)
    assert np.allclose(loss, -wasserstein + 3.0 * (lengths - 1) ** 2, rtol=1e-3)


@pytest.mark.parametrize("player", ["generator", "critic"])
def test_info_gan_pays_for_the_choice_and_for_the_positions_that_the_critic_reads(player):
    words = {"choices": 3, "positions": 2, "weight": 2.0, "position_weight": 0.3}
    model = made("info_gan", normalization="none", **words)
    inputs = {"noise": (D,), "uniform": (3,)}
    z, choice, position = model.code(**model.random(inputs, [len(X)], player))
    verdict = model.critic(model(z)).numpy().astype("float64")
    logits, means, raw = verdict[:, 1:4], verdict[:, 4:6], verdict[:, 6:8]
    chosen, placed = of_choice(np.float32(logits), choice), of_position(np.float32(means), np.float32(raw), position)
    loss, parts = model.objective(X) if player == "generator" else model.critic_objective(X)
    fake, real = softplus(verdict[:, :1]), softplus(-model.critic(X).numpy()[:, :1])
    expected = softplus(-verdict[:, :1]) if player == "generator" else real + fake
    assert np.allclose(parts[f"{player}_loss"], expected, rtol=1e-4)
    assert np.allclose(loss, expected - 2.0 * chosen - 0.3 * placed, rtol=1e-4)
    if player == "generator":
        assert np.allclose(parts["information"], chosen + placed, rtol=1e-4, atol=1e-5)
