"""Figures: every kind of example gives a PNG that shows something, whole or not at all."""

import numpy as np
import pytest
from PIL import Image

from zoo import figures
from zoo.errors import InputError, WriteError

RNG = np.random.default_rng(0)
EXAMPLES = {
    "digits": RNG.random((20, 8, 8, 1)),
    "grey": RNG.random((20, 28, 28, 1)),
    "colour": RNG.random((20, 33, 47, 3)),
    "bytes": RNG.integers(0, 256, (20, 16, 16, 3), dtype=np.uint8),
    "large": RNG.random((3, 500, 700, 3)),
    "tall": RNG.random((20, 200, 3, 1)),
    "single": RNG.random((1, 12, 12, 1)),
    "sequence": RNG.normal(size=(20, 30, 2)),
    "table": RNG.normal(size=(20, 6)),
}


def picture(path):
    """The pixels [H, W, 3] of a PNG that is no blank page and fits a README."""
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert pixels.std() > 1 and pixels.shape[1] <= 1600
    assert (pixels[0] == 255).all() and (pixels[:, 0] == 255).all()  # nothing is cut off at the edge
    return pixels


@pytest.fixture(params=EXAMPLES.values(), ids=EXAMPLES)
def x(request):
    return request.param


def test_grid(x, tmp_path):
    figures.grid(x, tmp_path / "a.png", title="samples")
    figures.grid(x, tmp_path / "b.png", columns=3)
    assert picture(tmp_path / "a.png").shape != picture(tmp_path / "b.png").shape


def test_reconstructions_and_before_after(x, tmp_path):
    figures.reconstructions(x, x[::-1], tmp_path / "a.png")
    figures.before_after(x, x[::-1], x, tmp_path / "b.png", columns=4)
    picture(tmp_path / "a.png"), picture(tmp_path / "b.png")


def test_interpolation(x, tmp_path):
    figures.interpolation(np.stack([x, x[::-1]]), tmp_path / "a.png")
    picture(tmp_path / "a.png")


def test_pixels_are_shown_as_they_are(tmp_path):
    x = np.array([[[0.0], [0.25]], [[0.5], [0.75]]])[None]
    figures.grid(x, tmp_path / "a.png")
    pixels = picture(tmp_path / "a.png")
    inside = pixels[24:-24, 24:-24, 0]
    half = inside.shape[0] // 2
    for row, column, value in [(0, 0, 0), (0, 1, 64), (1, 0, 128), (1, 1, 191)]:
        block = inside[row * half : (row + 1) * half, column * half : (column + 1) * half]
        assert abs(block.astype(int) - value).max() <= 1


def test_a_perfect_reconstruction_has_no_difference(tmp_path):
    x = EXAMPLES["grey"]
    figures.reconstructions(x, x, tmp_path / "a.png")
    figures.reconstructions(x, 1 - x, tmp_path / "b.png")
    colourful = [np.ptp(picture(tmp_path / name).astype(int), axis=-1).max() for name in ("a.png", "b.png")]
    assert colourful[0] < 40 < colourful[1]


def test_a_grid_leaves_few_places_empty():
    assert [figures._even_columns(n) for n in (1, 4, 16, 32, 36, 64)] == [1, 2, 4, 8, 9, 8]
    for n in range(1, 200):
        assert 1 <= figures._even_columns(n) <= n + 1


@pytest.mark.parametrize("parts", range(6))
@pytest.mark.parametrize("epochs", [1, 30])
def test_curves(tmp_path, parts, epochs):
    history = {name: list(RNG.random(epochs)) for name in ["loss", "val_loss", *map("part_{}".format, range(parts))]}
    figures.curves(history, tmp_path / "a.png")
    picture(tmp_path / "a.png")


@pytest.mark.parametrize("width", [1, 2, 16])
@pytest.mark.parametrize("classes", [0, 1, 10, 40, 100])
def test_latent_map(tmp_path, width, classes):
    labels = np.arange(200) % classes if classes else None
    figures.latent_map(RNG.normal(size=(200, width)), labels, tmp_path / "a.png", tuple("abcdefghij"))
    picture(tmp_path / "a.png")


@pytest.mark.parametrize("columns", [1, 30])
def test_distributions_of_columns(tmp_path, columns):
    table = {f"${i}_{'long' * i}": RNG.normal(size=50) for i in range(columns)}
    words = {"colour": np.array(["red", "blue", "a colour that nobody has a word for", "$_"])}
    figures.distributions(words | table | {"constant": np.ones(3)}, tmp_path / "a.png")
    picture(tmp_path / "a.png")


def test_the_axes_of_a_map_say_what_they_are():
    line = np.outer(np.arange(9), [3, 4, 0])
    points, names = figures._plane(line)
    assert names == ("principal component 1 (100% of the variance)", "principal component 2 (0% of the variance)")
    np.testing.assert_allclose(np.abs(np.diff(points[:, 0])), 5)
    points, names = figures._plane(line[:, :2])
    assert names == ("code 1", "code 2") and (points == line[:, :2]).all()


def test_the_same_arrays_give_the_same_file(tmp_path):
    for name in "ab":
        figures.latent_map(EXAMPLES["table"], np.arange(20) % 3, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "draw",
    [
        lambda path: figures.grid(np.zeros((0, 4, 4, 1)), path),
        lambda path: figures.grid(np.zeros((4, 4, 4, 2)), path),
        lambda path: figures.grid(np.array(["a"]), path),
        lambda path: figures.reconstructions(np.zeros((4, 5)), np.zeros((4, 6)), path),
        lambda path: figures.before_after(np.zeros((4, 5)), np.zeros((4, 5)), np.zeros((3, 5)), path),
        lambda path: figures.curves({"loss": []}, path),
        lambda path: figures.latent_map(np.full((5, 3), np.nan), None, path),
        lambda path: figures.latent_map(np.zeros((1, 3)), None, path),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_nothing_is_written(tmp_path, draw):
    with pytest.raises(InputError, match="figures: "):
        draw(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_whole(tmp_path, monkeypatch):
    figures.grid(EXAMPLES["table"], tmp_path / "new" / "a.png")
    before = (tmp_path / "new" / "a.png").read_bytes()
    monkeypatch.setattr(figures.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(WriteError, match=r"cannot write .*a.png \(No space left on device\)"):
        figures.grid(EXAMPLES["grey"], tmp_path / "new" / "a.png")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]
    assert (tmp_path / "new" / "a.png").read_bytes() == before


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="cannot write"):
        figures.grid(EXAMPLES["grey"], tmp_path / "file" / "a.png")
