"""The domains that constructor words and settings live in, each with its check.

A constructor says what a word may be by its annotation, and both the catalogue and the configuration check it
before TensorFlow is imported: `def __init__(self, *, latent_dim: Count = 16, beta: Scheduled = 1.0, **kwargs)`.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Ramp(BaseModel):
    """A value that changes linearly from `start` at step 0 to `stop` at step `steps`, constant after."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    start: Annotated[float, Field(allow_inf_nan=False)]
    stop: Annotated[float, Field(allow_inf_nan=False)]
    steps: Annotated[int, Field(ge=1)]


Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(strict=True, ge=0, le=1)]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Number = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[str, Field(strict=True, min_length=1)]
Shape = Annotated[Sequence[Count], Field(min_length=1, max_length=3)]
Widths = Annotated[Sequence[Count], Field(min_length=1, max_length=8)]
Upper = Annotated[Sequence[Count], Field(max_length=8)]
Classes = Annotated[Sequence[Annotated[int, Field(strict=True, ge=2, le=1_000_000)]], Field(max_length=1000)]
Columns = Annotated[Sequence[Count], Field(min_length=1, max_length=100_000)]
Scheduled = Real | Ramp
Network = Any
Features = Any  # a network, or the name of a preset: `create_model` gives the constructor a network
