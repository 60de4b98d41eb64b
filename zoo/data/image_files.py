"""Folders of images, read with Pillow; every file that cannot be read is named."""

import collections
import contextlib
import dataclasses
import hashlib
import json
import os
import stat
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import InputError
from .arrays import SPLITS
from .pixels import convert, gather
from .preprocessor import size_text
from .source import Part, Source, counted
from .splits import content_keys
from .stored import Shelf, chosen_rows, wants_disk

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
MAX_PIXELS = 64_000_000
SIGNATURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8": "JPEG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"RIFF": "WebP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError)
DAMAGE += (MemoryError, RuntimeError, struct.error)  # what Pillow's decoders raise
GREY = ("1", "L", "LA", "La", "I", "F")
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)


class BadImage(Exception):
    """An image file cannot be used; the message says why in a few words."""


def from_folder(folder, resize, channels, skip_bad, stream=None):
    """Images in a flat folder, in class folders, or in split folders (train, validation, test) of either.

    8-bit images come as uint8, 16-bit grey ones as uint16 (16-bit colour is read as 8), float TIFFs as float32. Alpha
    is put on white, palettes and CMYK become RGB, EXIF rotation is applied, the first frame stands for an animation,
    and where grey and colour meet all become RGB. Each of these is said in the notes.
    """
    folder = Path(folder)
    files, skipped = _list(folder)
    if not files:
        raise InputError(f"{folder}: no images ({' '.join(EXTENSIONS)}) in this folder")
    split_of, class_of, notes = _layout(folder, files)
    if skipped:
        kinds = " ".join(sorted({path.suffix.lower() or path.name for path in skipped})[:8])
        notes.append(f"{counted(len(skipped), 'file')} not read, since not an image format we know: {kinds}")
    return _source(folder, files, split_of, class_of, notes, resize, channels, skip_bad, stream)


def from_image(path, resize, channels):
    """One image file: one example."""
    return _source(path, [path], {path: "train"}, {path: None}, [], resize, channels, False)


def _source(root, files, split_of, class_of, notes, resize, channels, skip_bad, stream=False):
    bad = {}
    headers = dict(_attempt(_header, files, bad))
    if bad and not (skip_bad and headers):
        collections.deque(_attempt(_pixels, headers, bad), maxlen=0)  # only to count
        raise _bad_error(bad, len(files))
    resize = _one_size(root, headers.values(), resize, notes)
    depth = _one_depth(root, {h.depth for h in headers.values()}, notes)
    if channels is None and len({h.channels for h in headers.values()}) > 1:
        notes.append("both grey and colour images were found; the grey ones were given 3 channels")
    channels = channels or max(h.channels for h in headers.values())
    size = resize[:2] if resize else next(iter(headers.values())).size
    needed = len(headers) * size[0] * size[1] * channels * np.dtype(depth).itemsize
    read = []
    images = _stream(headers, depth, read, bad)
    if wants_disk(needed, stream, root):
        x, keys = _on_disk(images, headers, needed, resize, channels, depth, root, read, bad)
        notes.append(f"{needed / 1e9:.3g} GB of decoded images stay on the disk, in {x.path.parent}")
    else:
        x, keys = gather(images, len(headers), resize, channels, str(root))
    if bad and not (skip_bad and read):
        raise _bad_error(bad, len(files))
    notes += _remarks([headers[path] for path in read]) + _left_out(bad, len(files))
    classes = sorted({class_of[path] for path in read} - {None})
    y = np.array([classes.index(class_of[path]) for path in read]) if classes else None
    splits = np.array([split_of[path] for path in read])
    parts = {
        name: Part(chosen_rows(x, chosen), None if y is None else y[chosen], keys[chosen])
        for name in ("train", "validation", "test")
        if (chosen := splits == name).any()
    }
    return Source(root.stem, str(root), parts, "image", tuple(classes) or None, notes=notes)


def _on_disk(images, headers, needed, resize, channels, depth, root, read, bad):
    """(Stored, keys) of the decoded images, decoded once for the same files."""
    paths = {str(path.relative_to(root)): path for path in headers}
    facts = [[name, path.stat().st_size, path.stat().st_mtime_ns] for name, path in paths.items()]
    shelf = Shelf(hashlib.sha256(json.dumps([facts, resize, channels, depth]).encode()).hexdigest())
    if shelf.found() is None:
        with shelf.filling(needed) as file:
            keys, shape = [], None
            for image in images:
                keys.append(content_keys(image[None]))
                image = convert(image[None], resize, channels)[0]
                shape = shape or image.shape
                file.write(image.tobytes())
            where = {str(path.relative_to(root)): i for i, path in enumerate(headers)}
            shelf.keep(
                file,
                shape=(len(keys), *shape),
                dtype=depth,
                keys=np.concatenate(keys),
                read=[where[str(path.relative_to(root))] for path in read],
                bad=json.dumps({str(path.relative_to(root)): reason for path, reason in bad.items()}),
            )
    x, facts = shelf.found()
    files = list(headers)
    read[:] = [files[i] for i in facts["read"]]
    bad.update({root / name: reason for name, reason in json.loads(str(facts["bad"])).items()})
    return x, facts["keys"]


def _stream(headers, depth, read, bad):
    """Yields the pixels of every file that can be decoded and adds its path to `read`."""
    for path, pixels in _attempt(_pixels, headers, bad):
        read.append(path)
        yield _at_depth(pixels, depth)
    if not read:
        raise _bad_error(bad, len(bad))


# Which files, in which split and class.


def _list(folder):
    """(image files, other files), sorted; hidden ones are neither."""
    images, others = [], []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        for name in sorted(names):
            if not name.startswith(".") and name not in ("Thumbs.db", "desktop.ini"):
                known = name.lower().endswith(EXTENSIONS)
                (images if known else others).append(Path(where) / name)
    return images, others


def _layout(folder, files):
    """({file: split}, {file: class or None}, notes) from the names of the folders below `folder`."""
    tops = {path: path.relative_to(folder).parts[:-1] for path in files}
    names = {parts[0] if parts else None for parts in tops.values()}
    split_of = {path: "train" for path in files}
    if None not in names and all(name.lower() in SPLITS for name in names):
        split_of = {path: SPLITS[parts[0].lower()] for path, parts in tops.items()}
        tops = {path: parts[1:] for path, parts in tops.items()}
    if all(tops.values()):
        return split_of, {path: parts[0] for path, parts in tops.items()}, []
    mixed = any(tops.values())
    note = "images lie both beside and inside folders; the folders were not read as classes"
    return split_of, dict.fromkeys(files), [note] if mixed else []


# One file.


@dataclasses.dataclass(frozen=True)
class Header:
    """What an image is, known before its pixels are decoded.

    Args:
        size: (height, width) as it is looked at, after EXIF rotation.
        channels: 1 or 3, without alpha.
        depth: "uint8", "uint16" or "float32".
        remarks: what is done to it, as words for the notes.
    """

    path: Path
    size: tuple
    channels: int
    depth: str
    remarks: tuple


def _header(path):
    with _opened(path, _size(path)) as image:
        deep_colour = image.mode.startswith("RGB") and ";16" in str(image.tile)
        turned = image.getexif().get(ORIENTATION, 1)
        size = image.size if turned in SIDEWAYS else image.size[::-1]
        depth = {"I": "uint16", "F": "float32"}.get(image.mode.split(";")[0], "uint8")
        remarks = {
            "with transparency were put on white": image.has_transparency_data,
            "of CMYK colours were turned into RGB": image.mode == "CMYK",
            "with a palette were given its colours": image.mode in ("P", "PA"),
            "were turned upright as their EXIF data say": turned != 1,
            "are animated or have pages; the first one was taken": _is_animated(image),
            "of 16-bit colour were read as 8-bit": deep_colour,
        }
        return Header(
            path, size, 1 if _is_grey(image) else 3, depth, tuple(text for text, is_so in remarks.items() if is_so)
        )


def _pixels(path):
    """[H, W, 1 or 3] of dtype uint8, uint16 or float32."""
    return pixels_of(path, _size(path))


def pixels_of(file, size):
    """[H, W, 1 or 3] of dtype uint8, uint16 or float32, of a path or of an open file of `size` bytes.

    Raises:
        BadImage: it is none, is damaged, or is too large.
    """
    with _opened(file, size) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
        mode = image.mode.split(";")[0]
        if mode in ("I", "F"):
            return _deep(np.asarray(upright))[..., None]
        if image.has_transparency_data:
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
        pixels = np.asarray(upright.convert("L" if _is_grey(image) else "RGB"))
        return pixels[..., None] if pixels.ndim == 2 else pixels


def _size(path):
    """Bytes of a regular file."""
    try:
        status = path.stat()
    except OSError as error:
        raise BadImage(f"cannot be opened ({error.strerror.lower()})") from None
    if not stat.S_ISREG(status.st_mode):
        raise BadImage("not a regular file")
    return status.st_size


@contextlib.contextmanager
def _opened(path, size):
    """The open Pillow image; whatever is wrong with the file becomes BadImage."""
    try:
        if size == 0:
            raise BadImage("empty file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a large picture is an error of ours below, not a warning
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise BadImage(
                        f"{image.width * image.height / 1e6:.0f} megapixels; the limit is {MAX_PIXELS // 10**6}"
                    )
                yield image
    except Image.DecompressionBombError:
        raise BadImage(f"more than {MAX_PIXELS // 10**6} megapixels, which is the limit") from None
    except UnidentifiedImageError:
        kind = _signature(path)
        raise BadImage(f"damaged {kind}" if kind else "not an image") from None
    except PermissionError:
        raise BadImage("cannot be opened (permission denied)") from None
    except DAMAGE as error:
        damage = "truncated" if "truncated" in str(error) or isinstance(error, EOFError) else "damaged"
        raise BadImage(f"{damage} {_signature(path) or 'file'}") from None


def _is_grey(image):
    """Whether one channel holds it all; a palette of nothing but greys counts."""
    if image.mode == "P":
        palette = np.reshape(image.getpalette("RGB"), (-1, 3))
        return bool((palette == palette[:, :1]).all())
    return image.mode.split(";")[0] in GREY


def _signature(file):
    if isinstance(file, Path):
        with open(file, "rb") as opened:
            start = opened.read(4)
    else:
        start = file.getvalue()[:4]
    return next((name for magic, name in SIGNATURES.items() if start.startswith(magic)), None)


def _is_animated(image):
    """Whether it has more than one frame; the second picture inside a phone's JPEG is not one."""
    return image.format not in ("MPO", "JPEG") and getattr(image, "is_animated", False)


def _deep(pixels):
    """Grey pixels of more than 8 bits as uint16 or float32."""
    if pixels.dtype.kind == "f":
        return pixels.astype(np.float32)
    if pixels.size and (pixels.min() < 0 or pixels.max() > 65535):
        raise BadImage("32-bit integers beyond 0 to 65535")
    return pixels.astype(np.uint16)


# All files.


def _attempt(read, paths, bad):
    """Yields (path, read(path)) where that works and puts {path: reason} in `bad` where it does not."""
    for path in paths:
        try:
            result = read(path)
        except BadImage as error:
            bad[path] = str(error)
            continue
        yield path, result


def _bad_error(bad, count):
    path, reason = next(iter(bad.items()))
    if len(bad) == count:
        rest = "" if count == 1 else f" (all {count} files are bad)"
    else:
        verb = "is" if len(bad) == 1 else "are"
        rest = f" ({len(bad)} of {count} files {verb} bad; --skip-bad leaves them out)"
    return InputError(f"{path}: {reason}{rest}")


def _left_out(bad, count):
    if not bad:
        return []
    named = ", ".join(f"{path.name} ({reason})" for path, reason in list(bad.items())[:5])
    more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
    return [f"{len(bad)} of {counted(count, 'file')} left out: {named}{more}"]


def _remarks(headers):
    found = collections.defaultdict(list)
    for header in headers:
        for remark in header.remarks:
            found[remark].append(header.path.name)
    return [
        f"{counted(len(names), 'image')} ({_few(names)}) {remark if len(names) > 1 else _of_one(remark)}"
        for remark, names in found.items()
    ]


def _of_one(remark):
    """A remark on several images as one on a single image."""
    return " ".join({"were": "was", "are": "is", "have": "has"}.get(word, word) for word in remark.split(" "))


def _few(names):
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _one_size(root, headers, resize, notes):
    """The Size that all images get, or None where they have one already."""
    sizes = collections.Counter(h.size for h in headers)
    if len(sizes) == 1 and not (resize and resize.height):
        return None
    if resize:
        (height, width), count = sizes.most_common(1)[0]
        if resize.height is None:
            notes.append(
                f"images of {len(sizes)} sizes were brought to {height}x{width}, as {count} are ({resize.how})"
            )
        return resize if resize.height else resize._replace(height=height, width=width)
    common = sizes.most_common(4)
    found = ", ".join(f"{size_text(size)} ({counted(n, 'file')})" for size, n in common)
    height, width = common[0][0]
    raise InputError(
        f"{root}: images of {len(sizes)} sizes, height x width: {found}{', ...' if len(sizes) > 4 else ''}; "
        f"resize=({height}, {width}) (--resize {height}x{width}; or crop, or pad) makes them one"
    )


def _one_depth(root, depths, notes):
    if "float32" in depths and len(depths) > 1:
        raise InputError(f"{root}: float images beside integer images; convert them to one kind")
    if len(depths) > 1:
        notes.append("both 8-bit and 16-bit images were found; the 8-bit ones were brought to 16 bits")
    return max(depths, key=("uint8", "uint16", "float32").index)


def _at_depth(pixels, depth):
    if pixels.dtype == np.uint8 and depth == "uint16":
        return pixels.astype(np.uint16) * np.uint16(257)  # 255 becomes 65535
    return pixels
