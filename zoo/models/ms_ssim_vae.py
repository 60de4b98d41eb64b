"""VAE with a structural similarity loss."""

from typing import Literal

from ..base import Autoencoder
from ..catalog import register
from ..domains import Count, NonNegative
from ..errors import InputError
from ..terms.perceptual import multiscale_similarity, scales


@register(family="probabilistic", paper="https://arxiv.org/abs/1511.06409", backbones=("dense", "conv"))
class MSSSIMVAE(Autoencoder):
    """Reconstructs the structure of an image at several scales rather than its pixels.

    Loss (Snell et al. 2017, with the rate weighted against a similarity that is at most 1):
        L(x) = E_q(z|x)[1 - MS-SSIM(x, g(z))] + beta KL(q(z|x) || p(z)),   g(z) the mean of p(x|z)

    Scores and bounds are measured under the likelihood, which training does not see.

    Args:
        beta: weight of the rate.
        window: side in pixels of the squares that are compared; 11 in Wang et al. 2003, less for small images.
        likelihood: "bernoulli", whose means are images in [0, 1].
    """

    parts = ("dissimilarity", "rate")

    def __init__(
        self, *, beta: NonNegative = 0.01, window: Count = 3, likelihood: Literal["bernoulli"] = "bernoulli", **kwargs
    ):
        super().__init__(likelihood=likelihood, **kwargs)
        shape = self.example_shape
        if len(shape) != 3 or not scales(shape[:2], window):
            raise InputError(
                f"ms_ssim_vae compares images (H, W, C) of at least {window}x{window} pixels; got shape {shape}",
                key="window" if len(shape) == 3 else "input_shape",
            )
        self.beta, self.window = beta, window

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        dissimilarity = 1.0 - multiscale_similarity(x, p.mean(), self.window)
        rate = self.prior.kl(q, z)
        return dissimilarity + self.beta * rate, {"dissimilarity": dissimilarity, "rate": rate}
