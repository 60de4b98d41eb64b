"""Encoders, decoders and critics for data of any shape, by the name of their backbone."""

from . import conv, dense, lstm
from .critics import code_critic, pair_critic, with_features

BACKBONES = {"dense": dense, "conv": conv, "lstm": lstm}

__all__ = ["BACKBONES", "code_critic", "conv", "dense", "lstm", "pair_critic", "with_features"]
