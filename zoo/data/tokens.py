"""Sequences of tokens: characters or words of a text, steps of a tune, or plain numbers, each with its vocabulary.

Raw examples are numbers of tokens [N, T]; models take them one-hot, [N, T, V]. `Preprocessor.vocabulary` keeps the
words, so that new data are numbered as the training data were and outputs become text or music again.
"""

import collections
import dataclasses
import re

import numpy as np

from ..errors import InputError
from .source import Part, counted, require_memory
from .splits import content_keys

UNITS = ("characters", "words", "steps", "numbers")
TEXTS = ("characters", "words")
CUTS = ("lines", "windows")
PAD, UNKNOWN = "", "<unk>"  # what fills a text up to its length, and stands for rare words
REST, HOLD = "rest", "hold"  # of a tune, beside the numbers that MIDI gives to pitches
MOST_WORDS = 2000  # different words that are told apart; all others are UNKNOWN
WINDOWS = {"characters": 64, "words": 16, "steps": 32}  # length of a window when none is given
MOST_LENGTH = 10_000
LONGEST = 512  # length that a line may have when none is given
WORD = re.compile(r"\w+(?:[\u2019'-]\w+)*|[^\w\s]")


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """What the numbers of tokens stand for.

    Args:
        unit: "characters" or "words" of a text; "steps", the sixteenths of a tune; or "numbers" without a meaning here.
        words: the tokens in the order of their numbers. Of a text the first is PAD; of a tune "rest", "hold" (the note
            goes on), and notes by the numbers of MIDI, "60" is the C in the middle.
        voices: of a tune; the voices of a step stand one after the other, from the highest.
    """

    unit: str
    words: tuple
    voices: int = 1

    def __post_init__(self):
        if isinstance(self.words, list):
            object.__setattr__(self, "words", tuple(self.words))
        problem = self._problem()
        if problem:
            raise InputError(f"preprocessor: vocabulary: {problem}")
        object.__setattr__(self, "_number", {word: number for number, word in enumerate(self.words)})

    @classmethod
    def of(cls, pieces, unit, voices=1):
        """The vocabulary of sequences of words, in alphabetical order.

        Args:
            pieces: iterables of words.
        """
        counts = collections.Counter()
        for words in pieces:
            counts.update(words)
        if unit == "steps":
            return cls(unit, (REST, HOLD, *sorted(counts.keys() - {REST, HOLD}, key=int)), voices)
        if unit == "words" and len(counts) > MOST_WORDS:
            kept = sorted(counts, key=lambda word: (-counts[word], word))[:MOST_WORDS]
            return cls(unit, (PAD, UNKNOWN, *sorted(kept)))
        return cls(unit, (PAD, *sorted(counts)))

    def __len__(self):
        return len(self.words)

    @property
    def pads(self):
        """Whether number 0 only fills sequences up to their length."""
        return self.words[0] == PAD

    def numbers(self, words, place):
        """Words as numbers, int32 [T].

        Raises:
            InputError: a word is not in the vocabulary, which has none for unknown ones; `place` begins the message.
        """
        rare = self._number.get(UNKNOWN, -1) if self.unit == "words" else -1
        found = np.fromiter((self._number.get(word, rare) for word in words), np.int32)
        if len(found) and found.min() < 0:
            word = words[int(np.argmin(found))]
            raise InputError(f"{place} holds {word!r}, which the model does not know")
        return found

    def count(self, tokens):
        """How many tokens of sequences [N, T] there are to tell, [N]: of a text with its end, without what fills it."""
        tokens = np.asarray(tokens)
        if not self.pads:
            return np.full(len(tokens), tokens.shape[1])
        return np.minimum((tokens != 0).cumsum(1).argmax(1) + 1 + tokens.any(1), tokens.shape[1])

    def notes(self, tokens):
        """The notes of one tune [T]: for each voice [(pitch as in MIDI, first step, step after the last)]."""
        return [_notes([self.words[int(token)] for token in tokens[v :: self.voices]]) for v in range(self.voices)]

    def text(self, tokens):
        """One sequence [T] as text on one line: of a tune its words."""
        words = [self.words[int(token)] for token in tokens]
        return joined([word for word in words if word != PAD], self.unit)

    def sequence(self, text, length, place):
        """A text as one sequence [length] of numbers, filled up.

        Raises:
            InputError: it is longer, or holds what the vocabulary has not.
        """
        return filled(self.numbers(words_of(text, self.unit), place), length, place, self.unit)

    def _problem(self):
        if self.unit not in UNITS:
            return f"unit must be one of {', '.join(UNITS)}, not {str(self.unit)[:40]!r}"
        texts = isinstance(self.words, tuple) and all(isinstance(word, str) for word in self.words)
        if not texts or len(self.words) < 2 or len(set(self.words)) < len(self.words):
            return "words must be two different texts or more"
        if type(self.voices) is not int or self.voices < 1 or (self.voices > 1 and self.unit != "steps"):
            return f"voices must be a whole number, 1 unless the unit is steps; not {str(self.voices)[:40]}"
        if self.unit == "steps" and not all(_is_step(word) for word in self.words):
            return f"steps are {REST!r}, {HOLD!r} and the numbers 0 to 127"
        return None


@dataclasses.dataclass
class Piece:
    """What sequences are cut from.

    Args:
        words: a text, or the words of a tune.
        place: where it was found, for messages.
        starts: the words where a window may begin; None: anywhere.
        label: of all its windows, or None.
    """

    words: object
    place: str
    starts: object = None
    label: str | None = None


def check_arguments(length, unit, cut):
    """Raises InputError unless they are what `encode` takes."""
    if length is not None and not (
        isinstance(length, int) and not isinstance(length, bool) and 1 <= length <= MOST_LENGTH
    ):
        raise InputError(f"length={length!r}: need a whole number from 1 to {MOST_LENGTH:,}")
    if unit not in TEXTS:
        raise InputError(f"unit={unit!r}: need one of {', '.join(TEXTS)}")
    if cut not in CUTS:
        raise InputError(f"cut={cut!r}: need one of {', '.join(CUTS)}")


def encode(source, length, unit, cut, known=None):
    """The source with numbers of tokens [N, length] in place of its pieces, and their vocabulary.

    Windows of one piece stay in one split, and a window that stands in several pieces is kept once.

    Args:
        length: in characters, words or steps, each of which has a token for every voice; None: of the longest line, or
            of WINDOWS.
        unit: "characters" or "words" of a text.
        cut: "lines", each an example, or "windows" of a text; a tune is always cut into windows.
        known: the preprocessor of a model that the data are for: its vocabulary and length are taken.

    Raises:
        InputError: a line is longer than `length`; nothing is as long as a window; a token is unknown to the model.
    """
    where = source.source
    if not source.pieces:
        raise InputError(f"{where}: 0 samples; at least 2 are needed")
    own, unit = None, source.unit or unit
    if known is not None:
        own, unit, length = _as_known(source, length, known)
    pieces = _worded(source.pieces, unit, cut)
    vocabulary = own or Vocabulary.of((piece.words for piece in pieces), unit, source.voices)
    numbered = [vocabulary.numbers(piece.words, f"{where}: {piece.place}") for piece in pieces]
    if unit in TEXTS and cut == "lines":
        x, owner = _lines(numbered, pieces, length, unit, where), np.arange(len(pieces))
    else:
        x, owner = _windows(numbered, pieces, length or WINDOWS[unit], source, unit)
    keys = _keys([" ".join(piece.words) for piece in pieces])[owner] if source.unit else _keys(map(vocabulary.text, x))
    labels = None if pieces[0].label is None else np.array([pieces[i].label for i in owner])
    if UNKNOWN in vocabulary.words:
        share = np.mean(x == vocabulary.words.index(UNKNOWN))
        source.notes.append(
            f"the {MOST_WORDS} most frequent words are told apart; {share:.1%} of all tokens are others"
        )
    x = x.astype(np.uint8 if len(vocabulary) <= 256 else np.int32)
    return dataclasses.replace(source, parts={"train": Part(x, labels, keys)}, kind="tokens", vocabulary=vocabulary)


def _notes(words):
    found = []
    for step, word in enumerate(words):
        if word == HOLD:
            if found and found[-1][2] == step:
                found[-1] = (*found[-1][:2], step + 1)
        elif word != REST:
            found.append((int(word), step, step + 1))
    return found


def _as_known(source, length, known):
    """The vocabulary, unit and length of a model, where the data can be as it takes them."""
    where, own = source.source, known.vocabulary
    if own is None:
        size = "x".join(map(str, known.shape))
        raise InputError(f"{where}: sequences of tokens; the model takes {known.kind}s of {size}")
    if own.unit != source.unit and not (source.unit is None and own.unit in TEXTS):
        raise InputError(f"{where}: {source.unit or 'a text'}; the model takes {own.unit}")
    if own.voices != source.voices:
        raise InputError(f"{where}: {counted(source.voices, 'voice')}; the model takes {own.voices}")
    wanted = known.shape[0] // own.voices
    if length not in (None, wanted):
        raise InputError(f"{where}: length={length}; the model takes sequences of {wanted} {own.unit}")
    return own, own.unit, wanted


def filled(numbers, length, place, unit, remedy=""):
    """Numbers [K] as [length], filled up with PAD."""
    if len(numbers) > length:
        raise InputError(f"{place} has {len(numbers):,} {unit}; a sequence has {length}{remedy}")
    return np.pad(numbers, (0, length - len(numbers)))


def words_of(text, unit):
    """The tokens of a text."""
    return text if unit == "characters" else WORD.findall(text) if unit == "words" else text.split()


def joined(words, unit):
    """Words as a text: of words with the spaces of English."""
    if unit == "characters":
        return "".join(words)
    text = " ".join(words)
    return re.sub(r"([(\[\u201c]) ", r"\1", re.sub(r" ([.,;:!?)\]\u201d])", r"\1", text)) if unit == "words" else text


def _worded(pieces, unit, cut):
    """The pieces with lists of words; those of a text that is cut into windows are one."""
    if unit not in TEXTS:
        return pieces
    if cut == "windows":
        pieces = [Piece(" ".join(" ".join(piece.words.split()) for piece in pieces), "the text")]
    return [dataclasses.replace(piece, words=words_of(piece.words, unit)) for piece in pieces]


def _lines(numbered, pieces, length, unit, where):
    """Every line as an example, [N, length]."""
    longest = max(map(len, numbered), default=0)
    if length is None and longest > LONGEST:
        at = pieces[int(np.argmax(list(map(len, numbered))))].place
        raise InputError(f"{where}: {at} has {longest:,} {unit}; give a length, and cut=windows for running text")
    length = longest if length is None else length
    require_memory(4 * length * len(numbered), where)
    remedy = "; give a larger length, or cut=windows"
    rows = [
        filled(numbers, length, f"{where}: {piece.place}", unit, remedy)
        for numbers, piece in zip(numbered, pieces, strict=True)
    ]
    return np.stack(rows) if rows else np.zeros((0, max(1, length)), np.int32)


def _windows(numbered, pieces, length, source, unit):
    """([N, length * voices], the piece of each): of a text one after the other, of a tune from bar to bar by halves."""
    width = length * source.voices
    rows, owner, seen = [], [], set()
    for number, (tokens, piece) in enumerate(zip(numbered, pieces, strict=True)):
        free = 0
        for start in range(0, len(tokens), width) if piece.starts is None else piece.starts:
            window = tokens[start : start + width]
            if start < free or len(window) < width or (piece.starts is not None and window.tobytes() in seen):
                continue
            free = start + width // 2
            seen.add(window.tobytes())
            rows.append(window)
            owner.append(number)
    if not rows:
        longest = max(map(len, numbered), default=0) // source.voices
        raise InputError(f"{source.source}: the longest piece has {longest:,} {unit}; a window takes {length}")
    if short := sum(len(tokens) < width for tokens in numbered):
        source.notes.append(f"{counted(short, 'piece')} shorter than {length} {unit} left out")
    return np.stack(rows), np.array(owner)


def _keys(texts):
    """Content digests [N] of texts, whatever the numbers of their tokens are."""
    return np.concatenate([content_keys(np.frombuffer(text.encode(), np.uint8)[None]) for text in texts])


def _is_step(word):
    return word in (REST, HOLD) or (word.isdecimal() and len(word) <= 3 and int(word) <= 127)
