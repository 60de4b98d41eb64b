import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from zoo.terms.perceptual import WEIGHTS, feature_distance, multiscale_similarity, scales

RANDOM = np.random.default_rng(0)


def images(size, channels=1, n=5):
    """Smooth pictures and noisy copies of them."""
    smooth = gaussian_filter(RANDOM.uniform(size=(n, *size, channels)), (0, 1, 1, 0))
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    noisy = np.clip(0.1 + 0.8 * smooth + 0.05 * RANDOM.normal(size=smooth.shape), 0, 1)
    return tf.constant(smooth, tf.float32), tf.constant(noisy, tf.float32)


@pytest.mark.parametrize(
    "size, window, count", [((8, 8), 3, 2), ((28, 28), 3, 4), ((64, 40), 11, 2), ((200, 180), 11, 5)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_it_equals_that_of_tensorflow(size, window, count, channels):
    a, b = images(size, channels)
    powers = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    expected = tf.image.ssim_multiscale(a, b, 1.0, power_factors=powers.tolist(), filter_size=window)
    assert scales(size, window) == count
    assert np.allclose(multiscale_similarity(a, b, window), expected, atol=1e-5)


def test_odd_sizes_are_halved_upwards():
    a, b = images((9, 7))
    assert scales((9, 7), 3) == 2 and scales((9, 7), 4) == 2 and scales((9, 7), 5) == 1
    padded = [tf.pad(image, [[0, 0], [0, 1], [0, 1], [0, 0]], "SYMMETRIC") for image in (a, b)]
    halved = [tf.nn.avg_pool2d(image, 2, 2, "VALID") for image in padded]
    kernel_weights = np.array(WEIGHTS[:2]) / sum(WEIGHTS[:2])
    coarse = tf.image.ssim(*halved, 1.0, filter_size=3)
    fine = tf.image.ssim_multiscale(a, b, 1.0, power_factors=[1.0], filter_size=3)
    whole = multiscale_similarity(a, b, 3)
    assert np.all(np.isfinite(whole)) and whole.shape == (5,)
    # the structure of the fine scale is its similarity without luminance, hence at least the similarity itself
    assert np.all(whole >= fine ** kernel_weights[0] * coarse ** kernel_weights[1] - 1e-5)


def test_no_scale_fits_a_window_larger_than_the_image():
    assert scales((8, 20), 9) == 0


def test_an_image_is_like_itself_and_unlike_its_negative():
    a, _ = images((16, 16))
    assert np.allclose(multiscale_similarity(a, a, 3), 1.0, atol=1e-5)
    assert np.all(multiscale_similarity(a, 1.0 - a, 3) < 0.3)


def test_gradients_are_finite_where_images_are_unlike():
    a, _ = images((16, 16))
    for other in (1.0 - a, tf.zeros_like(a), tf.random.stateless_uniform(a.shape, [1, 2])):
        with tf.GradientTape() as tape:
            tape.watch(other)
            loss = tf.reduce_sum(multiscale_similarity(a, other, 3))
        assert np.all(np.isfinite(tape.gradient(loss, other)))


def test_feature_distance_is_half_the_mean_of_squares():
    a, b = RANDOM.normal(size=(4, 3, 2, 5)), RANDOM.normal(size=(4, 3, 2, 5))
    assert np.allclose(feature_distance(a, b), 0.5 * ((a - b) ** 2).mean((1, 2, 3)))
