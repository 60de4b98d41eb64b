"""Critics: networks that tell two kinds of input apart by one logit."""

import keras
from keras import layers


def code_critic(latent_dim, widths, name="critic"):
    """[B, D] -> [B, 1]: a leaky multilayer perceptron on codes (Kim & Mnih 2018, Appendix)."""
    hidden = [layers.Dense(w, activation="leaky_relu", name=f"dense_{i}") for i, w in enumerate(widths, 1)]
    return keras.Sequential(
        [keras.Input((latent_dim,)), *hidden, layers.Dense(1, dtype="float32", name="head")], name=name
    )
