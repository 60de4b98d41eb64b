"""Draws docs/overview.png, the picture of the README, with the pretrained models.

python docs/overview.py
"""

from pathlib import Path

import numpy as np

import zoo
from zoo import figures

COLUMNS = 14

if __name__ == "__main__":
    ae, vae, gan = (zoo.load_model(name) for name in ("ae_conv.mnist", "vae_conv.mnist", "gan_conv.mnist"))
    digits = zoo.presets.data_for(vae.preset, "digits", resize="model").test.x[:COLUMNS]
    digits = vae.preset.preprocessor.apply(digits)
    x = np.resize(ae.preset.examples(), (COLUMNS, *ae.example_shape))
    a, b = vae.preset.examples()[:2]
    figures.strips(
        {
            "data": x,
            "autoencoder": ae.reconstruct(x),
            "unseen data": digits,
            "autoencoder ": ae.reconstruct(digits),
            "VAE: morphing": vae.interpolate(a, b, steps=COLUMNS),
            "VAE: samples": vae.sample(COLUMNS, seed=1),
            "GAN: samples": gan.sample(COLUMNS, seed=1),
        },
        Path(__file__).parent / "overview.png",
    )
