"""Arrays of pixels: stacking, channels, size and the range that values run in."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from ..errors import InputError
from .preprocessor import size_text
from .source import require_memory
from .splits import content_keys
from .stored import pieces

LUMA = np.float32([19595, 38470, 7471]) / 65536  # ITU-R BT.601 as Pillow has it; of 8-bit values the sums are exact
NATIVE_RANGES = {"uint8": (0, 255), "uint16": (0, 65535), "bool": (0, 1)}


class Size(NamedTuple):
    """What images are resized to.

    Args:
        height, width: in pixels; both None for the size that most images have.
        how: "fit" stretches them to it; "crop" fills it and cuts off the rest at both sides; "pad" keeps all of the
            picture and adds black at both sides. The last two keep the aspect.
    """

    height: int | None
    width: int | None
    how: str = "fit"


HOW = ("fit", "crop", "pad")


def size_from(resize):
    """The Size that a caller means by (H, W), (H, W, how) or how; None stays.

    Raises:
        InputError: it is none of these.
    """
    if resize is None:
        return None
    given = (
        (None, None, resize) if isinstance(resize, str) else tuple(resize) if isinstance(resize, list | tuple) else ()
    )
    *size, how = given if len(given) == 3 else (*given, "fit")
    known = len(size) == 2 and how in HOW
    if not known or not (size == [None, None] or all(_whole(n) and 1 <= n <= 8192 for n in size)):
        raise InputError(
            f"resize={resize!r}: need (height, width), each from 1 to 8192, {', '.join(HOW)}, or all three"
        )
    return Size(*size, how)


def _whole(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def gather(images, count, resize, channels, where):
    """Stacks a stream of images.

    Args:
        images: at most `count` arrays [H, W, C] of one dtype; sizes may differ where `resize` is given.
        resize: a Size or None.
        channels: 1, 3 or None.

    Returns:
        x [N, H, W, C] and the content keys [N] of the images before they were converted.
    """
    x, keys = None, []
    for i, image in enumerate(images):
        keys.append(content_keys(image[None]))
        image = convert(image[None], resize, channels)[0]
        if x is None:
            require_memory(count * image.nbytes, where)
            x = np.empty((count, *image.shape), image.dtype)
        if image.shape != x.shape[1:]:
            found = f"{size_text(x.shape[1:])} and {size_text(image.shape)}"
            raise InputError(f"{where}: images of more than one shape ({found}); resize=(H, W) makes them one")
        x[i] = image
    if x is None:
        raise InputError(f"{where}: 0 samples; at least 2 are needed")
    return x[: len(keys)], np.concatenate(keys)


def convert(x, resize, channels):
    """Images [N, H, W, C] in another size and number of channels, where asked; the dtype stays."""
    if channels and channels != x.shape[-1]:
        x = to_channels(x, channels)
    if resize and resize.height and resize[:2] != x.shape[1:3]:
        x = resized(x, resize)
    return x


def to_channels(x, channels):
    """Grey to colour by repetition, colour to grey by luma; a fourth channel is alpha and is put on white."""
    if x.shape[-1] == 4:
        x = _over_white(x)
    if x.shape[-1] == channels:
        return x
    if (x.shape[-1], channels) == (1, 3):
        return np.repeat(x, 3, axis=-1)
    if (x.shape[-1], channels) == (3, 1):
        return _like(x.astype(np.float32) @ LUMA[:, None], x.dtype)
    raise InputError(f"images have {x.shape[-1]} channels; only 1, 3 and 4 can be converted to {channels}")


def resized(x, size):
    """Images [N, H, W, C] at a Size: bilinear, and each new pixel averages all that it covers.

    Rows first, then columns: which goes first moves a level by one, and versions of Pillow choose differently.
    """
    out = np.zeros((len(x), size.height, size.width, x.shape[-1]), x.dtype)
    (x0, y0, x1, y1), (top, left, height, width) = _boxes(x.shape[1:3], size)
    across_then_down = ((x0, 0, x1, x.shape[1]), (width, x.shape[1])), ((0, y0, width, y1), (width, height))
    for i, c in np.ndindex(len(x), x.shape[-1]):
        plane = x[i, :, :, c]
        plane = Image.fromarray(plane if x.dtype == np.uint8 else plane.astype(np.float32))
        for part, side in across_then_down:
            plane = plane.resize(side, Image.Resampling.BILINEAR, part)
        out[i, top : top + height, left : left + width, c] = _like(np.asarray(plane), x.dtype)
    return out


def _boxes(found, size):
    """What is read, (left, top, right, bottom) in the old image, and where it goes, (top, left, height, width)."""
    (h, w), (height, width) = found, size[:2]
    if size.how == "crop":
        scale = min(h / height, w / width)
        top, left = (h - height * scale) / 2, (w - width * scale) / 2
        return (left, top, w - left, h - top), (0, 0, height, width)
    if size.how == "pad":
        scale = min(height / h, width / w)
        inner = max(1, round(h * scale)), max(1, round(w * scale))
        return (0, 0, w, h), ((height - inner[0]) // 2, (width - inner[1]) // 2, *inner)
    return (0, 0, w, h), (0, 0, height, width)


def pixel_range(arrays, where):
    """The range (low, high) that pixel values are meant to run in, and the sentence that says so, or None.

    uint8, uint16 and bool say it by their dtype; other numbers are read as [0, 1], [-1, 1], [0, 255] or, if whole,
    [0, 65535]: the first that holds them all. Numbers beyond these whose mean is near 0 and whose standard deviation is
    near 1 are standardised, and have no range.
    """
    dtypes = {str(a.dtype) for a in arrays}
    if len(dtypes) == 1 and dtypes <= NATIVE_RANGES.keys():
        return NATIVE_RANGES[dtypes.pop()], None
    ends = [(float(piece.min()), float(piece.max())) for a in arrays for piece in pieces(a)]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    known = [(0, 1), (-1, 1), (0, 255)]
    if all(a.dtype.kind in "iu" for a in arrays):
        known = [(0, 255), (0, 65535)]
    for start, stop in known:
        if start <= low and high <= stop:
            return (start, stop), f"pixel values run from {low:g} to {high:g} and were read as [{start}, {stop}]"
    mean, sd = _moments(arrays)
    if abs(mean) < 0.5 and 0.5 < sd < 2 and max(-low, high) < 40:
        return None, f"pixel values have mean {mean:.2g} and standard deviation {sd:.2g} and were read as standardised"
    raise InputError(
        f"{where}: pixel values run from {low:g} to {high:g}; scale them to [0, 1], [-1, 1] or [0, 255] first"
    )


def _moments(arrays):
    """Mean and standard deviation of all values."""
    count = sum(a.size for a in arrays)
    total = square = 0.0
    for piece in (piece for a in arrays if a.dtype.kind == "f" for piece in pieces(a)):
        total, square = total + piece.sum(dtype=np.float64), square + np.square(piece, dtype=np.float64).sum()
    mean, square = total / count, square / count
    return mean, np.sqrt(max(0.0, square - mean**2))


def rescale(x, found, wanted):
    """Values in the range `found` as float32 in the range `wanted`."""
    unit = (x.astype(np.float32) - np.float32(found[0])) / np.float32(found[1] - found[0])
    return np.clip(unit * np.float32(wanted[1] - wanted[0]) + np.float32(wanted[0]), *map(np.float32, wanted))


def _over_white(x):
    white = NATIVE_RANGES.get(str(x.dtype), (0, 1 if x.max(initial=0) <= 1 else 255))[1]
    alpha = x[..., 3:].astype(np.float32) / white
    return _like(x[..., :3] * alpha + white * (1 - alpha), x.dtype)


def _like(x, dtype):
    return (np.rint(x) if np.dtype(dtype).kind in "biu" else x).astype(dtype)
