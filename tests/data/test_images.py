"""Folders of images: layouts, formats, what is done to the pixels, and every way a file can be bad."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from zoo.data import image_files, load
from zoo.data import source as sources
from zoo.errors import InputError

from .examples import noise, save

ALL = {"validation": 0, "test": 0}


def refusal(spec, **words):
    with pytest.raises(InputError) as error:
        load(spec, **words)
    assert "\n" not in str(error.value)
    return str(error.value)


def only(folder, **words):
    """The one picture that stands twice in the folder, and the notes."""
    bundle = load(folder, **ALL, **words)
    np.testing.assert_array_equal(bundle.train.x[0], bundle.train.x[1])
    return bundle.train.x[0], " | ".join(bundle.notes)


def twice(folder, name, image, **kwargs):
    folder.mkdir(exist_ok=True)
    for prefix in "ab":
        image.save(folder / f"{prefix}{name}", **kwargs)
    return folder


def test_a_flat_folder_in_the_order_of_names(photos):
    bundle = load(photos, **ALL)
    np.testing.assert_array_equal(bundle.train.x[..., 0], [noise(i, (8, 6)) for i in range(12)])
    assert (bundle.name, bundle.kind, bundle.train.y, bundle.classes) == ("photos", "image", None, None)


def test_class_folders_give_labels(tmp_path):
    for i, name in enumerate(["cat", "ant", "cat"]):
        save(tmp_path / "d" / name / f"{i}.png", noise(i, (4, 4)))
    bundle = load(tmp_path / "d", **ALL)
    assert bundle.classes == ("ant", "cat")
    np.testing.assert_array_equal(bundle.train.y, [0, 1, 1])


@pytest.mark.parametrize("classes", [True, False])
def test_split_folders(tmp_path, classes):
    for i, split in enumerate(["train"] * 6 + ["val"] * 3 + ["test"] * 2):
        save(tmp_path / "d" / split / ("ab"[i % 2] if classes else "") / f"{i}.png", noise(i, (4, 4)))
    bundle = load(tmp_path / "d")
    assert [len(split) for split in bundle.splits.values()] == [6, 3, 2]
    assert bundle.classes == (("a", "b") if classes else None)
    if classes:
        np.testing.assert_array_equal(sorted(bundle.validation.y), [0, 0, 1])


def test_images_beside_and_inside_folders_have_no_classes(photos):
    save(photos / "more" / "x.png", noise(99, (8, 6)))
    bundle = load(photos, **ALL)
    assert len(bundle.train) == 13 and bundle.classes is None
    assert any("not read as classes" in note for note in bundle.notes)


def test_other_files_are_counted_and_hidden_ones_are_not(photos):
    for name in ("notes.txt", "raw.heic", ".DS_Store", "._00.png"):
        (photos / name).write_text("x")
    notes = load(photos).notes
    assert any(note.startswith("2 files not read") and note.endswith(".heic .txt") for note in notes)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp", "gif"])
def test_lossless_formats_give_their_pixels(tmp_path, suffix):
    pixels = np.repeat(noise(0, (6, 5, 1)), 3, axis=2)
    image = Image.fromarray(pixels[..., 0] if suffix == "gif" else pixels)
    found, _ = only(twice(tmp_path / "d", f".{suffix}", image, **({"lossless": True} if suffix == "webp" else {})))
    np.testing.assert_array_equal(found, pixels[..., :1] if suffix == "gif" else pixels)


def test_jpeg_is_near(tmp_path):
    pixels = np.linspace(0, 255, 256).reshape(16, 16).astype(np.uint8)
    found, _ = only(twice(tmp_path / "d", ".JPG", Image.fromarray(pixels), format="jpeg", quality=95))
    assert abs(found[..., 0].astype(int) - pixels).max() < 12


def test_sixteen_bits_are_kept(tmp_path):
    pixels = noise(0, (6, 5), np.uint16)
    folder = twice(tmp_path / "d", ".png", Image.fromarray(pixels))
    found, _ = only(folder)
    np.testing.assert_array_equal(found[..., 0], pixels.astype(np.float32))
    assert load(folder, **ALL).preprocessor.high == 65535
    save(folder / "c.png", np.full((6, 5), 255, np.uint8))
    assert load(folder, **ALL).train.x[2].max() == 65535


def test_sixteen_bit_colour_is_read_as_eight_and_said(tmp_path):
    pixels = noise(0, (6, 5, 3))
    for name in "ab":
        save_deep_colour(tmp_path / "d" / f"{name}.png", pixels.astype(">u2") * 257)
    found, notes = only(tmp_path / "d")
    np.testing.assert_array_equal(found, pixels)
    assert "2 images (a.png, b.png) of 16-bit colour were read as 8-bit" in notes


def save_deep_colour(path, pixels):
    """A PNG of 16-bit colour, which Pillow reads and does not write."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    path.parent.mkdir(exist_ok=True)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def test_float_tiffs_are_kept(tmp_path):
    pixels = noise(0, (6, 5), np.float32)
    found, notes = only(twice(tmp_path / "d", ".tiff", Image.fromarray(pixels)))
    np.testing.assert_array_equal(found[..., 0], pixels)
    assert "read as [0, 1]" in notes


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_put_on_white(tmp_path, mode):
    image = Image.new(mode, (4, 4), (0,) * (len(mode) - 1) + (51,))
    found, notes = only(twice(tmp_path / "d", ".png", image))
    assert found.shape[-1] == len(mode) - 1 and (found == 204).all()
    assert "put on white" in notes


def test_what_was_done_to_one_image_is_said_of_one(tmp_path):
    (tmp_path / "d").mkdir()
    for i in range(8):
        Image.fromarray(noise(i, (4, 4))).save(tmp_path / "d" / f"{i}.png")
    Image.new("LA", (4, 4), (0, 51)).save(tmp_path / "d" / "clear.png")
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(tmp_path / "d" / "deep.png")
    notes = load(tmp_path / "d").notes
    assert "1 image (clear.png) with transparency was put on white" in notes
    assert "both 8-bit and 16-bit images were found; the 8-bit ones were brought to 16 bits" in notes


def test_palettes_and_cmyk_become_rgb(tmp_path):
    colour = Image.new("RGB", (4, 4), (255, 0, 0))
    found, notes = only(twice(tmp_path / "p", ".png", colour.convert("P")))
    assert "palette" in notes and found[0, 0].tolist() == [255, 0, 0]
    found, notes = only(twice(tmp_path / "c", ".tiff", colour.convert("CMYK")))
    assert "CMYK" in notes and found[0, 0].tolist() == [255, 0, 0]


def test_exif_rotation_is_applied_before_sizes_are_compared(tmp_path):
    pixels = np.zeros((8, 4), np.uint8)
    pixels[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    twice(tmp_path / "d", ".png", Image.fromarray(np.rot90(pixels).copy()), exif=exif)
    found, notes = only(tmp_path / "d")
    assert "upright" in notes
    np.testing.assert_array_equal(found[..., 0], pixels)


def test_the_first_frame_stands_for_an_animation(tmp_path):
    frames = [Image.new("L", (4, 4), v) for v in (0, 100, 200)]
    found, notes = only(twice(tmp_path / "d", ".gif", frames[0], save_all=True, append_images=frames[1:]))
    assert "the first one was taken" in notes and found.max() == 0


def test_grey_beside_colour(photos):
    save(photos / "z.png", noise(0, (8, 6, 3)))
    bundle = load(photos, **ALL)
    assert bundle.shape == (8, 6, 3) and any("both grey and colour" in note for note in bundle.notes)
    assert load(photos, channels=1).shape == (8, 6, 1)


def test_mixed_sizes_are_named_and_resize_mends_them(photos):
    save(photos / "z.png", noise(0, (9, 6)))
    message = refusal(photos)
    assert "2 sizes" in message and "8x6 (12 files), 9x6 (1 file)" in message and "resize=(8, 6)" in message
    assert load(photos, resize=(5, 7)).shape == (5, 7, 1)


def test_missing_and_empty_folders(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none")
    message = refusal(tmp_path)
    assert message.startswith(f"{tmp_path}: no images (.png .jpg") and ".webp" in message


def test_one_image_alone(photos):
    assert "1 sample; at least 2" in refusal(photos / "00.png")
    model = load(photos).preprocessor
    assert load(photos / "00.png", preprocessor=model, **ALL).train.x.shape == (1, 8, 6, 1)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def cut_header(path):
    path.write_bytes(path.read_bytes()[:20])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


BAD = {
    "empty file": lambda path: path.write_bytes(b""),
    "not an image": lambda path: path.write_text("hello, I am text"),
    "truncated": cut,
    "damaged PNG": cut_header,
    "damaged": flip,
}


@pytest.mark.parametrize("reason", BAD)
@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
def test_bad_png_files_are_named(tmp_path, reason, colour):
    for i in range(12):
        save(tmp_path / "photos" / f"{i:02}.png", noise(i, (40, 30, 3) if colour else (40, 30)))
    path = tmp_path / "photos" / "03.png"
    BAD[reason](path)
    assert refusal(tmp_path / "photos").startswith(f"{path}: {reason}")
    assert "(1 of 12 files is bad; --skip-bad leaves them out)" in refusal(tmp_path / "photos")
    bundle = load(tmp_path / "photos", skip_bad=True, **ALL)
    assert len(bundle.train) == 11
    assert any(note.startswith(f"1 of 12 files left out: 03.png ({reason}") for note in bundle.notes)
    np.testing.assert_array_equal(bundle.train.x[3].squeeze(), noise(4, (40, 30, 3) if colour else (40, 30)))


def test_truncated_jpeg_is_named(tmp_path):
    for i in range(3):
        save(tmp_path / "d" / f"{i}.jpg", noise(i, (64, 64)))
    cut(tmp_path / "d" / "1.jpg")
    assert f"{tmp_path / 'd' / '1.jpg'}: truncated JPEG (1 of 3 files is bad" in refusal(tmp_path / "d")


def test_every_bad_file_is_counted(photos):
    cut(photos / "05.png")
    (photos / "02.png").write_bytes(b"")
    assert "2 of 12 files are bad" in refusal(photos)
    for path in photos.iterdir():
        path.write_bytes(b"")
    assert "all 12 files are bad" in refusal(photos, skip_bad=True)


def test_files_that_fail_only_in_decoding_can_all_be_bad(photos):
    for path in photos.iterdir():
        cut(path)
    assert "all 12 files are bad" in refusal(photos, skip_bad=True)


def test_image_bombs_are_refused_by_their_header(photos, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_PIXELS", 1_000_000)
    Image.new("1", (4000, 1000)).save(photos / "zz.png")
    assert "zz.png: 4 megapixels; the limit is 1" in refusal(photos)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "zz.png: more than 1 megapixels" in refusal(photos)
    assert image_files.MAX_PIXELS == 1_000_000


def test_more_images_than_memory_are_refused_before_they_are_decoded(photos, monkeypatch):
    monkeypatch.setattr(sources, "available_memory", lambda: 1000)
    monkeypatch.setattr(image_files, "_pixels", lambda path: pytest.fail("decoded"))
    assert "half of what is free" in refusal(photos, stream=False)


@pytest.mark.parametrize("how", ["fit", "crop", "pad"])
def test_mixed_sizes_are_brought_to_the_most_frequent_one(photos, how):
    save(photos / "wide.png", noise(50, (8, 24)))
    bundle = load(photos, resize=how, **ALL)
    assert bundle.shape == (8, 6, 1) and len(bundle.train) == 13
    assert any("2 sizes were brought to 8x6, as 12 are" in note and how in note for note in bundle.notes)
    np.testing.assert_array_equal(bundle.train.x[0, ..., 0], noise(0, (8, 6)))


def test_crop_and_pad_keep_the_aspect(tmp_path):
    square = np.zeros((20, 40), np.uint8)
    square[4:16, 14:26] = 255  # in the middle, as high as wide
    save(tmp_path / "d" / "a.png", square)
    save(tmp_path / "d" / "b.png", square)

    def extent(how, size):
        x = load(tmp_path / "d", resize=(*size, how), **ALL).train.x[0, :, :, 0]
        rows, columns = np.nonzero(x > 127)
        return (np.ptp(rows) + 1, np.ptp(columns) + 1), x

    assert extent("fit", (20, 20))[0] == (12, 6)
    assert extent("crop", (20, 20))[0] == (12, 12)
    shape, x = extent("pad", (20, 20))
    assert shape == (6, 6) and not x[:5].any() and not x[15:].any()


@pytest.mark.parametrize("resize", ["stretch", (8,), (8, 8, "cut"), (0, 8), 28, (8, 8.0)])
def test_a_resize_that_means_nothing(photos, resize):
    assert "need (height, width), each from 1 to 8192, fit, crop, pad" in refusal(photos, resize=resize)
