"""Critics: networks that tell two kinds of input apart by one logit."""

import keras
from keras import layers


def code_critic(latent_dim, widths, name="critic"):
    """[B, D] -> [B, 1]: a leaky multilayer perceptron on codes (Kim & Mnih 2018, Appendix)."""
    hidden = [layers.Dense(w, activation="leaky_relu", name=f"dense_{i}") for i, w in enumerate(widths, 1)]
    return keras.Sequential(
        [keras.Input((latent_dim,)), *hidden, layers.Dense(1, dtype="float32", name="head")], name=name
    )


def pair_critic(network, latent_dim, widths, name="critic"):
    """(x [B, *input_shape], z [B, D]) -> [B, 1]: a network's view of x beside z, then a leaky multilayer perceptron.

    Source: Dumoulin et al. 2016, Appendix A.

    Args:
        network: x -> [B, F].
    """
    x, z = keras.Input(network.input_shape[1:]), keras.Input((latent_dim,))
    seen = layers.LeakyReLU(dtype="float32", name="seen")(network(x))
    judge = code_critic(seen.shape[-1] + latent_dim, widths, name="judge")
    return keras.Model([x, z], judge(layers.Concatenate(dtype="float32", name="pair")([seen, z])), name=name)


def with_features(network, name="critic"):
    """x -> (the last hidden activations of a network, its output)."""
    hidden = [layer for layer in network.layers if isinstance(layer, layers.Activation)][-1]
    return keras.Model(network.inputs[0], [hidden.output, network.outputs[0]], name=name)
