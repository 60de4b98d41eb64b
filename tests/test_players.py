"""The games with an encoder or a second task: their losses written again, and whose gradient reaches whom."""

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import zoo

IMAGES = np.float32(load_digits().images[:24, ..., None] / 16)


def made(name, **words):
    keras.utils.set_random_seed(0)
    return zoo.create_model(name, **{"input_shape": (8, 8, 1), "latent_dim": 6, "widths": (8, 12), **words})


def softplus(x):
    return np.logaddexp(0.0, np.asarray(x, np.float64))


def gradients(function, weights):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(function())
    return tape.gradient(loss, weights, unconnected_gradients="zero")


def near(found, expected):
    scale = max(float(np.abs(e).max()) for e in expected)
    return scale > 0 and all(np.allclose(f, e, atol=1e-4 * scale) for f, e in zip(found, expected, strict=True))


def test_vae_gan_gives_encoder_and_decoder_the_gradients_of_the_algorithm():
    """Each network by itself, from its own loss, with no trick: L_E for the encoder and L_G for the decoder."""
    model = made("vae_gan_dense", gamma=0.3)

    def pieces():
        q = model.posterior(IMAGES)
        z = model.draw(q)
        again, new = model.generated(z, False), model.new(q, "code", False)
        (seen, _), (seen_again, logit), (_, logit_new) = (model.critic(x) for x in (IMAGES, again, new))
        likeness = 0.5 * tf.reduce_sum((seen - seen_again) ** 2, 1)
        deception = tf.nn.softplus(-logit)[:, 0] + tf.nn.softplus(-logit_new)[:, 0]
        return model.prior.kl(q, z), likeness, deception

    def ours():
        return model.objective(IMAGES)[0]

    def of_encoder():
        rate, likeness, _ = pieces()
        return rate + likeness

    def of_decoder():
        _, likeness, deception = pieces()
        return 0.3 * likeness + deception

    encoder, decoder = model.encoder.trainable_weights, model.decoder.trainable_weights
    assert near(gradients(ours, encoder), gradients(of_encoder, encoder))
    assert near(gradients(ours, decoder), gradients(of_decoder, decoder))
    rate, likeness, deception = pieces()
    assert np.allclose(ours(), rate + 0.3 * likeness + deception, rtol=1e-5)


def test_vae_gan_looks_at_the_last_hidden_layer_of_its_critic():
    model = made("vae_gan_dense")
    seen, logit = model.critic(IMAGES)
    head = model.critic.get_layer("head")
    assert seen.shape == (24, 12) and np.allclose(logit, head(seen), atol=1e-6)


def test_vae_gan_has_a_critic_of_three_kinds():
    model = made("vae_gan_dense")
    q = model.posterior(IMAGES)
    real, again, new = (
        model.critic(x)[1][:, 0]
        for x in (IMAGES, model.generated(model.draw(q, "critic"), False), model.new(q, "critic", False))
    )
    expected = softplus(-real) + softplus(again) + softplus(new)
    assert np.allclose(model.critic_objective(IMAGES)[0], expected, rtol=1e-5)


def test_bigan_players_want_the_opposite_of_each_other():
    model = made("bigan_conv")
    real, fake = (np.float64(logit) for logit in model.judged(IMAGES, "critic", False))
    assert np.allclose(model.critic_objective(IMAGES)[0], softplus(-real) + softplus(fake), rtol=1e-5)
    real, fake = (np.float64(logit) for logit in model.judged(IMAGES, "generator", False))
    assert np.allclose(model.objective(IMAGES)[0], softplus(real) + softplus(-fake), rtol=1e-5)


def test_bigan_pairs_data_with_their_codes_and_codes_with_their_samples():
    model = made("bigan_dense")
    z = np.random.default_rng(0).normal(size=(24, 6)).astype("float32")
    model.prior.transform = lambda noise: tf.constant(z)
    real, fake = model.judged(IMAGES, "critic", False)
    ours = model.critic([tf.constant(IMAGES), tf.constant(model.encode(IMAGES))])
    theirs = model.critic([tf.constant(model.decode(z)), tf.constant(z)])
    assert np.allclose(real, ours[:, 0], atol=1e-5) and np.allclose(fake, theirs[:, 0], atol=1e-5)


def test_the_code_of_info_gan_is_noise_a_choice_and_positions():
    model = made("info_gan_dense", choices=4, positions=3)
    uniform = np.random.default_rng(0).uniform(size=(4000, 4)).astype("float32")
    uniform[0] = 1.0
    z, choice, position = model.code(tf.zeros([4000, 6]), tf.constant(uniform))
    assert z.shape == (4000, 6 + 4 + 3) and np.all(np.sum(choice, 1) == 1)
    assert np.allclose(np.mean(choice, 0), 0.25, atol=4 * np.sqrt(0.25 * 0.75 / 4000))
    assert np.allclose(position, 2 * uniform[:, 1:] - 1) and np.allclose(
        z[:, 6:], np.concatenate([choice, position], 1)
    )


def test_both_players_of_info_gan_want_the_codes_to_be_legible():
    """The critic's loss falls by what the heads know; and with weights of 0 the game is that of the GAN."""
    model, plain = made("info_gan_dense"), made("info_gan_dense", weight=0.0, position_weight=0.0)
    plain.set_weights(model.get_weights())
    for player, stream in (("objective", "generator"), ("critic_objective", "critic")):
        fake, legible, _ = model.judged(stream, IMAGES, False)
        real = model.critic(IMAGES)[:, 0]
        game = softplus(-fake) if player == "objective" else softplus(-real) + softplus(fake)
        assert np.allclose(getattr(plain, player)(IMAGES)[0], game, rtol=1e-5)
        assert np.allclose(getattr(model, player)(IMAGES)[0], game - legible, rtol=1e-4, atol=1e-5)
