"""Distances of images that weigh what people see."""

import tensorflow as tf

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, from fine to coarse (Wang et al. 2003)
LUMINANCE, CONTRAST = 0.01**2, 0.03**2  # keep quotients of dark and of flat windows finite (Wang et al. 2004)
LEAST = 1e-3  # of a similarity that is raised to a power below 1, whose slope at 0 is not finite


def scales(size, window):
    """How many times images of (H, W) can be halved, from 1 to 5, until a window does not fit; 0 where none does."""
    small = min(size)
    return sum(-(-small // 2**level) >= window for level in range(len(WEIGHTS)))


def multiscale_similarity(a, b, window):
    """MS-SSIM of every pair of images, [B], at most 1 (Wang et al. 2003).

    Each window is weighted by a Gaussian of 1.5 pixels. Small images have fewer scales than five, with the weights of
    the first ones, made to sum to 1. Every similarity counts as 0.001 at least.

    Args:
        a, b: images in [0, 1], [B, H, W, C]; H and W are known.
        window: its side in pixels.
    """
    count, channels = scales(a.shape[1:3], window), a.shape[-1]
    kernel, product = _gaussian(window, channels), 1.0
    for level, weight in enumerate(WEIGHTS[:count]):
        whole, structure = _similarity(a, b, kernel)
        last = level == count - 1
        product *= tf.maximum(whole if last else structure, LEAST) ** (weight / sum(WEIGHTS[:count]))
        if not last:
            a, b = (tf.nn.avg_pool2d(image, 2, 2, "SAME") for image in (a, b))
    return tf.reduce_mean(product, -1)


def feature_distance(a, b):
    """Half the mean of squared differences of features, [B, ...] -> [B] (Hou et al. 2017)."""
    return 0.5 * tf.reduce_mean((a - b) ** 2, tf.range(1, tf.rank(a)))


def _gaussian(window, channels):
    """[window, window, channels, 1], each channel's numbers with sum 1."""
    line = tf.nn.softmax(-0.5 * ((tf.range(window, dtype=tf.float32) - (window - 1) / 2) / 1.5) ** 2)
    return tf.tile((line[:, None] * line)[..., None, None], [1, 1, channels, 1])


def _similarity(a, b, kernel):
    """(luminance x structure, structure) of every channel, means over windows, [B, C]."""

    def blur(image):
        return tf.nn.depthwise_conv2d(image, kernel, [1, 1, 1, 1], "VALID")

    mean_a, mean_b = blur(a), blur(b)
    product, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    luminance = (2.0 * product + LUMINANCE) / (squares + LUMINANCE)
    structure = (2.0 * (blur(a * b) - product) + CONTRAST) / (blur(a**2 + b**2) - squares + CONTRAST)
    return tf.reduce_mean(luminance * structure, [1, 2]), tf.reduce_mean(structure, [1, 2])
