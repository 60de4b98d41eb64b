"""Data by name: one resolver for images, tables and sequences, from TFDS, files, folders and arrays.

>>> bundle = load("digits", seed=0)
>>> bundle.shape, bundle.train.x.dtype
((8, 8, 1), dtype('uint8'))
"""

from .bundle import Bundle, Split, describe, identify
from .preprocessor import Preprocessor
from .resolver import load

__all__ = ["Bundle", "Preprocessor", "Split", "describe", "identify", "load"]
