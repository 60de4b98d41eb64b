"""Bad files and values at the command line: one line that says what and where, the right exit code, nothing written."""

import io
import os
import struct

import numpy as np
import pytest
from PIL import Image

from zoo import training

from .test_bad_input import SMALL, fail, tree
from .test_strict_loading import npy_header, npz, png_bomb

RANDOM = np.random.default_rng(0)


def encoded(format="PNG", size=(8, 8), mode="L", **words):
    """The bytes of a picture."""
    image, buffer = Image.fromarray(RANDOM.integers(0, 255, size[::-1], dtype="uint8")), io.BytesIO()
    image.convert(mode).save(buffer, format, **words)
    return buffer.getvalue()


def array(x):
    buffer = io.BytesIO()
    np.save(buffer, x)
    return buffer.getvalue()


def arrays(**named):
    buffer = io.BytesIO()
    np.savez(buffer, **named)
    return buffer.getvalue()


PNG, JPEG = encoded(), encoded("JPEG", (64, 64))
X = RANDOM.random((20, 8, 8, 1)).astype("float32")
NAN = X.copy()
NAN[3, 0, 7] = np.nan

# What --data is (a file, or a folder of files by name), what the line says. {} is the path.
DATA = {
    "an empty file": (
        {"a.png": PNG, "b.png": b""},
        "b.png: empty file (1 of 2 files is bad; --skip-bad leaves them out)",
    ),
    "a truncated PNG": ({"a.png": PNG, "b.png": PNG[:50]}, "b.png: truncated PNG"),
    "a truncated JPEG": ({"a.jpg": JPEG[: len(JPEG) // 2]}, "a.jpg: truncated JPEG"),
    "text called jpg": ({"a.jpg": b"hello"}, "a.jpg: not an image"),
    "damaged GIF": ({"a.gif": b"GIF89a" + b"\xff" * 30}, "a.gif: "),
    "damaged WebP": ({"a.webp": b"RIFF\x10\0\0\0WEBPVP8 "}, "a.webp: "),
    "damaged TIFF": ({"a.tiff": b"II*\0\xff\xff\xff\x7f"}, "a.tiff: damaged TIFF"),
    "damaged BMP": ({"a.bmp": b"BM" + bytes(20)}, "a.bmp: "),
    "a bomb": ({"a.png": png_bomb(20_000)}, "a.png: more than 64 megapixels, which is the limit"),
    "two sizes": (
        {"a.png": PNG, "b.png": encoded(size=(9, 8))},
        "images of 2 sizes, height x width: 8x8 (1 file), 8x9",
    ),
    "one image": ({"a.png": PNG}, "1 sample; at least 2 are needed"),
    "no images": ({"a.txt": b"x", "b.heic": b"x"}, "{}: no images (.png"),
    "float and 8 bit": (
        {"a.tiff": encoded("TIFF", mode="F"), "b.png": PNG},
        "float images beside integer images; convert them to one kind",
    ),
    "a file of Python": ("a.py", b"print()", "files ending in '.py' are not read; accepted are digits"),
    "no ending": ("data", b"x", "files ending in 'nothing' are not read"),
    "an empty npy": ("a.npy", b"", "a.npy: not a .npy file"),
    "a cut npy": ("a.npy", array(X)[:400], "a.npy: damaged"),
    "text called npy": ("a.npy", b"1 2 3", "a.npy: not a .npy file"),
    "a pickle called npy": ("a.npy", array(np.array([object], dtype=object)), "pickled Python objects"),
    "NaN": ("a.npy", array(NAN), "a.npy: 1 NaN value (first at [3, 0, 7, 0])"),
    "infinite": ("a.npy", array(np.where(NAN == NAN, NAN, np.inf)), "1 infinite value (first at [3, 0, 7, 0])"),
    "complex numbers": ("a.npy", array(X.astype("complex64")), "dtype complex64"),
    "words": ("a.npy", array(np.array(["a", "b"])), "dtype <U1"),
    "a scalar": ("a.npy", array(np.float32(3)), "shape (); need numbers [N, ...]"),
    "no examples": ("a.npy", array(X[:0]), "0 samples; at least 2 are needed"),
    "one example": ("a.npy", array(X[:1]), "1 sample; at least 2 are needed"),
    "five axes": ("a.npy", array(X[..., None]), "shape (20, 8, 8, 1, 1); need [N, F]"),
    "one axis": ("a.npy", array(X[:, 0, 0, 0]), "shape (20,); need [N, F]"),
    "an empty axis": ("a.npy", array(np.zeros((5, 0, 8, 1))), "has an empty axis"),
    "channels first": ("a.npy", array(np.zeros((5, 3, 8, 8), "uint8")), "channels first; transpose it to [N, H, W, C]"),
    "one image as an array": ("a.npy", array(np.zeros((8, 8, 3), "uint8")), "is one image, or sequences"),
    "an odd range": ("a.npy", array(X * 9000), "scale them to [0, 1], [-1, 1] or [0, 255] first"),
    "an array of 4 TB": ("a.npy", npy_header((2**40,)), "a.npy: damaged"),
    "no zip": ("a.npz", b"PK\x03\x04", "a.npz: damaged, or not a .npz file"),
    "a zip bomb": ("a.npz", npz({"x.npy": npy_header((2**28,)) + bytes(80 << 20)}), "a.npz: "),
    "unknown arrays": ("a.npz", arrays(a=X, b=X), "the arrays are ['a', 'b']; need x and y"),
    "labels for others": ("a.npz", arrays(x=X, y=np.zeros(7)), "labels of shape (7,) for 20 examples"),
    "labels without examples": ("a.npz", arrays(x=X, y_test=np.zeros(3)), "labels but no examples for test"),
    "fractions as labels": ("a.npz", arrays(x=X, y=np.full(20, 0.5)), "labels must be whole numbers; found 0.5"),
    "splits of two shapes": ("a.npz", arrays(x_train=X, x_test=X[:, :4]), "splits hold examples of different shapes"),
    "a test split alone": ("a.npz", arrays(x_test=X), "there is test but no train"),
    "an empty csv": ("a.csv", b"", "a.csv: empty file"),
    "a header alone": ("a.csv", b"a,b\n", "0 samples"),
    "a ragged csv": ("a.csv", b"a,b\n1,2\n3\n", "line 3 has 1 values, the first line has 2"),
    "a gap in a csv": (
        "a.csv",
        b"a,b\n1,2\n3,\n",
        "column 'b' line 3 is empty (1 missing cell); fill it or remove the line",
    ),
    "nan in a csv": ("a.csv", b"a,b\n1,2\n3,NaN\n", "column 'b' line 3 is NaN (1 missing cell)"),
    "infinity in a csv": ("a.csv", b"a,b\n1,2\n3,-inf\n", "column 'b' line 3 is -inf; need finite numbers"),
    "a word among numbers": ("a.csv", b"a,b\n1,2\n3,Oslo\n", "column 'b' is text (line 3: 'Oslo') beside numbers (2)"),
    "names": (
        "a.csv",
        b"n\n" + b"".join(b"name %d\n" % i for i in range(150)),
        "column 'n' is text (line 102: 'name 100'), with more than 100 different values",
    ),
    "a column twice": ("a.csv", b"a,a\n1,2\n3,4\n", "two columns are named 'a'; rename one"),
    "a column of nothing": ("a.csv", b"a,b\n1,\n2,\n", "column 'b' has no value; remove it"),
    "labels alone": ("a.csv", b"label\n1\n2\n", "the only column is 'label'"),
    "an open quote": ("a.csv", b'a,b\n1,"2\n', "a.csv: not a text table"),
    "bytes called csv": ("a.csv", bytes(range(128, 256)), "a.csv: not a text table"),
    "no parquet": ("a.parquet", b"PAR1", "a.parquet: damaged, or not a .parquet file"),
    "no records": ("a.tfrecord", b"x" * 40, "a.tfrecord: damaged, or not a .tfrecord file, after 0 records"),
    "records that end early": ("a.tfrecord", struct.pack("<Q", 12)[:6], "a.tfrecord: "),
}

# The whole command; {} is the folder of the run that is there.
COMMANDS = {
    "a folder that is not there": (("data", "show", "nowhere/"), 2, "nowhere/: this folder does not exist"),
    "a file that is not there": (("data", "show", "x.csv"), 2, "x.csv: this file does not exist"),
    "a name near another": (("data", "show", "digts"), 2, "did you mean 'digits'"),
    "a TFDS name near another": (("data", "show", "tfds:mnits"), 2, "did you mean 'tfds:mnist'"),
    "a TFDS name of a path": (("data", "show", "tfds:../../etc"), 2, "need tfds:NAME"),
    "a table of scikit-learn": (("data", "show", "sklearn:wines"), 2, "did you mean 'wine'"),
    "points of no shape": (("data", "show", "synthetic:moon"), 2, "did you mean 'moons'"),
    "points without end": (("data", "show", "synthetic:moons:99999999999"), 2, "the count must be from 2 to 1,000,000"),
    "a size of words": (("data", "show", "digits", "--resize", "large"), 2, "--resize large: needs HEIGHTxWIDTH"),
    "a size of nothing": (("data", "show", "digits", "--resize", "0x4"), 2, "--resize 0x4: needs HEIGHTxWIDTH"),
    "a size without end": (("data", "show", "digits", "--resize", "99999x4"), 2, "each from 1 to 8192"),
    "a way to resize": (("data", "show", "digits", "--resize", "8x8,cut"), 2, "--resize 8x8,cut: needs HEIGHTxWIDTH"),
    "a size of a model for a new one": (
        ("train", "vae_dense", "--resize", "model"),
        2,
        "a new model takes the size of",
    ),
    "a table resized": (("data", "show", "sklearn:wine", "--resize", "8x8"), 2, "resize and channels are for images"),
    "a grid as text": (
        ("data", "show", "digits", "--out", "grid.txt"),
        2,
        "--out grid.txt: ends in .txt; it takes .png",
    ),
    "a grid in no folder": (("data", "show", "digits", "--out", "no/grid.png"), 4, "no: no such folder"),
    "a table for a model of images": (("evaluate", "{}", "--data", "sklearn:wine"), 2, "sklearn:wine"),
    "an activation": (
        ("train", "vae_dense", "--set", "activation=rleu"),
        2,
        "activation: unknown 'rleu'; did you mean 'relu'",
    ),
    "groups that do not fit": (
        ("train", "vae_dense", "--set", "normalization=group", "--set", "widths=[10]"),
        2,
        "widths: 10 cannot be cut into the 8 groups",
    ),
    "a network for a giant": (
        ("train", "vae_dense", "--set", "widths=[1000000,1000000,1000000]"),
        2,
        "weights for data of 8x8x1 need",
    ),
    "a fraction as a code": (
        ("train", "vae_dense", "--set", "latent_dim=2.5"),
        2,
        "latent_dim: must be a whole number; got 2.5",
    ),
    "true as a code": (
        ("train", "vae_dense", "--set", "latent_dim=true"),
        2,
        "latent_dim: must be a whole number; got true",
    ),
    "a text as a code": (
        ("train", "vae_dense", "--set", "latent_dim='8'"),
        2,
        "latent_dim: must be a whole number; got '8'",
    ),
    "no learning": (
        ("train", "vae_dense", "--set", "learning_rate=0"),
        2,
        "learning_rate: must be more than 0.0 or 'auto'; got 0",
    ),
    "learning backwards": (
        ("train", "vae_dense", "--set", "learning_rate=-1"),
        2,
        "learning_rate: must be more than 0",
    ),
    "learning nan": (("train", "vae_dense", "--set", "learning_rate=.nan"), 2, "learning_rate: must be"),
    "a rate of words": (
        ("train", "vae_dense", "--lr", "fast"),
        2,
        "learning_rate: must be a number or 'auto'; got 'fast'",
    ),
    "a rate that a generator cannot find": (("train", "gan_dense", "--lr", "auto"), 2, "auto goes by the loss"),
    "a part to freeze": (
        ("finetune", "{}", "--data", "digits", "--freeze", "middle"),
        2,
        "freeze='middle': need one of none, encoder, decoder",
    ),
    "a part that a generator has not": (
        ("finetune", "gan_conv.mnist", "--data", "digits", "--freeze", "encoder"),
        2,
        "start.freeze: gan_conv has no encoder",
    ),
    "fine-tuning without anything in common": (
        ("finetune", "{}", "--data", "digits", "--set", "widths=[17,18]"),
        2,
        "of the weights of {} fit these data and settings; train from scratch",
    ),
    "fine-tuning of a name": (("finetune", "vae_dense", "--data", "digits"), 2, "vae_dense"),
    "images of a table's model": (("finetune", "vae_conv.mnist", "--data", "sklearn:wine"), 2, "conv backbone"),
    "no epochs": (("train", "vae_dense", "--set", "epochs=0"), 2, "epochs: must be at least 1; got 0"),
    "half a seed": (("train", "vae_dense", "--set", "seed=0.5"), 2, "seed: must be a whole number; got 0.5"),
    "a way with gaps": (("train", "vae_dense", "--set", "data.missing=zero"), 2, "data.missing: must be 'refuse'"),
    "gaps for a model that cannot learn from them": (
        ("train", "vae_dense", "--set", "data.missing=mask"),
        2,
        "data.missing: vae_dense cannot learn from missing values; fill them (mean)",
    ),
    "all for validation": (
        ("train", "vae_dense", "--set", "data.validation=1"),
        2,
        "data.validation: must be less than 1",
    ),
    "two channels": (("train", "vae_dense", "--set", "data.channels=2"), 2, "data.channels: must be"),
    "a setting without a value": (("train", "vae_dense", "--set", "latent_dim"), 2, "latent_dim"),
    "columns without their likelihood": (
        ("train", "vae_dense", "--set", "columns=[1,2]"),
        2,
        "columns: are for the likelihood",
    ),
    "an empty run": (("sample", "."), 2, "'.' is not a run folder"),
    "a run to resume that is not there": (
        ("train", "vae_dense", "--resume", "--out", "none"),
        2,
        "none: no checkpoint",
    ),
    "a column file of images": (("sample", "{}", "--out", "rows.csv"), 2, "--out rows.csv: .csv is for tables"),
    "no example of that number": (("interpolate", "{}", "--from", "99999"), 2, "--from 99999: there are"),
    "no such split": (
        ("embed", "{}", "--split", "middle"),
        2,
        "--split middle: there are train, validation, test and all",
    ),
    "a preset for other sizes": (
        ("reconstruct", "{}", "--data", "sprites"),
        2,
        "images are 64x64, the model takes 8x8",
    ),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return training.train("vae_dense", "digits", tmp_path_factory.mktemp("runs") / "vae", changes=SMALL)


def laid(folder, case):
    """The path of the bad data of a case, and what the line says of it."""
    if isinstance(case[0], str):
        (folder / case[0]).write_bytes(case[1])
        return case[0], case[2]
    (folder / "photos").mkdir()
    for name, content in case[0].items():
        (folder / "photos" / name).write_bytes(content)
    return "photos", case[1]


def command(name, folder, run):
    """(arguments, exit code, what the line says) of a case, whose files are laid into the folder."""
    if name in DATA:
        path, words = laid(folder, DATA[name])
        return ("train", "vae_dense", "--data", path, "--out", "new"), 2, words.format(path)
    arguments, code, words = COMMANDS[name]
    return [str(run) if word == "{}" else word for word in arguments], code, words.format(run)


@pytest.mark.parametrize("name", [*DATA, *COMMANDS], ids=lambda name: name.replace(" ", "-"))
def test_bad_input_is_answered_in_one_line_and_nothing_is_written(name, run, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    arguments, expected, words = command(name, tmp_path, run)
    before = tree(tmp_path) | tree(run)
    code, line = fail(capfd, *arguments)
    assert (code, words in line) == (expected, True), line
    assert name in COMMANDS or arguments[3] in line
    assert tree(tmp_path) | tree(run) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.npy").write_bytes(array(X))
    (tmp_path / "a.npy").chmod(0)
    code, line = fail(capfd, "data", "show", "a.npy")
    assert code == 2 and "a.npy: cannot be opened (permission denied)" in line


def test_links_that_lead_nowhere_and_pipes(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop.npy").symlink_to("loop.npy")
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "photos" / "b.png")
    assert fail(capfd, "data", "show", "loop.npy")[0] == 2
    assert "not a regular file" in fail(capfd, "data", "show", "pipe.npy")[1]
    code, line = fail(capfd, "data", "show", "photos")
    assert code == 2 and "a.png: cannot be opened (no such file" in line and "all 2 files are bad" in line
