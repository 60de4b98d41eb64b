"""scikit-learn's handwritten digits as a TFDS data set, built from the installed package without a network."""

import contextlib
import io
import os
import tempfile
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

from ..errors import WriteError
from .source import cache_folder

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


def prepared():
    """The builder with its files in the cache folder; the first call writes them.

    The files are made in a folder beside and renamed into place, so two processes at once do no harm: one of them wins.

    Raises:
        WriteError: the cache folder cannot be written.
    """
    cache = cache_folder() / "tfds"
    place = cache / "digits" / str(Digits.VERSION)
    if not (place / "dataset_info.json").exists():
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix="digits.") as scratch:
                _prepare_quietly(Digits(data_dir=scratch))
                _move_unless_there(Path(scratch) / "digits" / str(Digits.VERSION), place)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else error
            raise WriteError(
                f"cannot write the cache {cache} ({reason}); set ZOO_CACHE to a folder that can be"
            ) from None
    return Digits(data_dir=str(cache))


def _prepare_quietly(builder):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        builder.download_and_prepare()


def _move_unless_there(made, place):
    try:
        os.rename(made, place)
    except OSError:
        if not (place / "dataset_info.json").exists():
            raise
