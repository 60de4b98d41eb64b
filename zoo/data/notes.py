"""Tunes as steps of a sixteenth, read and written through music21, which the extra `music` installs."""

import math
from types import SimpleNamespace

from ..errors import InputError
from .tokens import HOLD, REST

STEPS = 4  # of a quarter note


def music21():
    """The package, with the modules of it that are used here.

    Raises:
        InputError: it is not installed.
    """
    try:
        from music21 import converter, corpus, midi, note, stream
    except ImportError:
        raise InputError("tunes and MIDI files need music21; pip install 'autoencoder-zoo[music]'") from None
    return SimpleNamespace(converter=converter, corpus=corpus, midi=midi, note=note, stream=stream)


def read(path, voices=1):
    """A file of notes as steps, transposed to a key signature without sharps and flats, by six semitones at most.

    A note stands where it begins, "hold" while it goes on; what is shorter than a step, such as a grace note, is left
    out, triplets are moved to the nearest step, and of a chord the highest note is taken.

    Args:
        path: what `music21.converter.parse` reads: ABC, MusicXML, MIDI, Humdrum.
        voices: parts of the score, from the highest.

    Returns:
        {"words": steps of all voices [T * voices], one voice after the other within a step; "bars": where whole bars
        begin, in steps; "meter": "6/8", that which lasts longest}; or None where the score has fewer parts, or no
        key or meter.
    """
    score = music21().converter.parse(str(path), forceSource=True, storePickle=False)
    parts = list(score.parts)[:voices]
    keys, meters = (list(parts[0].flatten().getElementsByClass(name)) for name in ("KeySignature", "TimeSignature"))
    if len(parts) < voices or not keys or not meters:
        return None
    shift = (-7 * keys[0].sharps + 5) % 12 - 5
    length = math.ceil(STEPS * score.duration.quarterLength)
    columns = [_steps(part, length, shift) for part in parts]
    measures = parts[0].getElementsByClass("Measure")
    bars = [round(STEPS * m.offset) for m in measures if m.duration.quarterLength == m.barDuration.quarterLength]
    words = [word for step in zip(*columns, strict=True) for word in step]
    ends = [*(meter.offset for meter in meters[1:]), score.duration.quarterLength]
    _, meter = max(zip(ends, meters, strict=True), key=lambda pair: pair[0] - pair[1].offset)
    return {"words": words, "bars": bars, "meter": meter.ratioString}


def _steps(part, length, shift):
    """The words of one voice, [length]."""
    words = [REST] * length
    for sound in part.flatten().stripTies().notes:
        start, stop = (round(STEPS * place) for place in (sound.offset, sound.offset + sound.duration.quarterLength))
        if start < stop <= length and not getattr(sound, "isChordSymbol", False):
            pitch = max(p.midi for p in sound.pitches) + shift
            words[start:stop] = [str(pitch), *[HOLD] * (stop - start - 1)]
    return words


def midi_bytes(voices, rest=0):
    """A MIDI file of notes.

    Args:
        voices: [(pitch, first step, step after the last)] for each voice.
    """
    m21 = music21()
    parts = []
    for notes in voices:
        part = m21.stream.Part()
        for pitch, start, stop in notes:
            sound = m21.note.Note(pitch, quarterLength=(stop - start) / STEPS)
            part.insert(start / STEPS, sound)
        parts.append(part)
    return m21.midi.translate.music21ObjectToMidiFile(m21.stream.Score(parts)).writestr()
