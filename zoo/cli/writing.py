"""What commands write: pictures, arrays, tables, texts and tunes, by the suffix of the name that is asked for."""

from pathlib import Path

from ..errors import InputError, WriteError

RAW = (".png", ".npy", ".npz")
TOKENS = (".txt", ".mid", "")  # "" is a folder


def shown(model, raw):
    """Raw values as pictures take them: images in [0, 1]."""
    preprocessor = model.preset.preprocessor
    return preprocessor.picture(preprocessor.apply(raw)) if preprocessor.kind == "image" else raw


def place(model, out, force, name):
    """Where to write: what was asked for, or `name`.png, for tunes a folder; texts are printed unless asked for."""
    vocabulary = model.preset.preprocessor.vocabulary
    tune = vocabulary is not None and vocabulary.unit == "steps"
    if out is None:
        suffix = "" if tune else ".png"
        return None if vocabulary and not tune else writable(Path(f"{name}{suffix}"), force, (suffix,))
    if out.suffix in (".mid", "") and not tune:
        raise InputError(
            f"--out {out}: {'.mid is' if out.suffix else 'a folder is'} for tunes; this model makes others"
        )
    if out.suffix == ".txt" and vocabulary is None:
        raise InputError(f"--out {out}: .txt is for tokens; this model gives {model.preset.preprocessor.kind}s")
    return out


def write(model, out, draw, values, **raw):
    """Examples in the form that the name of `out` asks for.

    Args:
        out: see `place`.
        draw: (what draws examples, path) -> None.
        values, raw: the examples as the model gives them and, by name, as the data have them.
    """
    from .. import notation

    preprocessor, ((_, x),) = model.preset.preprocessor, raw.items()
    pictures, vocabulary = notation.pictures(preprocessor), preprocessor.vocabulary
    if out is None:
        return
    if out.suffix == ".png":
        draw(pictures, out)
    elif out.suffix == ".csv":
        write_columns(out, preprocessor, values)
    elif out.suffix == ".txt":
        write_lines(out, [vocabulary.text(row) for row in x])
    elif out.suffix == ".mid":
        notation.write_midi(vocabulary, x, out)
    elif out.suffix:
        write_arrays(out, **raw)
    else:
        write_tunes(out, vocabulary, x)
        draw(pictures, out / "pianoroll.png")


def writable(out, force, suffixes):
    """The path to write to, checked before any work is done; a folder may exist when it is empty."""
    if out.suffix not in suffixes:
        raise InputError(
            f"--out {out}: ends in {out.suffix or 'nothing'}; it takes {', '.join(s for s in suffixes if s)}"
        )
    if out.exists() and not force and not (out.is_dir() and not out.suffix and not any(out.iterdir())):
        raise WriteError(f"{out}: exists; choose another name, or --force to replace it")
    if not out.parent.is_dir():
        raise WriteError(f"{out.parent}: no such folder")
    return out


def write_lines(out, lines):
    from ..weights import write_bytes

    write_bytes(out, "".join(f"{line}\n" for line in lines).encode())


def write_tunes(out, vocabulary, tokens):
    """Every tune as a MIDI file in a folder."""
    from .. import notation

    out.mkdir(exist_ok=True)
    for number, tune in enumerate(tokens, 1):
        notation.write_midi(vocabulary, tune[None], out / f"{number:02}.mid")


def write_arrays(out, **arrays):
    """One array as .npy, or all by name as .npz."""
    import io

    import numpy as np

    from ..weights import write_bytes

    buffer = io.BytesIO()
    if out.suffix == ".npy":
        np.save(buffer, next(iter(arrays.values())), allow_pickle=False)
    else:
        np.savez_compressed(buffer, **arrays)
    write_bytes(out, buffer.getvalue())


def write_table(out, columns):
    """{heading: [N]} as .csv; numbers with the digits that their type has."""
    import csv
    import io

    from ..weights import write_bytes

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(values.astype(str).tolist() for values in columns.values()), strict=True))
    write_bytes(out, text.getvalue().encode())


def write_columns(out, preprocessor, values):
    """Model values [N, F] of a table as .csv, in the columns and words that the training data had."""
    if preprocessor.kind != "table":
        raise InputError(f"--out {out}: .csv is for tables; this model gives {preprocessor.kind}s")
    names = [f"x_{i}" for i in range(values.shape[1])]
    raw = preprocessor.invert(values)
    write_table(out, preprocessor.table(values) if preprocessor.columns else dict(zip(names, raw.T, strict=True)))
