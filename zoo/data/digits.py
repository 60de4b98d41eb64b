"""scikit-learn's handwritten digits as a TFDS data set, built from the installed package without a network."""

import numpy as np
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

DESCRIPTION = """1,797 handwritten digits of 13 writers, 8x8 pixels, ten classes: the test set of the UCI data
set "Optical Recognition of Handwritten Digits", as scikit-learn carries it. Pixel counts 0..16 are scaled to 0..255."""

LICENCE = "CC BY 4.0 (E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, https://doi.org/10.24432/C50P49)"

CITATION = """@misc{alpaydin1998optical,
  author = {Alpaydin, E. and Kaynak, C.},
  title = {Optical Recognition of Handwritten Digits},
  year = {1998},
  howpublished = {UCI Machine Learning Repository},
  doi = {10.24432/C50P49}
}"""


class Digits(tfds.core.GeneratorBasedBuilder):
    """Images [8, 8, 1], uint8; labels 0 to 9; one split, "train"."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The 1,797 digits of scikit-learn."}  # noqa: RUF012 - the name TFDS asks for

    def _info(self):
        image = tfds.features.Image(shape=(8, 8, 1), dtype=np.uint8)
        return tfds.core.DatasetInfo(
            builder=self,
            description=DESCRIPTION,
            features=tfds.features.FeaturesDict({"image": image, "label": tfds.features.ClassLabel(num_classes=10)}),
            supervised_keys=("image", "label"),
            homepage="https://archive.ics.uci.edu/dataset/80",
            citation=CITATION,
            license=LICENCE,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        images, labels = load_digits(return_X_y=True)
        images = np.rint(images.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield i, {"image": image, "label": int(label)}
