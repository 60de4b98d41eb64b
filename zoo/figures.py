"""Pictures of what a model does, as PNG files that read well at the width of a README.

Examples are images [N, H, W, C] with 1 or 3 channels, sequences [N, T, C], or rows of a table [N, F]. Values are model
values: images run from 0 to 1 (uint8 images from 0 to 255 are taken too), and what lies outside is clipped. Sequences
and rows are drawn as lines. Every function writes the whole file or none, and raises InputError for arrays it cannot
draw and WriteError where the file cannot be written.
"""

import contextlib
import math
import os
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from .errors import InputError, WriteError
from .weights import SCRATCH

DPI = 200
WIDTH = 1600  # pixels: a README's column on a screen of double density
GAP, MARGIN, LABELS, TITLE = 6, 24, 260, 80  # pixels: between images, around them, left for labels, above for a title
INK, QUIET, FAINT = "#24292f", "#6e7781", "#e4e8ec"
BLUE, ORANGE = "#2f6fb7", "#d9772b"
PALETTE = (BLUE, ORANGE, "#2f9e77", "#c44e8c", "#7d5fb2", "#b39b1d", "#4fb3d9", "#a8452f", "#8a9099", "#6a9a2d")
COLUMNS = 24  # of a table that are drawn
STEPS = (1, 2, 5, 10)  # ticks at round numbers
TEXT = {"fontsize": 9, "color": INK}


def grid(images, path, columns=None, title=None):
    """Examples side by side.

    Args:
        images: examples, see above.
        columns: of the grid; about twice as many as rows by default.
    """
    images = _examples(images)
    columns = min(columns or _even_columns(len(images)), len(images))
    if not _are_images(images):
        return write(_lines([(images, None, BLUE)], columns, title), path)
    rows = [images[start : start + columns] for start in range(0, len(images), columns)]
    return write(_mosaic(rows, title=title), path)


def reconstructions(x, x_hat, path, columns=12, heat=None, label="|difference|"):
    """Rows: inputs, their reconstructions, and a map of where they differ, from 0 to the largest number found.

    Args:
        x, x_hat: examples of equal shape; the first `columns` are drawn.
        heat: what the map shows of images, [N, H, W]; the absolute difference by default.
        label: what that is.
    """
    x, x_hat = _alike(columns, x, x_hat)
    if not _are_images(x):
        return write(_lines([(x, "input", QUIET), (x_hat, "reconstruction", BLUE)]), path)
    heat = np.abs(x - x_hat).mean(axis=-1) if heat is None else np.maximum(heat[:columns], 0)
    largest = float(heat.max())
    colours = matplotlib.colormaps["magma"](heat / (largest or 1))[..., :3]
    return write(_mosaic([x, x_hat, colours], ("input", "reconstruction", f"{label}\n0 to {largest:.2g}")), path)


def interpolation(rows, path):
    """Ways through the latent space, one a row.

    Args:
        rows: [R, steps, H, W, C], [R, steps, T, C] or [R, steps, F].
    """
    rows = [_examples(row) for row in rows]
    if not _are_images(rows[0]):
        return write(_lines([(np.concatenate(rows), None, BLUE)], len(rows[0])), path)
    return write(_mosaic(rows), path)


def before_after(x, before, after, path, columns=12):
    """Rows: inputs, what the model made of them before fine-tuning, and after.

    Args:
        x, before, after: examples of equal shape; the first `columns` are drawn.
    """
    x, before, after = _alike(columns, x, before, after)
    if not _are_images(x):
        return write(_lines([(x, "input", QUIET), (before, "before", ORANGE), (after, "after", BLUE)]), path)
    return write(_mosaic([x, before, after], ("input", "before\nfine-tuning", "after\nfine-tuning")), path)


def strips(rows, path):
    """Labelled rows of images.

    Args:
        rows: {label: images [N, H, W, C]}, all of one shape.
    """
    images = _alike(max(map(len, rows.values())), *rows.values())
    return write(_mosaic(images, tuple(rows)), path)


def curves(history, path):
    """The loss over the epochs, and a small panel for each of its parts.

    Args:
        history: {name: values, one an epoch}; "val_NAME" is drawn with NAME. "loss" is drawn first and large.
    """
    names = [name for name in history if not name.startswith("val_") and len(history[name])]
    if not names:
        raise InputError(f"figures: no curve to draw in a history of {sorted(history)}")
    names.sort(key=lambda name: name != "loss")
    columns = {1: 1, 2: 1, 3: 2, 5: 2}.get(len(names), 3)
    rows = math.ceil((len(names) - 1) / columns)
    figure = blank(8, 3.1 + 1.9 * rows)
    cells = figure.add_gridspec(1 + rows, columns, height_ratios=[1.7] + [1] * rows)
    for i, name in enumerate(names):
        cell = cells[0, :] if i == 0 else cells[1 + (i - 1) // columns, (i - 1) % columns]
        _curve(figure.add_subplot(cell), history, name, legend=i == 0)
    return write(figure, path)


def latent_map(codes, labels, path, classes=None):
    """Codes in the plane: themselves where they have two dimensions, else their first two principal components.

    Args:
        codes: [N, D], or [N, ...], which is flattened.
        labels: [N] integers, or None.
        classes: the names of labels 0, 1, ...
    """
    return _scatter(*_plane(codes), labels, path, classes)


def scatter(points, labels, path, classes=None):
    """Rows of a table with two columns, [N, 2]; labels and classes as of `latent_map`."""
    return _scatter(np.asarray(points), ("column 0", "column 1"), labels, path, classes)


def distributions(columns, path):
    """A panel for each column of a table: a histogram of numbers, a bar for each word.

    Args:
        columns: {name: numbers or words [N]}; the first COLUMNS are drawn.
    """
    columns = dict(list(columns.items())[:COLUMNS])
    width = min(4, len(columns))
    figure = blank(8, 0.4 + 1.5 * math.ceil(len(columns) / width))
    panels = figure.subplots(math.ceil(len(columns) / width), width, squeeze=False)
    for axes in panels.flat[len(columns) :]:
        axes.set_visible(False)
    for axes, (name, values) in zip(panels.flat, columns.items(), strict=False):
        plain(axes)
        if values.dtype.kind == "U":
            words, counts = np.unique(values, return_counts=True)
            axes.bar([_short(word) for word in words], counts, color=BLUE, width=0.7)
            axes.tick_params("x", rotation=45 if len(words) > 3 else 0)
        else:
            axes.hist(values, bins=30, color=BLUE)
            axes.xaxis.set_major_locator(MaxNLocator(3, steps=STEPS))
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True, steps=STEPS))
        axes.set_title(_short(name, 24), loc="left", fontsize=9, color=INK, parse_math=False)
    return write(figure, path)


def _short(text, most=10):
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _scatter(points, names, labels, path, classes):
    """Dots in the plane, coloured by label."""
    order = np.random.default_rng(0).permutation(len(points))  # so that no class lies on top of the others
    figure = blank(6.4, 5.4)
    axes = plain(figure.add_subplot(), grid="both")
    dots = {"s": float(np.clip(12000 / len(points), 4, 30)), "alpha": 0.75, "linewidths": 0}
    if labels is None:
        axes.scatter(*points.T, color=BLUE, **dots)
    else:
        values, which = np.unique(np.asarray(labels), return_inverse=True)
        colours = _colours(len(values))
        axes.scatter(*points[order].T, color=colours[which[order]], **dots)
        _class_legend(axes, values, colours, classes or ())
    axes.set_xlabel(names[0], **TEXT)
    axes.set_ylabel(names[1], **TEXT)
    axes.set_aspect("equal", adjustable="datalim")
    return write(figure, path)


# Examples.


def _examples(x):
    """[N, H, W, C], [N, T, C] or [N, F] as float32, images in [0, 1]."""
    x = np.asarray(x)
    if (
        x.ndim not in (2, 3, 4)
        or not x.size
        or x.dtype.kind not in "biuf"
        or (x.ndim == 4 and x.shape[-1] not in (1, 3))
    ):
        needed = "[N, H, W, 1 or 3], [N, T, C] or [N, F]"
        raise InputError(f"figures: an array of shape {x.shape} and dtype {x.dtype}; need numbers {needed}")
    if not _are_images(x):
        return x.astype(np.float32)
    scale = 255 if x.dtype == np.uint8 else 1
    return np.clip(np.nan_to_num(x.astype(np.float32) / scale), 0, 1)


def _are_images(x):
    return x.ndim == 4


def _alike(count, *arrays):
    """The first `count` examples of every array; all must have one shape."""
    arrays = [_examples(x)[:count] for x in arrays]
    shapes = [x.shape for x in arrays]
    if len(set(shapes)) > 1:
        raise InputError(f"figures: examples that belong together have different shapes: {shapes}")
    return arrays


def _even_columns(count):
    """Columns, about twice as many as rows, that leave the fewest places of the last row empty."""
    best = math.sqrt(2 * count)
    near = range(math.ceil(0.7 * best), math.ceil(1.5 * best) + 1)
    return min(near, key=lambda columns: (-count % columns, abs(columns - best)))


# Images: one mosaic, a whole number of screen pixels for every image pixel.


def _mosaic(rows, labels=None, title=None):
    """A figure of rows of images [columns, H, W, 1 or 3]; labels stand left of their rows."""
    columns = max(map(len, rows))
    side = (WIDTH - (LABELS if labels else MARGIN) - MARGIN + GAP) // columns - GAP
    tiles = [[_tile(image, min(side, 320)) for image in row] for row in rows]
    height, width = tiles[0][0].shape[:2]
    canvas = np.ones((len(rows) * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), np.float32)
    for r, row in enumerate(tiles):
        for c, tile in enumerate(row):
            top, left = r * (height + GAP), c * (width + GAP)
            canvas[top : top + height, left : left + width] = tile
    return _framed(canvas, height + GAP, labels or (), title)


def _tile(image, side):
    """An image as RGB, at most about `side` pixels wide: enlarged by a whole number, or reduced with antialiasing."""
    image = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
    times = side // max(image.shape[:2])
    if times >= 1:
        return image.repeat(times, axis=0).repeat(times, axis=1)
    size = [max(1, round(n * side / max(image.shape[:2]))) for n in image.shape[1::-1]]
    reduced = Image.fromarray(np.uint8(np.rint(image * 255))).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(reduced, np.float32) / 255


def _framed(canvas, pitch, labels, title):
    """A figure with the canvas pixel by pixel, a margin, labels left of rows that are `pitch` pixels apart."""
    height, width = canvas.shape[:2]
    left, top = (LABELS if labels else MARGIN), (TITLE if title else MARGIN)
    total = (left + width + MARGIN, top + height + MARGIN)
    figure = blank(total[0] / DPI, total[1] / DPI, layout=None)
    axes = figure.add_axes((left / total[0], MARGIN / total[1], width / total[0], height / total[1]))
    axes.imshow(canvas, interpolation="none", aspect="auto")
    axes.set_axis_off()
    for row, label in enumerate(labels):
        y = 1 - (top + pitch * (row + 0.5)) / total[1]
        figure.text((left - 20) / total[0], y, label, ha="right", va="center", linespacing=1.3, **TEXT)
    if title:
        figure.text(left / total[0], 1 - TITLE / 1.8 / total[1], title, ha="left", va="center", fontsize=11, color=INK)
    return figure


# Sequences and tables: small multiples on one scale.


def _lines(layers, columns=4, title=None):
    """A figure with a panel for every example and a line for every layer (and every channel of a sequence).

    Args:
        layers: [(examples [N, T, C] or [N, F], label or None, colour)].
    """
    count = len(layers[0][0])
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = blank(8, max(2.0, 0.5 + 1.15 * rows))
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat:
        axes.set_visible(False)
    for i, axes in enumerate(panels.flat[:count]):
        axes.set_visible(True)
        plain(axes)
        for examples, label, colour in layers:
            width = 2.4 if colour == QUIET else 1.2  # what lies below stays visible
            lines = axes.plot(examples[i], color=colour, linewidth=width, alpha=0.6 if colour == QUIET else 0.9)
            lines[0].set_label(label if i == 0 else None)
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True, steps=STEPS))
        axes.yaxis.set_major_locator(MaxNLocator(3, steps=STEPS))
    if layers[0][1]:
        figure.legend(loc="outside upper left", ncols=len(layers), **_legend())
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=11, color=INK)
    return figure


# Curves and maps.


def _curve(axes, history, name, legend):
    """One panel: training in blue, validation in orange."""
    plain(axes)
    for key, label, colour in ((name, "train", BLUE), (f"val_{name}", "validation", ORANGE)):
        values = history.get(key, ())
        if len(values):
            marker = "o" if len(values) < 2 else None
            axes.plot(range(1, len(values) + 1), values, color=colour, linewidth=1.6, marker=marker, label=label)
    axes.set_title(name.replace("_", " "), loc="left", fontsize=10 if legend else 9, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(8 if legend else 4, integer=True, steps=STEPS))
    axes.yaxis.set_major_locator(MaxNLocator(5 if legend else 3, steps=STEPS))
    if len(history[name]) > 1:
        axes.set_xlim(1)
    if legend:
        axes.set_xlabel("epoch", fontsize=9, color=QUIET)
        axes.legend(loc="upper right", **_legend())


def _plane(codes):
    """(points [N, 2], what their axes are)."""
    codes = np.asarray(codes, np.float64)
    codes = codes.reshape(len(codes), -1) if codes.ndim else codes
    if codes.ndim != 2 or len(codes) < 2 or not np.isfinite(codes).all():
        raise InputError(f"figures: codes of shape {codes.shape}; need at least two, [N, D], all finite")
    if codes.shape[1] == 2:
        return codes, ("code 1", "code 2")
    if codes.shape[1] == 1:
        spread = np.random.default_rng(0).uniform(-1, 1, len(codes))
        return np.stack([codes[:, 0], spread], axis=1), ("code 1", "spread at random")
    from sklearn.decomposition import PCA

    pca = PCA(2, svd_solver="full")
    points = pca.fit_transform(codes)
    share = np.nan_to_num(pca.explained_variance_ratio_)
    return points, tuple(f"principal component {i + 1} ({part:.0%} of the variance)" for i, part in enumerate(share))


def _colours(count):
    """`count` colours, [count, 4]."""
    if count <= len(PALETTE):
        return np.array([matplotlib.colors.to_rgba(colour) for colour in PALETTE[:count]])
    return matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, count))


def _class_legend(axes, values, colours, classes):
    """Names beside their colours, right of the map; more than 60 are left out."""
    if len(values) > 60:
        return
    names = dict(enumerate(classes))
    for value, colour in zip(values, colours, strict=True):
        axes.scatter([], [], color=[colour], s=36, linewidths=0, label=names.get(int(value), str(value)))
    style = {"handletextpad": 0.2, "labelspacing": 0.6, "ncols": math.ceil(len(values) / 20)}
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, **_legend(), **style)


# Style and files.


def blank(width, height, layout="constrained"):
    """An empty figure of that many inches."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout=layout)
    if layout:
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    FigureCanvasAgg(figure)
    return figure


def plain(axes, grid="y"):
    """Axes with a faint grid instead of a box."""
    for side in axes.spines.values():
        side.set_visible(False)
    axes.grid(axis=grid, color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=8, labelcolor=QUIET)
    return axes


def _legend():
    return {"frameon": False, "fontsize": 9, "labelcolor": INK}


def write(figure, path):
    """Writes beside the path and renames, so that a reader never sees half a picture."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f"{SCRATCH}{path.name}-", suffix=".png")
        os.close(handle)
        try:
            figure.savefig(scratch, format="png", metadata={"Software": None})
            os.chmod(scratch, 0o644)
            os.replace(scratch, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(scratch)
    except OSError as error:
        raise WriteError(f"cannot write {path} ({error.strerror or error})") from None
