"""Shapes on black with known factors, as a TFDS data set that is drawn here: the ground truth of disentanglement.

After dSprites (Matthey et al. 2017), with shapes that no rotation maps onto themselves, so that a picture tells all
factors. The grid of all factor values is complete: 3 x 4 x 12 x 12 x 12 = 20,736 pictures.
"""

import math

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image, ImageDraw

SIDE, TILE, SHARP = 64, 31, 8  # pixels of a picture, of a shape, and how much larger it is drawn before it is reduced
FACTORS = {
    "shape": ("heart", "triangle", "ell"),
    "scale": (8.0, 10.0, 12.0, 14.0),  # pixels from the centre to the farthest point
    "rotation": tuple(30.0 * i for i in range(12)),  # degrees, counter-clockwise
    "x": tuple(range(15, 49, 3)),  # column of the centre
    "y": tuple(range(15, 49, 3)),  # row of the centre
}
SIZES = tuple(map(len, FACTORS.values()))

DESCRIPTION = """White shapes on black, 64x64: a heart, an isosceles triangle and the letter L, each in 4 sizes, 12
rotations, 12 columns and 12 rows. Every picture comes with the numbers of its five factor values."""


class Sprites(tfds.core.GeneratorBasedBuilder):
    """Images [64, 64, 1], uint8; labels are shapes; factors [5] number the values in FACTORS; one split, "train"."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "20,736 pictures of three shapes."}  # noqa: RUF012 - the name TFDS asks for

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(SIDE, SIDE, 1), dtype=np.uint8),
            "label": tfds.features.ClassLabel(names=FACTORS["shape"]),
            "factors": tfds.features.Tensor(shape=(len(FACTORS),), dtype=np.int64),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            license="drawn by this program: free of rights",
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number, factors in enumerate(np.ndindex(*SIZES)):
            if factors[3:] == (0, 0):
                tile = draw(*(values[i] for values, i in zip(FACTORS.values(), factors[:3], strict=False)))
            image = np.zeros((SIDE, SIDE, 1), np.uint8)
            left, top = (FACTORS[name][i] - TILE // 2 for name, i in zip("xy", factors[3:], strict=True))
            image[top : top + TILE, left : left + TILE, 0] = tile
            yield number, {"image": image, "label": factors[0], "factors": np.array(factors)}


def draw(shape, scale, rotation):
    """A shape in the middle of [TILE, TILE], uint8, with smooth edges."""
    large = Image.new("L", (TILE * SHARP,) * 2)
    turn, middle = math.radians(rotation), TILE * SHARP / 2
    x, y = outline(shape).T * scale * SHARP
    points = zip(
        middle + x * math.cos(turn) - y * math.sin(turn), middle - x * math.sin(turn) - y * math.cos(turn), strict=True
    )
    ImageDraw.Draw(large).polygon([(float(px), float(py)) for px, py in points], fill=255)
    return np.asarray(large.resize((TILE, TILE), Image.Resampling.BOX))


def outline(shape):
    """Corners [K, 2], x to the right and y up, the middle of their box at 0 and the farthest at distance 1."""
    if shape == "heart":
        t = np.linspace(0, 2 * math.pi, 200, endpoint=False)
        y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        points = np.stack([16 * np.sin(t) ** 3, y], axis=1)
    elif shape == "triangle":
        points = np.array([(-1.0, -2.0), (1.0, -2.0), (0.0, 2.0)])
    else:
        points = np.array([(-1.0, 2.0), (0.0, 2.0), (0.0, -1.0), (2.0, -1.0), (2.0, -2.0), (-1.0, -2.0)])
    points = points - (points.max(axis=0) + points.min(axis=0)) / 2
    return points / np.linalg.norm(points, axis=1).max()
