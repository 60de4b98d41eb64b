"""Short programs that run an exported file, written for that file: its names, shapes, preprocessing and threshold."""

import re
from pathlib import Path

import jinja2
import numpy as np

from .manifest import STATE

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = {  # format -> files, each made of the template of that name and .jinja
    "tflite": ("model.py", "model.mjs", "Model.kt", "Model.swift", "model.c"),
    "saved_model": ("saved_model.py",),
    "onnx": ("onnx_files.py",),
    "keras": ("keras_file.py",),
    "micro": (),  # a C header for each signature is there already
}
VERSION = "2.3.0"  # of LiteRT for Android, iOS and C, whose documented interface the snippets use
PACKAGE = "2.5.3"  # of @litertjs/core


def snippets(manifest):
    """{file name: text} for an export, from the contents of its model.json."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # not HTML
    )
    templates.filters |= {"camel": camel, "pascal": pascal, "single": single, "dims": dims, "size": size}
    said = _said(manifest)
    return {name: templates.get_template(f"{name}.jinja").render(said) for name in LANGUAGES[manifest["format"]]}


def _said(manifest):
    """What the templates speak of."""
    raw = manifest["preprocessing"]
    verbs = [{"key": key, **signature} for key, signature in manifest["signatures"].items()]
    explained = [verb for verb in verbs if verb["key"] not in STATE]
    return {
        "name": re.sub(r"[^\w .+-]", "_", manifest["name"]),  # of a folder: it stands in comments
        **{name: manifest[name] for name in ("file", "batch")},
        "verbs": explained,
        "saves": len(explained) < len(verbs),
        "raw": raw and {**raw, "shift": _numbers(raw["shift"]), "scale": _numbers(raw["scale"])},
        "drawn": sorted({t["drawn"] for verb in explained for t in verb["inputs"].values() if "drawn" in t}),
        "buffers": max(len(verb["inputs"]) + len(verb["outputs"]) for verb in explained),
        "version": VERSION,
        "package": PACKAGE,
    }


def _numbers(value):
    return value if isinstance(value, list) else [value]


# In the languages of the templates


def camel(name):
    """encoder_head -> encoderHead"""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def pascal(name):
    """vae_conv.mnist -> VaeConvMnist; a class name in any of the languages."""
    words = "".join(word[:1].upper() + word[1:] for word in re.split(r"[^0-9a-zA-Z]+", name))
    return words if words[:1].isalpha() else f"Model{words}"


def single(value):
    """The shortest decimal that is this float32 number."""
    text = str(np.float32(value))
    return text if re.search(r"[.e]", text) else f"{text}.0"


def dims(shape):
    """[1, 28, 28, 1]; ? where any size goes"""
    return "[" + ", ".join("?" if n is None else str(n) for n in shape) + "]"


def size(shape):
    """Numbers of a tensor."""
    return int(np.prod(shape, dtype=int))
