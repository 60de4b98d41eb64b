"""Scores as steps of a sixteenth, and back as MIDI, through music21."""

import io

import numpy as np
import pytest

from zoo import data, notation
from zoo.data import notes
from zoo.data.tokens import Vocabulary
from zoo.errors import InputError

ABC = """X:1
T:A scale
M:2/4
L:1/16
K:G
D2|G4 A2B2|c3d e4|z2 (3DEF {a}G2 AB|c8|
"""
MANY = Vocabulary("steps", ("rest", "hold", *map(str, range(40, 90))))


@pytest.fixture
def abc(tmp_path):
    pytest.importorskip("music21", reason="the extra music is not installed")
    path = tmp_path / "a.abc"
    path.write_text(ABC)
    return path


def test_a_score_is_transposed_and_put_on_the_grid(abc):
    found = notes.read(abc)
    assert (found["meter"], found["bars"]) == ("2/4", [2, 10, 18, 26])
    heard = MANY.notes(MANY.numbers(found["words"], "a"))[0]
    up = 5  # from G to C
    expected = [(62, 0, 2), (67, 2, 6), (69, 6, 8), (71, 8, 10), (72, 10, 13), (74, 13, 14), (76, 14, 18)]
    assert heard[:7] == [(pitch + up, start, stop) for pitch, start, stop in expected]
    assert found["words"][18:20] == ["rest", "rest"] and heard[-1] == (72 + up, 26, 34)


def test_a_score_of_too_few_voices_is_none(abc):
    assert notes.read(abc, voices=4) is None


def test_midi_holds_the_notes(tmp_path):
    music21 = pytest.importorskip("music21", reason="the extra music is not installed")
    upper, lower = ["60", "hold", "rest", "64", "65", "hold"], ["48", "hold", "hold", "hold", "50", "hold"]
    vocabulary = Vocabulary("steps", ("rest", "hold", "48", "50", "60", "64", "65"), 2)
    tune = vocabulary.numbers([word for step in zip(upper, lower, strict=True) for word in step], "a")
    notation.write_midi(vocabulary, tune[None], tmp_path / "a.mid")
    heard = music21.converter.parse(str(tmp_path / "a.mid"))
    found = sorted(
        (p.midi, float(n.getOffsetInHierarchy(heard)), float(n.quarterLength))
        for n in heard.recurse().notes
        for p in n.pitches
    )
    assert found == [(48, 0, 1), (50, 1, 0.5), (60, 0, 0.5), (64, 0.75, 0.25), (65, 1, 0.5)]


def test_without_music21_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "music21", None)
    with pytest.raises(InputError, match=r"need music21; pip install 'autoencoder-zoo\[music\]'"):
        notes.midi_bytes([[(60, 0, 4)]])


def test_tunes_are_a_data_set(abc, monkeypatch, tmp_path):
    from zoo.data import tunes

    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    monkeypatch.setattr(tunes.Tunes, "paths", lambda self: [abc, abc])
    bundle = data.load("tunes", length=8, validation=0, test=0)
    assert (bundle.kind, bundle.shape[0], bundle.preprocessor.vocabulary.unit) == ("tokens", 8, "steps")
    assert bundle.classes == ("2/4",) and bundle.train.y.tolist() == [0] * len(bundle.train)
    assert len(np.unique(bundle.train.x, axis=0)) == len(bundle.train) > 2
    with pytest.raises(InputError, match="there are tunes, chorales and chorales:soprano"):
        data.load("tunes:soprano")


@pytest.mark.parametrize("draw", ["grid", "reconstructions", "interpolation", "before_after"])
@pytest.mark.parametrize("unit", ["steps", "characters", "words"])
def test_pictures(draw, unit, tmp_path):
    from PIL import Image

    words = {"steps": MANY.words, "characters": ("", *"abc$_"), "words": ("", "one", "two", "$x$")}[unit]
    vocabulary = Vocabulary(unit, words)
    x = np.random.default_rng(0).integers(len(words), size=(6, 16))
    p = data.Preprocessor.from_tokens(x, vocabulary)
    inputs = {"grid": [x], "reconstructions": [x, x[::-1]], "interpolation": [x[None]], "before_after": [x, x[::-1], x]}
    getattr(notation.pictures(p), draw)(*inputs[draw], tmp_path / "a.png")
    picture = np.asarray(Image.open(io.BytesIO((tmp_path / "a.png").read_bytes())))
    assert picture.shape[1] >= 1500 and picture.min() < 150 and picture.mean() > 150
