"""Sequences (T, C): tokens through the categorical likelihood, on the recurrent and the convolutional backbone."""

import keras
import numpy as np
import pytest

import zoo
from zoo.errors import InputError

STEPS, TOKENS = 10, 6


def melodies(count, seed=0):
    """One-hot [N, T, C]: scales that begin anywhere, up or down."""
    rng = np.random.default_rng(seed)
    start, way = rng.integers(TOKENS, size=(count, 1)), rng.choice([-1, 1], size=(count, 1))
    return np.eye(TOKENS, dtype="float32")[(start + way * np.arange(STEPS)) % TOKENS]


def made(backbone, variant="vae", **words):
    keras.utils.set_random_seed(0)
    words = {"input_shape": (STEPS, TOKENS), "latent_dim": 4, "widths": (24,), "likelihood": "categorical", **words}
    model = zoo.create_model(variant, backbone=backbone, **words)
    model.compile(optimizer=keras.optimizers.Adam(1e-2), jit_compile=False)
    return model


@pytest.mark.parametrize(
    ("backbone", "variant", "words", "epochs"), [("lstm", "beta_vae", {"beta": 0.1}, 30), ("conv", "vae", {}, 15)]
)
def test_tokens_are_learned(backbone, variant, words, epochs):
    model = made(backbone, variant, **words)
    model.fit(melodies(512), batch_size=32, epochs=epochs, verbose=0)
    x = melodies(200, seed=1)
    accuracy = np.mean(model.reconstruct(x).argmax(-1) == x.argmax(-1))
    most_common = x.mean((0, 1)).max()
    print(f"{backbone}: token accuracy {accuracy:.3f}, most common token {most_common:.3f}")
    assert accuracy > most_common + 0.3


def test_probabilities_of_tokens_sum_to_one():
    assert np.allclose(made("lstm").sample(5, seed=1).sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("words", [{}, {"widths": (8, 12), "normalization": "layer"}])
def test_the_lstm_exports_with_builtin_operations_only(words, tmp_path):
    report = zoo.export(made("lstm", **words), tmp_path / "out")
    assert {"encode", "decode", "reconstruct", "sample", "score"} <= {row.signature for row in report.rows}
    assert not [name for name in report.operations if name.startswith("Flex") or "WHILE" in name]


@pytest.mark.parametrize(("shape", "other"), [((8, 8, 1), "conv"), ((12,), "dense")])
def test_the_lstm_refuses_what_is_no_sequence(shape, other):
    with pytest.raises(InputError, match=rf"lstm backbone takes sequences.*use the {other} backbone"):
        made("lstm", input_shape=shape, likelihood="gaussian")


def test_the_lstm_refuses_codes_with_places():
    with pytest.raises(InputError, match="one code for a whole sequence"):
        made("lstm", "vq_vae")
