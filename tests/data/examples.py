"""Pictures to test with."""

import numpy as np
from PIL import Image


def noise(seed, shape, dtype=np.uint8):
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    return (np.random.default_rng(seed).random(shape) * top).astype(dtype)


def save(path, pixels, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **kwargs)
    return path
