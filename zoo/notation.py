"""Sequences of tokens as people read them: text, pictures of text, piano rolls, MIDI files."""

import itertools
import math

import numpy as np
from matplotlib.ticker import MultipleLocator

from . import figures, weights
from .data.notes import STEPS, midi_bytes
from .data.tokens import PAD

SIZE = 8  # points of a letter in a picture of text
LETTER, LINE = 0.602 * SIZE / 72, 1.5 * SIZE / 72  # inches: width of a letter of a monospaced font, height of a line
COLUMN = 3  # letters between two columns
WIDE = 8.0  # inches
ROLLS = 24  # piano rolls of a picture at most
PAUSE = 8  # steps between two tunes of one MIDI file


def pictures(preprocessor):
    """What draws the raw examples of a model: `zoo.figures`, or its namesakes for tokens."""
    vocabulary = preprocessor.vocabulary
    if vocabulary is None:
        return figures
    return (Rolls if vocabulary.unit == "steps" else Texts)(vocabulary)


def write_midi(vocabulary, tokens, path):
    """Tunes [N, T] one after the other, as one MIDI file."""
    start, voices = 0, [[] for _ in range(vocabulary.voices)]
    for tune in tokens:
        for voice, notes in zip(voices, vocabulary.notes(tune), strict=True):
            voice += [(pitch, start + first, start + last) for pitch, first, last in notes]
        start += len(tune) // vocabulary.voices + PAUSE
    weights.write_bytes(path, midi_bytes(voices))


class Texts:
    """Pictures of texts."""

    def __init__(self, vocabulary):
        self.vocabulary = vocabulary

    def grid(self, tokens, path, columns=None, title=None):
        """Texts [N, T], each on a line."""
        self._draw([[(self._words(row), None, figures.INK)] for row in tokens], path)

    def reconstructions(self, tokens, again, path, columns=12):
        """Pairs of lines: texts [N, T] and their reconstructions, with what differs in orange."""
        rows = zip(tokens[:columns], again[:columns], strict=True)
        self._draw([[self._given(x), self._made(x, x_hat)] for x, x_hat in rows], path)

    def interpolation(self, rows, path):
        """Ways from one text to another, [R, steps, T], each a block of lines."""
        self._draw([[(self._words(x), None, figures.INK) for x in row] for row in rows], path)

    def before_after(self, tokens, before, after, path, columns=12):
        """Texts [N, T], what a model made of them before fine-tuning, and after."""
        rows = zip(tokens[:columns], before[:columns], after[:columns], strict=True)
        self._draw([[self._given(x), self._made(x, b), self._made(x, a)] for x, b, a in rows], path)

    def _words(self, tokens):
        """The words of a text [T]; what fills it up ends it, and is a dot within it."""
        words = [self.vocabulary.words[int(token)] for token in tokens]
        length = max((i for i, word in enumerate(words, 1) if word != PAD), default=0)
        return [word if word != PAD else "·" for word in words[:length]]

    def _given(self, tokens):
        return self._words(tokens), None, figures.QUIET

    def _made(self, tokens, again):
        words = self._words(again)
        return words, [a != b for a, b in itertools.islice(zip(tokens, again, strict=True), len(words))], figures.BLUE

    def _draw(self, blocks, path):
        """Blocks of lines (words, which of them are wrong or None, colour), in as many columns as fit."""
        space = "" if self.vocabulary.unit == "characters" else " "
        longest = max(len(space.join(words)) for block in blocks for words, *_ in block)
        columns = max(1, min(len(blocks), int((WIDE / LETTER - 2) // (longest + COLUMN))))
        deep, gap = len(blocks[0]), 1 if len(blocks[0]) > 1 else 0
        rows = math.ceil(len(blocks) / columns)
        width, height = max(WIDE, (longest + 4) * LETTER), (rows * (deep + gap) + 2) * LINE
        figure = figures.blank(width, height, layout=None)
        for i, block in enumerate(blocks):
            row, column = divmod(i, columns)
            for j, line in enumerate(block):
                x, y = (2 + column * (longest + COLUMN)) * LETTER, (1 + row * (deep + gap) + j) * LINE
                _line(figure, x / width, 1 - y / height, space, *line)
        figures.write(figure, path)


def _line(figure, x, y, space, words, wrong, colour):
    """One line of text, and over its gaps the words that are wrong."""
    wrong = [False] * len(words) if wrong is None else wrong
    for shown, ink in ((False, colour), (True, figures.ORANGE)):
        line = space.join(word if bad == shown else " " * len(word) for word, bad in zip(words, wrong, strict=True))
        figure.text(x, y, line, color=ink, family="monospace", fontsize=SIZE, va="top", parse_math=False)


class Rolls:
    """Piano rolls: time in quarter notes to the right, pitch upwards, a colour for each voice."""

    def __init__(self, vocabulary):
        self.vocabulary = vocabulary

    def grid(self, tokens, path, columns=4, title=None):
        """Tunes [N, T], each in a panel."""
        self._draw([[(tune, None, 1.0)] for tune in tokens[:ROLLS]], path, columns)

    def reconstructions(self, tokens, again, path, columns=12):
        """Tunes [N, T] in grey, their reconstructions over them."""
        rows = zip(tokens[:columns], again[:columns], strict=True)
        self._draw([[(x, figures.QUIET, 2.2), (x_hat, None, 1.0)] for x, x_hat in rows], path, 4)

    def interpolation(self, rows, path):
        """Ways from one tune to another, [R, steps, T], each a row of panels."""
        rows = [row[np.linspace(0, len(row) - 1, min(len(row), 6)).astype(int)] for row in np.asarray(rows)]
        self._draw([[(tune, None, 1.0)] for row in rows for tune in row], path, len(rows[0]))

    def before_after(self, tokens, before, after, path, columns=12):
        """Tunes [N, T] in grey, what a model made of them before fine-tuning in orange, and after."""
        rows = zip(tokens[:columns], before[:columns], after[:columns], strict=True)
        self._draw([[(x, figures.QUIET, 2.6), (b, figures.ORANGE, 1.6), (a, None, 0.8)] for x, b, a in rows], path, 4)

    def _draw(self, panels, path, columns):
        """Panels of layers (tune [T], colour or None for those of the voices, thickness of a note)."""
        columns = min(columns, len(panels))
        rows = math.ceil(len(panels) / columns)
        figure = figures.blank(WIDE, 0.4 + 1.25 * rows)
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        for axes, layers in zip(grid.flat, panels, strict=False):
            figures.plain(axes)
            for tune, colour, thickness in layers:
                for voice, notes in enumerate(self.vocabulary.notes(tune)):
                    ink = colour or figures.PALETTE[voice % len(figures.PALETTE)]
                    pitches, starts, stops = np.array(notes, float).reshape(-1, 3).T
                    axes.hlines(pitches, starts / STEPS, stops / STEPS - 0.05, color=ink, linewidth=2 * thickness)
            axes.set_xlim(0, len(layers[0][0]) / self.vocabulary.voices / STEPS)
            axes.yaxis.set_major_locator(MultipleLocator(12))
            axes.yaxis.set_major_formatter(lambda pitch, _: f"C{int(pitch) // 12 - 1}")
        figures.write(figure, path)
