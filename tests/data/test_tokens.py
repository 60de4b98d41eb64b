"""Texts and tunes as sequences of tokens: cut, numbered, and given back."""

import json
import math

import numpy as np
import pytest

from zoo import metrics
from zoo.data import Preprocessor, describe, load, tokens
from zoo.data.source import Source
from zoo.data.tokens import Piece, Vocabulary
from zoo.errors import InputError


@pytest.fixture
def text(tmp_path):
    """write(text) -> the spec of a file that holds it."""

    def write(content, name="a.txt"):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return f"text:{tmp_path / name}"

    return write


def words(count):
    """Different words of three letters."""
    return [f"{a}{b}{c}" for a in "abcde" for b in "fghij" for c in "klmno"][:count]


def all_of(bundle):
    return np.concatenate([split.x for split in bundle.splits.values()])


def said(call, *args, **options):
    with pytest.raises(InputError) as caught:
        call(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Texts


def test_lines_come_back_as_they_were(text):
    lines = [*words(60), "über", "", "  tail "]
    bundle = load(text("\n".join(lines)))
    vocabulary = bundle.preprocessor.vocabulary
    assert (bundle.kind, bundle.shape, bundle.train.x.dtype) == ("tokens", (4, len(vocabulary)), np.uint8)
    assert sorted(map(vocabulary.text, all_of(bundle))) == sorted([*words(60), "über", "tail"])
    assert describe(bundle)["examples"] == [vocabulary.text(row) for row in bundle.train.x[:3]]


def test_one_hot_and_back(text):
    import tensorflow as tf

    bundle = load(text("\n".join(words(40))))
    x = bundle.train.x
    values = bundle.preprocessor.apply(x)
    assert values.shape == (*x.shape, bundle.shape[-1]) and values.dtype == np.float32
    assert np.all(values.sum(-1) == 1) and np.array_equal(bundle.preprocessor.invert(values), x)
    assert np.array_equal(bundle.preprocessor.apply(tf.constant(x)), values)


def test_words_are_told_from_marks_and_joined_as_in_english(text):
    line = "It's well-known (says he): good, isn't it?"
    bundle = load(text(f"{line}\nno.\nyes!"), unit="words", validation=0, test=0)
    vocabulary = bundle.preprocessor.vocabulary
    assert {"It's", "well-known", "(", ",", "isn't"} <= set(vocabulary.words)
    assert line in map(vocabulary.text, bundle.train.x)


def test_rare_words_are_one(text, monkeypatch):
    monkeypatch.setattr(tokens, "MOST_WORDS", 2)
    bundle = load(text("a a a b b c\na b d"), unit="words", validation=0, test=0)
    assert bundle.preprocessor.vocabulary.words == ("", "<unk>", "a", "b")
    assert sorted(map(bundle.preprocessor.vocabulary.text, bundle.train.x)) == ["a a a b b <unk>", "a b <unk>"]
    assert any("22.2%" in note or "most frequent" in note for note in bundle.notes)


def test_windows_of_running_text_hold_all_but_the_rest(text):
    running = "abcde fgh\nij  klmno pq" * 5
    bundle = load(text(running), cut="windows", length=6, validation=0, test=0)
    clean = " ".join(running.split())
    expected = [clean[i : i + 6] for i in range(0, len(clean) - 5, 6)]
    assert sorted(map(bundle.preprocessor.vocabulary.text, bundle.train.x)) == sorted(expected)


def test_splits_depend_on_the_lines_alone(text):
    few, more = (load(text("\n".join(words(n)), f"{n}.txt")) for n in (80, 125))
    before, after = ({p.preprocessor.vocabulary.text(row) for row in p.test.x} for p in (few, more))
    assert before and before == {word for word in after if word in words(80)}


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (
            "abc\nabcdef",
            {"length": 4},
            "line 2 has 6 characters; a sequence has 4; give a larger length, or cut=windows",
        ),
        ("a" * 600, {}, "line 1 has 600 characters; give a length, and cut=windows"),
        ("abc def", {"cut": "windows"}, "the longest piece has 7 characters; a window takes 64"),
        ("", {}, "0 samples; at least 2 are needed"),
        (b"\xff\xfe", {}, "not UTF-8 text (byte 0)"),
        ("a\0b\nc", {}, "holds a zero byte"),
        ("ab\ncd", {"unit": "letters"}, "unit='letters': need one of characters, words"),
        ("ab\ncd", {"cut": "pages"}, "cut='pages': need one of lines, windows"),
        ("ab\ncd", {"length": 0}, "length=0: need a whole number from 1 to 10,000"),
        ("ab\ncd", {"resize": (8, 8)}, "resize and channels are for images"),
    ],
)
def test_one_line_on_what_is_wrong(text, content, options, expected):
    assert expected in said(load, text(content), **options)


def test_a_file_that_is_not_there(tmp_path):
    assert "this file does not exist" in said(load, f"text:{tmp_path / 'none.txt'}")
    assert "this file is a folder" in said(load, f"text:{tmp_path}")


# A model's own vocabulary


def test_data_for_a_model_are_numbered_as_its_own(text):
    model = load(text("\n".join(words(50)))).preprocessor
    bundle = load(text("fan\na\nba", "b.txt"), preprocessor=model)
    assert bundle.preprocessor == model and bundle.shape == model.shape
    assert sorted(map(model.vocabulary.text, all_of(bundle))) == ["a", "ba", "fan"]


def test_what_a_model_does_not_know(text, tmp_path):
    model = load(text("\n".join(words(50)))).preprocessor
    assert "line 2 holds 'z', which the model does not know" in said(load, text("ab\nbaz", "b.txt"), preprocessor=model)
    assert "has 4 characters; a sequence has 3" in said(load, text("fan\nfabo", "c.txt"), preprocessor=model)
    assert "length=9; the model takes sequences of 3" in said(load, text("fan", "d.txt"), preprocessor=model, length=9)
    images = load("digits").preprocessor
    assert "the model takes images of 8x8x1" in said(load, text("fan", "e.txt"), preprocessor=images)


def test_arrays_of_whole_numbers():
    x = np.random.default_rng(0).integers(0, 300, (50, 7))
    bundle = load(x, kind="tokens")
    assert bundle.shape == (7, x.max() + 1) and bundle.train.x.dtype == np.int32
    assert bundle.preprocessor.vocabulary.unit == "numbers"
    assert "tokens must be whole numbers; found 0.5" in said(load, x * 0 + 0.5, kind="tokens")
    assert "tokens run from -1" in said(load, x - 1 - x.min(), kind="tokens")


def test_the_preprocessor_round_trips(text):
    p = load(text("ab\ncd\nefg")).preprocessor
    assert Preprocessor.from_json(p.to_json()) == p


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"vocabulary": None}, "needs a vocabulary"),
        ({"vocabulary": {"unit": "characters", "words": ["", "a"], "voices": 1}}, "does not go with shape"),
        ({"vocabulary": {"unit": "x", "words": ["", "a", "b", "c"], "voices": 1}}, "unit must be one of"),
        ({"vocabulary": {"unit": "words", "words": ["", "a", "a", "c"], "voices": 1}}, "two different texts or more"),
        ({"vocabulary": {"unit": "words", "words": ["", "a", "b", 3], "voices": 1}}, "two different texts or more"),
        ({"vocabulary": {"unit": "words", "words": ["", "a", "b", "c"], "voices": 2}}, "voices must be a whole number"),
        ({"vocabulary": {"unit": "steps", "words": ["rest", "a", "b", "c"], "voices": 1}}, "numbers 0 to 127"),
        ({"vocabulary": {"unit": "words"}}, "needs unit, voices and words"),
        ({"kind": "sequence"}, "has no vocabulary"),
    ],
)
def test_a_damaged_vocabulary_is_refused(text, change, expected):
    fields = json.loads(load(text("ab\nca\naab")).preprocessor.to_json())
    assert expected in said(Preprocessor.from_json, json.dumps({**fields, **change}))


# Tunes


def source(pieces, voices=1):
    return Source("toy", "toy", {}, "tokens", pieces=pieces, unit="steps", voices=voices)


def scale(count, start=0):
    return [str(60 + (start + i) % 24) for i in range(count)]


def cut(pieces, length, voices=1):
    return tokens.encode(source(pieces, voices), length, "characters", "lines")


def test_windows_of_a_tune_begin_with_bars_and_lie_half_over_each_other():
    found = cut([Piece(scale(40, 0), "a", starts=range(2, 40, 4))], 8)
    first = [found.vocabulary.text(row).split()[0] for row in found.parts["train"].x]
    assert first == [scale(40)[i] for i in (2, 6, 10, 14, 18, 22)]  # those of 26 and 30 stand at 2 and 6 already


def test_windows_of_one_tune_fall_into_one_split():
    rng = np.random.default_rng(0)
    pieces = [Piece([str(n) for n in rng.integers(40, 100, 64)], f"{i}", starts=range(0, 64, 8)) for i in range(30)]
    found = cut(pieces, 16)
    assert len(found.parts["train"].keys) == 30 * 7 and len(np.unique(found.parts["train"].keys)) == 30


def test_voices_stand_side_by_side():
    upper, lower = scale(16), ["48", *["hold"] * 15]
    mixed = [word for step in zip(upper, lower, strict=True) for word in step]
    found = cut([Piece(mixed, "a", starts=range(0, 32, 8))], 8, voices=2)
    x, vocabulary = found.parts["train"].x, found.vocabulary
    assert x.shape[1] == 16 and vocabulary.voices == 2
    assert vocabulary.notes(x[0]) == [[(60 + i, i, i + 1) for i in range(8)], [(48, 0, 8)]]


def test_notes_that_go_on():
    vocabulary = Vocabulary("steps", ("rest", "hold", "60", "64"))
    assert vocabulary.notes([1, 2, 1, 1, 0, 1, 3, 2]) == [[(60, 1, 4), (64, 6, 7), (60, 7, 8)]]


# Numbers


def test_a_text_counts_up_to_its_end():
    vocabulary = Vocabulary("characters", ("", "a", "b"))
    assert vocabulary.count([[1, 2, 0, 0], [1, 2, 1, 2], [0, 0, 0, 0], [0, 1, 0, 0]]).tolist() == [3, 4, 1, 3]
    assert Vocabulary("steps", ("rest", "hold", "60")).count(np.zeros((2, 5))).tolist() == [5, 5]


def test_token_accuracy_does_not_look_beyond_the_end():
    x, again = np.array([[1, 2, 0, 0], [1, 1, 1, 1]]), np.array([[1, 1, 0, 7], [1, 1, 1, 2]])
    assert math.isclose(metrics.token_accuracy(x, again, np.array([3, 4]))["value"], (2 / 3 + 3 / 4) / 2)


def test_perplexity_of_equal_tokens_is_their_number():
    counts = np.array([3, 5, 8])
    nll = counts * math.log(7)
    assert math.isclose(metrics.perplexity(nll, counts)["value"], 7)
    assert math.isclose(metrics.bits_per_token(nll, counts)["value"], math.log2(7))
    assert metrics.bits_per_token(nll, counts)["standard_error"] < 1e-12


def test_the_error_of_bits_per_token_is_that_of_many_draws():
    rng = np.random.default_rng(0)
    counts = rng.integers(2, 12, (2000, 100))
    nll = counts + rng.normal(0, 2, counts.shape)
    found = [metrics.bits_per_token(n, c) for n, c in zip(nll, counts, strict=True)]
    spread = np.std([f["value"] for f in found])
    assert 0.9 < np.mean([f["standard_error"] for f in found]) / spread < 1.1
