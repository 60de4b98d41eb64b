"""Melodies and chorales as TFDS data sets, built from the scores that music21 carries without a network."""

import numpy as np
import tensorflow_datasets as tfds

from . import notes

TUNES = """1,059 fiddle tunes of Ryan's Mammoth Collection (Boston 1883), one voice, as steps of a sixteenth, transposed
to a key signature without sharps and flats; repeats are not played twice."""

CHORALES = """Chorales of J. S. Bach for four voices, in the order of Riemenschneider, as steps of a sixteenth,
transposed to a key signature without sharps and flats."""

LICENCE = "music out of copyright; encodings as music21 distributes them (corpus/license.txt of the package)"


class Scores(tfds.core.GeneratorBasedBuilder):
    """Scores: "words" [T * voices], see `zoo.data.notes.read`, "bars" [B] where whole bars begin, "meter"; "train"."""

    VERSION = tfds.core.Version("1.0.0")
    SKIP_REGISTERING = True
    voices = 1

    def _info(self):
        features = {
            "words": tfds.features.Sequence(tfds.features.Text()),
            "bars": tfds.features.Tensor(shape=(None,), dtype=np.int32),
            "meter": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.description,
            features=tfds.features.FeaturesDict(features),
            homepage="https://www.music21.org",
            license=LICENCE,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number, path in enumerate(self.paths()):
            score = notes.read(path, self.voices)
            if score is not None:
                yield number, {**score, "bars": np.array(score["bars"], np.int32)}


class Tunes(Scores):
    """Fiddle tunes."""

    RELEASE_NOTES = {"1.0.0": "The tunes of music21's corpus."}  # noqa: RUF012 - the name TFDS asks for
    description = TUNES

    def paths(self):
        """The files of the tunes."""
        return sorted(p for p in notes.music21().corpus.getPaths() if p.parent.name == "ryansMammoth")


class Chorales(Scores):
    """Chorales for four voices."""

    RELEASE_NOTES = {"1.0.0": "The chorales of music21's corpus."}  # noqa: RUF012 - the name TFDS asks for
    description = CHORALES
    voices = 4

    def paths(self):
        """The files of the chorales, one for each; of several encodings the last."""
        corpus = notes.music21().corpus
        found = map(corpus.getWork, corpus.chorales.Iterator(returnType="filename"))
        return [paths[-1] if isinstance(paths, list) else paths for paths in found]
