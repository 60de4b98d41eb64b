"""Data by name: one resolver for images, tables and sequences, from TFDS, files, folders and arrays.

>>> bundle = load("digits", seed=0)
>>> bundle.shape, bundle.train.x.dtype
((8, 8, 1), dtype('uint8'))
"""

from .bundle import Bundle, Split, describe, identify
from .numpy_files import read_npz
from .preprocessor import Preprocessor, read_json
from .resolver import is_frame, load
from .source import available_memory
from .stored import Stored

__all__ = [
    "Bundle",
    "Preprocessor",
    "Split",
    "Stored",
    "available_memory",
    "describe",
    "identify",
    "is_frame",
    "load",
    "read_json",
    "read_npz",
]
