"""Deep feature consistent VAE."""

import tensorflow as tf

from ..base import Autoencoder
from ..catalog import register
from ..domains import Features, NonNegative
from ..networks.features import check, features_of
from ..terms.perceptual import feature_distance


@register(family="probabilistic", paper="https://arxiv.org/abs/1610.00291", backbones=("dense", "conv"))
class DFCVAE(Autoencoder):
    """Reconstructs what a trained network sees in an image rather than its pixels.

    Loss (Hou et al. 2017), with the features F_l of a network that is not trained and g(z) the mean of p(x|z):
        L(x) = alpha KL(q(z|x) || p(z)) + beta E_q(z|x)[sum_l 1/2 mean (F_l(x) - F_l(g(z)))^2]

    Scores and bounds are measured under the likelihood, which training does not see.

    Args:
        alpha: weight of the rate.
        beta: weight of the distance of the features. It is 0.5 in the paper, whose network has features some hundred
            times larger than those of the preset; with a weight too small for the features no code is used.
        features: a Keras model that takes images [B, H, W, C] and gives a tensor or a list of them, or the name of a
            preset, whose encoder's convolutions serve images of any size. One that takes grey images sees each channel
            of coloured ones by itself.
    """

    parts = ("feature_distance", "rate")

    def __init__(
        self, *, alpha: NonNegative = 1.0, beta: NonNegative = 20_000.0, features: Features = "vae_conv.mnist", **kwargs
    ):
        super().__init__(**kwargs)
        self.features = check(features, self.example_shape)
        self.alpha, self.beta = alpha, beta

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        pairs = zip(features_of(self.features, x), features_of(self.features, p.mean()), strict=True)
        distance = tf.add_n([feature_distance(ours, theirs) for ours, theirs in pairs])
        rate = self.prior.kl(q, z)
        return self.alpha * rate + self.beta * distance, {"feature_distance": distance, "rate": rate}
