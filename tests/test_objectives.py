"""The loss of a variant, written again in NumPy from the arrays that it is made of."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

import zoo
from zoo import catalog
from zoo.distributions.likelihoods import MOMENTUM
from zoo.errors import InputError
from zoo.terms.perceptual import WEIGHTS

from .test_exact_math import N, W, X, linear, objectives

IMAGES = np.float32(load_digits().images[:24, ..., None] / 16)
RANDOM = np.random.default_rng(0)


def made(name, **words):
    keras.utils.set_random_seed(0)
    words = {"input_shape": (8, 8, 1), "latent_dim": 6, "widths": (8, 12), **words}
    return zoo.create_model(name, **words)


def squares(x, axis=None):
    return (np.asarray(x, np.float64).reshape(len(x), -1) ** 2).sum(1)


def gaussian(x, mean):
    """-log N(x; mean, I) of every example."""
    return 0.5 * (squares(np.asarray(x) - mean) + np.prod(x.shape[1:]) * np.log(2 * np.pi))


def rate(q):
    """KL(q || N(0, I)) of every example."""
    m, s = (np.asarray(a, np.float64) for a in (q.mean(), q.stddev()))
    return (0.5 * (m**2 + s**2 - 1) - np.log(s)).sum(1)


# Deterministic


def test_k_sparse_ae_decodes_the_k_largest_numbers_of_the_code():
    model = made("k_sparse_ae_dense", active=2)
    dense = model.encoder(IMAGES).numpy()
    order = np.argsort(-dense, 1)
    sparse = np.zeros_like(dense)
    np.put_along_axis(sparse, order[:, :2], np.take_along_axis(dense, order[:, :2], 1), 1)
    assert np.allclose(model.encode(IMAGES), sparse, atol=1e-6)
    loss, parts = model.objective(IMAGES, training=True)
    assert np.allclose(loss, gaussian(IMAGES, model.decoder(sparse)), rtol=1e-5)
    assert np.allclose(loss, parts["distortion"])


def test_k_sparse_ae_that_keeps_all_is_the_ae():
    model, plain = made("k_sparse_ae_conv", active=6), made("ae_conv")
    plain.set_weights(model.get_weights())
    assert np.allclose(model.objective(IMAGES)[0], plain.objective(IMAGES)[0], rtol=1e-6)


def test_rae_gp_adds_half_the_code_and_the_slope_of_the_decoder():
    model = linear("rae_gp", posterior="normal", beta=0.3, penalty=0.7)
    q = model.posterior(X)
    z = model.draw(q).numpy()
    loss, parts = model.objective(X)
    distortion, code_norm = gaussian(X, model.decoder(z)), 0.5 * squares(z)
    slope = squares(model.noise("direction", X.shape).numpy() @ W)
    assert np.allclose(loss, distortion + 0.3 * code_norm + 0.7 * slope, rtol=1e-4)
    for name, expected in {"distortion": distortion, "code_norm": code_norm, "decoder_slope": slope}.items():
        assert np.allclose(parts[name], expected, rtol=1e-4), name


def test_rae_gp_estimates_the_squared_jacobian_without_bias():
    losses = {penalty: linear("rae_gp", posterior="normal", penalty=penalty) for penalty in (0.0, 1.0)}
    slopes = (objectives(losses[1.0], 300) - objectives(losses[0.0], 300)).mean(1)
    assert abs(slopes.mean() - (W**2).sum()) < 4 * slopes.std() / np.sqrt(300)


def test_swae_matches_sorted_codes_with_sorted_samples_on_every_line():
    model = made("swae_dense", projections=7, weight=2.5)
    z = model.encode(IMAGES)
    loss, parts = model.objective(IMAGES)
    lines = model.noise("directions", [7, 6]).numpy()
    lines /= np.linalg.norm(lines, axis=1, keepdims=True)
    samples = model.noise("prior", z.shape).numpy()
    distances = (np.sort(z @ lines.T, 0) - np.sort(samples @ lines.T, 0)) ** 2
    assert np.isclose(parts["transport"], distances.mean(), rtol=1e-4)
    assert np.allclose(loss, gaussian(IMAGES, model.decode(z)) + 2.5 * distances.mean(), rtol=1e-5)


# Probabilistic


def test_log_cosh_vae():
    model = made("log_cosh_vae_dense", sharpness=4.0)
    q, z, _p = model.infer(IMAGES)
    loss, parts = model.objective(IMAGES)
    error = IMAGES - model.decoder(z).numpy()
    expected = (np.log(np.cosh(4.0 * error.astype("float64"))) / 4.0).sum((1, 2, 3))
    constant = parts["distortion"] - expected
    assert np.allclose(constant, constant[0], rtol=1e-4) and np.isclose(constant[0], -64 * log_density_at_zero(4.0))
    assert np.allclose(loss, parts["distortion"] + rate(q), rtol=1e-5)
    assert np.allclose(parts["rate"], rate(q), rtol=1e-4)


def log_density_at_zero(a):
    t = np.linspace(-40, 40, 400_001)
    return -np.log(np.trapezoid(np.exp(-(np.logaddexp(a * t, -a * t) - np.log(2)) / a), t))


def test_sigma_vae_uses_the_best_standard_deviation_of_the_batch():
    model = made("sigma_vae_dense")
    q, z, _ = model.infer(IMAGES)
    error = np.float64(IMAGES - model.decoder(z).numpy())
    best = np.sqrt((error**2).mean())
    expected = squares(error) / (2 * best**2) + 64 * (np.log(best) + 0.5 * np.log(2 * np.pi))
    loss, parts = model.objective(IMAGES, training=True)
    assert np.allclose(parts["distortion"], expected, rtol=1e-4)
    assert np.allclose(loss, expected + rate(q), rtol=1e-4)


def test_sigma_vae_judges_by_the_running_standard_deviation():
    model = made("sigma_vae_dense")
    before = model.objective(IMAGES)[0]
    assert np.allclose(before, made("vae_dense", likelihood="gaussian").objective(IMAGES)[0], rtol=1e-5)
    model.objective(IMAGES, training=True)
    sigma = np.exp(float(model.observation.log_sigma))
    q, _z, p = model.infer(IMAGES)
    error = squares(IMAGES - p.mean())
    expected = error / (2 * sigma**2) + 64 * (np.log(sigma) + 0.5 * np.log(2 * np.pi)) + rate(q)
    assert sigma < 1.0 and np.isclose(np.log(sigma), (1 - MOMENTUM) * 0.5 * np.log(error.sum() / 64 / 24), rtol=1e-3)
    assert np.allclose(model.objective(IMAGES)[0], expected, rtol=1e-4)
    assert not any("log_sigma" in w.path for w in model.trainable_weights)


def test_ms_ssim_vae():
    model = made("ms_ssim_vae_dense", beta=0.2, input_shape=(16, 16, 1))
    x = np.repeat(np.repeat(IMAGES, 2, 1), 2, 2)
    _, _, p = model.infer(x)
    x = (0.5 * x + 0.5 * p.mean()).numpy()  # like enough for the similarity of TensorFlow, which has no floor
    q, _z, p = model.infer(x)
    powers = (np.array(WEIGHTS[:3]) / sum(WEIGHTS[:3])).tolist()
    similarity = tf.image.ssim_multiscale(x, p.mean(), 1.0, power_factors=powers, filter_size=3)
    loss, parts = model.objective(x)
    assert np.all(similarity > 0.02)
    assert np.allclose(parts["dissimilarity"], 1 - similarity, atol=1e-5)
    assert np.allclose(loss, 1 - similarity + 0.2 * rate(q), atol=1e-5)


def features(shape, kernels):
    """A Keras model that gives a convolution of an image for each kernel."""
    image = keras.Input(shape)
    layers = [keras.layers.Conv2D(k.shape[-1], k.shape[:2], use_bias=False) for k in kernels]
    network = keras.Model(image, [layer(image) for layer in layers])
    network.set_weights(kernels)
    return network


@pytest.mark.parametrize("channels, seen", [(1, 1), (3, 3), (3, 1)])
def test_dfc_vae(channels, seen):
    kernels = [
        RANDOM.normal(size=(1, 1, seen, 2)).astype("float32"),
        RANDOM.normal(size=(1, 1, seen, 5)).astype("float32"),
    ]
    shape = (8, 8, channels)
    model = made("dfc_vae_dense", input_shape=shape, features=features((8, 8, seen), kernels), alpha=0.5, beta=3.0)
    x = RANDOM.uniform(size=(9, *shape)).astype("float32")
    q, _z, p = model.infer(x)
    error, expected = x - p.mean().numpy(), 0.0
    for kernel in kernels:
        apart = error[..., None] if seen < channels else error[..., None, :]  # [B, H, W, times, seen]
        expected = expected + 0.5 * ((apart @ kernel[0, 0]) ** 2).mean((1, 2, 3, 4))
    loss, parts = model.objective(x)
    assert np.allclose(parts["feature_distance"], expected, rtol=1e-4)
    assert np.allclose(loss, 0.5 * rate(q) + 3.0 * expected, rtol=1e-4)


def test_dfc_vae_sees_with_the_encoder_of_a_preset():
    model, preset = made("dfc_vae_dense", input_shape=(28, 28, 1)), zoo.load_model("vae_conv.mnist")
    x = RANDOM.uniform(size=(3, 28, 28, 1)).astype("float32")
    conv = [layer for layer in preset.encoder.layers if isinstance(layer, keras.layers.Conv2D)]
    expected = x
    for level, found in zip(conv, model.features(x), strict=True):
        expected = tf.nn.relu(level(expected))
        assert np.allclose(found, expected, atol=1e-5)
    assert not {id(w) for w in model.features.weights} & {id(w) for w in model.trainable_weights}


# Bounds of many samples: the gradient is not that of the value


def gradients(model):
    """(the loss of every example, the gradient of its sum for the encoder, that for the decoder)."""
    with tf.GradientTape() as tape:
        loss = model.objective(X, training=True)[0]
        total = tf.reduce_sum(loss)
    ours, theirs = model.encoder.trainable_weights, model.decoder.trainable_weights
    found = [g.numpy() for g in tape.gradient(total, [*ours, *theirs])]
    return loss.numpy(), found[: len(ours)], found[len(ours) :]


def close(found, expected, rtol=1e-3):
    return all(np.allclose(a, b, rtol=rtol, atol=1e-3) for a, b in zip(found, expected, strict=True))


def test_piwae_teaches_the_encoder_by_the_miwae_and_the_decoder_by_the_iwae():
    loss, encoder, decoder = gradients(linear("piwae", estimates=2, samples=3))
    bound, iwae_encoder, iwae_decoder = gradients(linear("iwae", samples=6))
    _, miwae_encoder, miwae_decoder = gradients(linear("miwae", estimates=2, samples=3))
    assert np.allclose(loss, bound, rtol=1e-5)
    assert close(encoder, miwae_encoder) and not close(encoder, iwae_encoder)
    assert close(decoder, iwae_decoder) and not close(decoder, miwae_decoder)


def test_piwae_takes_m_bounds_of_k():
    """With M = 6 bounds of one sample the encoder's loss is the evidence lower bound."""
    _, encoder, _ = gradients(linear("piwae", estimates=6, samples=1))
    _, expected, _ = gradients(linear("miwae", estimates=6, samples=1))
    assert close(encoder, expected)


@pytest.mark.parametrize("name", ["piwae", "dreg_iwae"])
def test_the_prior_learns_with_the_decoder(name):
    found = {}
    for each in (name, "iwae"):
        keras.utils.set_random_seed(0)
        words = {"estimates": 2, "samples": 3} if each == "piwae" else {"samples": 6}
        model = linear(each, prior="mixture", **words)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model.objective(X, training=True)[0])
        found[each] = [g.numpy() for g in tape.gradient(loss, model.prior.trainable_weights)]
    assert close(found[name], found["iwae"])


@pytest.mark.parametrize("name, words", [("piwae", {"estimates": 2, "samples": 3}), ("dreg_iwae", {"samples": 6})])
def test_the_parts_are_those_of_the_iwae(name, words):
    found, expected = linear(name, **words).objective(X)[1], linear("iwae", samples=6).objective(X)[1]
    assert found.keys() == expected.keys()
    assert all(np.allclose(found[part], expected[part], rtol=1e-4, atol=1e-4) for part in found)


def test_dreg_iwae_is_the_iwae_for_the_decoder():
    loss, encoder, decoder = gradients(linear("dreg_iwae", samples=6))
    bound, iwae_encoder, iwae_decoder = gradients(linear("iwae", samples=6))
    assert np.allclose(loss, bound, rtol=1e-5) and close(decoder, iwae_decoder)
    assert not close(encoder, iwae_encoder)


def test_dreg_iwae_follows_its_definition_for_the_encoder():
    """Slopes of log w at each sample, by hand, weighted by squared normalised weights."""
    model = linear("dreg_iwae", samples=4)
    q = model.posterior(X)
    m, s = q.mean().numpy().astype("float64"), q.stddev().numpy().astype("float64")
    z = model.draws(q, 4).numpy().astype("float64")
    b = model.decoder.get_weights()[1]
    error = X - (z @ W.T + b)
    log_w = -0.5 * (error**2).sum(-1) - 0.5 * (z**2).sum(-1) + (0.5 * ((z - m) / s) ** 2 + np.log(s)).sum(-1)
    w = np.exp(log_w - log_w.max(0))
    w = (w / w.sum(0))[..., None]
    slope = -(w**2) * (error @ W - z + (z - m) / s**2)
    raw = model.encoder(X).numpy().astype("float64")[:, m.shape[1] :] + 0.5413
    by_mean, by_raw = slope.sum(0), (slope * (z - m) / s).sum(0) / (1 + np.exp(-raw))
    expected = np.concatenate([by_mean, by_raw], 1).sum(0)
    _, (_, bias), _ = gradients(model)
    assert np.allclose(bias, expected, rtol=1e-3, atol=1e-3)


def test_dreg_iwae_has_the_mean_of_the_iwae_and_less_noise():
    found = {}
    for name in ("dreg_iwae", "iwae"):
        model, draws = linear(name, samples=8), []
        step = tf.function(
            lambda model=model: tf.gradients(model.objective(X)[0], model.encoder.trainable_weights[1])[0]
        )
        for number in range(400):
            model.step.assign(number)
            draws.append(step().numpy() / N)
        found[name] = np.array(draws, np.float64)
    difference = found["dreg_iwae"] - found["iwae"]
    assert np.all(np.abs(difference.mean(0)) < 4 * difference.std(0) / np.sqrt(len(difference)))
    assert np.all(found["dreg_iwae"].std(0) < found["iwae"].std(0))


def test_dreg_iwae_leaves_a_perfect_encoder_alone():
    """At the exact posterior every weight is p(x), whatever the sample: no slope, no noise."""
    _, encoder, _ = gradients(linear("dreg_iwae", exact=True, samples=5))
    _, noisy, _ = gradients(linear("iwae", exact=True, samples=5))
    assert np.abs(encoder[1]).max() < 1e-2 < np.abs(noisy[1]).max()


# What has no meaning is refused by name


NONSENSE = {
    "more than the whole code": (
        ("k_sparse_ae_dense", {"active": 7}),
        "active must not exceed latent_dim 6, the length of a code; got 7",
    ),
    "a code that is random": (("k_sparse_ae_dense", {"posterior": "normal"}), "posterior"),
    "a prior that gives no samples": (("swae_dense", {"prior": "mixture"}), "prior"),
    "a likelihood without its shape": (("log_cosh_vae_dense", {"likelihood": "gaussian"}), "likelihood"),
    "another deviation": (("sigma_vae_dense", {"likelihood": "gaussian"}), "likelihood"),
    "structure of a table": (("ms_ssim_vae_dense", {"input_shape": (20,)}), "compares images (H, W, C)"),
    "a window that does not fit": (
        ("ms_ssim_vae_conv", {"window": 9}),
        "at least 9x9 pixels; got shape (8, 8, 1)",
    ),
    "features of a table": (("dfc_vae_dense", {"input_shape": (20,)}), "features: take images"),
    "features of no network": (("dfc_vae_conv", {"features": 3}), "features: needs a Keras model"),
    "features of no preset": (("dfc_vae_conv", {"features": "vae_conv.minst"}), "no preset 'minst'"),
    "features of a dense preset": (("dfc_vae_conv", {"features": "vae_dense.mnist"}), "no convolutions"),
    "features of another size": (
        ("dfc_vae_conv", {"features": features((9, 8, 1), [np.ones((1, 1, 1, 2))])}),
        "features: take images (9, 8, 1); this model has examples of shape (8, 8, 1)",
    ),
}


PROBABILISTIC = [
    name
    for name, entry in catalog.catalogue().items()
    if entry.family == "probabilistic" and "posterior" in entry.words
]


@pytest.mark.parametrize("variant", PROBABILISTIC)
def test_a_bound_of_codes_that_are_points_is_refused(variant):
    with pytest.raises(InputError, match="posterior: "):
        made(variant, backbone="dense", posterior="deterministic")


@pytest.mark.parametrize("case", NONSENSE, ids=lambda case: case.replace(" ", "-"))
def test_a_combination_without_meaning_is_refused_by_name(case):
    (name, words), message = NONSENSE[case]
    with pytest.raises(InputError) as refused:
        made(name, **words)
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_the_constructor_says_that_names_of_presets_are_for_create_model():
    with pytest.raises(InputError, match=r"zoo\.create_model the name of a preset"):
        catalog.load_class("dfc_vae")(input_shape=(8, 8, 1))
