"""Arrays of pixels: stacking, channels, size and the range that values run in."""

import numpy as np
from PIL import Image

from ..errors import InputError
from .preprocessor import size_text
from .source import require_memory
from .splits import content_keys

LUMA = np.float32([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow does
NATIVE_RANGES = {"uint8": (0, 255), "uint16": (0, 65535), "bool": (0, 1)}


def gather(images, count, resize, channels, where):
    """Stacks a stream of images.

    Args:
        images: at most `count` arrays [H, W, C] of one dtype; sizes may differ where `resize` is given.
        resize: (H, W) or None.
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
    if resize and tuple(resize) != x.shape[1:3]:
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
    """Images [N, H, W, C] at size (H, W): bilinear, and each new pixel averages all that it covers."""
    out = np.empty((len(x), *size, x.shape[-1]), x.dtype)
    for i, c in np.ndindex(len(x), x.shape[-1]):
        plane = x[i, :, :, c]
        plane = Image.fromarray(plane if x.dtype == np.uint8 else plane.astype(np.float32))
        out[i, :, :, c] = _like(np.asarray(plane.resize((size[1], size[0]), Image.Resampling.BILINEAR)), x.dtype)
    return out


def pixel_range(arrays, where):
    """The range (low, high) that pixel values are meant to run in, and the sentence that says so, or None.

    uint8, uint16 and bool say it by their dtype; other numbers are read as [0, 1], [-1, 1], [0, 255] or, if whole,
    [0, 65535]: the first that holds them all.
    """
    dtypes = {str(a.dtype) for a in arrays}
    if len(dtypes) == 1 and dtypes <= NATIVE_RANGES.keys():
        return NATIVE_RANGES[dtypes.pop()], None
    low, high = min(float(a.min()) for a in arrays), max(float(a.max()) for a in arrays)
    known = [(0, 1), (-1, 1), (0, 255)]
    if all(a.dtype.kind in "iu" for a in arrays):
        known = [(0, 255), (0, 65535)]
    for start, stop in known:
        if start <= low and high <= stop:
            return (start, stop), f"pixel values run from {low:g} to {high:g} and were read as [{start}, {stop}]"
    raise InputError(
        f"{where}: pixel values run from {low:g} to {high:g}; scale them to [0, 1], [-1, 1] or [0, 255] first"
    )


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
