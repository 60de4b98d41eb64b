"""Hostile and damaged files: refused in one line, at once, without memory, and never run."""

import functools
import hashlib
import io
import json
import os
import pickle
import random
import resource
import shutil
import struct
import time
import zipfile
import zlib

import numpy as np
import pytest

from zoo import config, data, presets, training, weights
from zoo.errors import InputError, ZooError

MUTATIONS = int(os.environ.get("ZOO_MUTATIONS", 400))  # 10,000 in the long form, see CONTRIBUTING.md
SMALL = ("widths=[16]", "latent_dim=3", "jit=false", "limit=200", "batch_size=32", "epochs=1")
READ = ("config.yaml", "preprocessor.json", "thresholds.json", "golden.npz", "model.safetensors", "metadata.json")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    run = training.train("vae_dense", "digits", tmp_path_factory.mktemp("runs") / "vae", changes=SMALL)
    shutil.rmtree(run / "tflite")
    shutil.rmtree(run / "figures")
    presets.seal(run)
    opened(run)  # so that what is measured below is not the first use
    return run


@pytest.fixture
def run(original, tmp_path):
    shutil.copytree(original, tmp_path / "run")
    return tmp_path / "run"


def opened(run):
    """Everything that a preset holds, as bytes that can be compared."""
    preset = presets.Preset(run)
    model = presets.load(run)
    golden = [
        (v, s, n, a.tobytes()) for v, g in preset.golden.items() for s, named in g.items() for n, a in named.items()
    ]
    learned = sorted((name, array.tobytes()) for name, array in weights.values(weights.of_model(model)).items())
    return preset.experiment.to_dict(), preset.preprocessor, preset.thresholds, sorted(golden), learned


def reseal(run, name, content):
    """Puts a file into a run folder, with metadata that agree: what somebody who means harm can do."""
    (run / name).write_bytes(content)
    metadata = json.loads((run / "metadata.json").read_text())
    metadata["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (run / "metadata.json").write_text(json.dumps(metadata))


def refused(read, *arguments):
    """The one line with which something is refused, within a second and 100 MB."""
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(InputError) as error:
        read(*arguments)
    assert time.process_time() - began < 5  # a second where nothing else runs
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes
    assert "\n" not in str(error.value)
    return str(error.value)


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


def tensor_file(header, content=b""):
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return struct.pack("<Q", len(text)) + text + content


def npz(members, **words):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content, **words)
    return buffer.getvalue()


def npy_header(shape, dtype="<f4"):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


ZEROS = npy_header((250_000_000,)) + bytes(1 << 20)
TENSORS = {
    "empty": (b"", "damaged|empty"),
    "a header that is longer than the file": (struct.pack("<Q", 2**40) + b"{}", "not a readable weight file"),
    "a header of 99 MB": (struct.pack("<Q", 99_000_000) + b"{" + b" " * 2_000_000, "at most"),
    "no JSON": (tensor_file(b"{nonsense"), "not a readable weight file"),
    "a tensor of 4 TB": (
        tensor_file({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
        "not a readable weight file",
    ),
    "overlapping tensors": (
        tensor_file({n: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for n in "ab"}, bytes(4)),
        "not a readable weight file",
    ),
    "another tensor": (
        tensor_file({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
        "is missing",
    ),
    "a pickle": (pickle.dumps(Harm()), "not a readable weight file"),
    "a pointer to a file": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git LFS pointer"),
}


@pytest.mark.parametrize("name", TENSORS)
def test_weight_files(run, name, monkeypatch):
    monkeypatch.chdir(run)
    content, words = TENSORS[name]
    reseal(run, "model.safetensors", content)
    message = refused(presets.load, run)
    assert any(word in message for word in words.split("|")) and "model.safetensors" in message
    assert not (run / "harm").exists()


def bad_tensors(run, change):
    named = weights.of_model(presets.load(run))
    arrays = weights.values(named)
    change(arrays, sorted(arrays)[0])
    weights.write(run / "model.safetensors", arrays)
    presets.seal(run)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a, n: a[n].fill(np.nan), "holds NaN or infinite values"),
        (lambda a, n: a.update({n: a[n].astype("float64")}), "type float64; the model needs float32"),
        (lambda a, n: a.update({n: a[n][..., None]}), "shape"),
        (lambda a, n: a.pop(n), "is missing"),
        (lambda a, n: a.update({"more": a[n]}), "unknown tensor 'more'"),
    ],
    ids=["nan", "type", "shape", "missing", "more"],
)
def test_tensors_that_do_not_fit(run, change, words):
    bad_tensors(run, change)
    assert words in refused(presets.load, run)


CONFIGS = {
    "a module": ("model: vae_dense", "model: os.system", "unknown model"),
    "a path": ("model: vae_dense", "model: ../../etc/passwd", "unknown model"),
    "an object": ("model: vae_dense", "model: !!python/object/apply:os.mkdir [harm]", "tags are not allowed"),
    "a bomb of aliases": ("model: vae_dense", "a: &a [x, x]\nb: &b [*a, *a]\nmodel: vae_dense", "anchors and aliases"),
    "too deep": ("model: vae_dense", "a: " + "[" * 5000 + "]" * 5000 + "\nmodel: vae_dense", "nested deeper than 20"),
    "another number": ("latent_dim: 3", "latent_dim: -3", "must be at least 1"),
    "no number": ("latent_dim: 3", "latent_dim: .nan", "must be a whole number"),
    "a constructor word from nowhere": ("latent_dim: 3", "latent_dim: 3\n  module: os", "unknown key"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_configurations(run, name, monkeypatch):
    monkeypatch.chdir(run)
    old, new, words = CONFIGS[name]
    text = (run / "config.yaml").read_text()
    assert old in text
    reseal(run, "config.yaml", text.replace(old, new, 1).encode())
    assert words in refused(presets.load, run)
    assert not (run / "harm").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"widths": [1_000_000] * 3}, "the configuration describes"),
        ({"widths": [1_000_000]}, "the configuration describes"),
        ({"latent_dim": 1_000_000}, "the configuration describes"),
        ({"activation": "os.system"}, "activation: unknown 'os.system'"),
        ({"normalization": "group", "widths": [10]}, "widths: 10 cannot be cut into the 8 groups"),
        ({"prior": "/etc/passwd"}, "prior: unknown '/etc/passwd'"),
    ],
    ids=str,
)
def test_words(run, changes, words):
    document = presets.Preset(run).experiment.to_dict()
    document["hyperparameters"] |= changes
    reseal(run, "config.yaml", json.dumps(document).encode())
    assert words in refused(presets.load, run)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"shape": [1_000_000, 1_000_000, 3]}, "the configuration describes"),
        ({"shape": [8, 8, -1]}, "shape must be positive"),
        ({"shift": float("nan")}, "not a number of JSON"),
        ({"scale": 0}, "scale must not be 0"),
        ({"kind": "os.system"}, "does not go with shape"),
        ({"columns": [{"name": "a", "words": None, "fill": 0.0}]}, "columns"),
        ({"more": 1}, "needs the keys"),
    ],
    ids=str,
)
def test_preprocessors(run, fields, words):
    text = json.dumps(json.loads((run / "preprocessor.json").read_text()) | fields)
    reseal(run, "preprocessor.json", text.encode())
    message = refused(presets.load, run)
    assert words in message


@pytest.mark.parametrize("name", ["metadata.json", "preprocessor.json", "thresholds.json"])
@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a": 1, "a": 2}', '{"a": 1e999}', '{"a": NaN}', "\xff", "null", "3", '"x"', "{}"],
    ids=lambda t: t[:16],
)
def test_json(run, name, text):
    (run / name).write_bytes(text.encode("latin-1"))
    if name != "metadata.json":
        reseal(run, name, text.encode("latin-1"))
    message = refused(opened, run)
    assert name in message or "preprocessor" in message


def test_a_file_that_claims_to_be_a_terabyte(run):
    with open(run / "thresholds.json", "r+b") as file:
        file.truncate(2**40)
    metadata = json.loads((run / "metadata.json").read_text())
    metadata["files"]["thresholds.json"]["bytes"] = 2**40
    (run / "metadata.json").write_text(json.dumps(metadata))
    assert "at most" in refused(opened, run)


def test_links_folders_and_pipes_are_not_followed(run):
    path = run / "thresholds.json"
    for make in (lambda: path.symlink_to("/etc/passwd"), lambda: os.mkfifo(path), path.mkdir):
        path.unlink(missing_ok=True)
        make()
        assert "thresholds.json" in refused(opened, run)


def test_a_manifest_that_leads_outside(run):
    metadata = json.loads((run / "metadata.json").read_text())
    for name in ("../secret", "/etc/passwd"):
        (run / "metadata.json").write_text(json.dumps(metadata | {"files": {name: {"sha256": "0", "bytes": 1}}}))
        assert "not the metadata of a run folder" in refused(opened, run)


def test_features_of_a_model_that_needs_features_itself(run):
    document = presets.Preset(run).experiment.to_dict()
    document |= {"model": "dfc_vae_conv", "hyperparameters": {"features": str(run)}}
    reseal(run, "config.yaml", json.dumps(document).encode())
    assert "take the features of another" in refused(presets.load, run)


ARCHIVES = {
    "a zip bomb": (npz({"x.npy": npy_header((2_000_000_000,)) + bytes(300 << 20)}), "claim to hold|at most"),
    "a header that claims more than follows": (npz({"x.npy": npy_header((2**40,)) + bytes(64)}), "more than it holds"),
    "a header that claims less": (npz({"x.npy": npy_header((4,)) + bytes(64)}), "does not hold what its shape"),
    "a negative axis": (npz({"x.npy": npy_header((-4,)) + bytes(64)}), "damaged"),
    "objects": (npz({"x.npy": npy_header((1,), "|O") + pickle.dumps(Harm())}), "pickled Python objects"),
    "no magic": (npz({"x.npy": b"nothing"}), "damaged"),
    "code for a header": (npz({"x.npy": b"\x93NUMPY\x01\x00\x20\x00__import__('os').mkdir('harm')  \n"}), "damaged"),
    "no zip": (b"PK\x03\x04 but no more", "damaged"),
}


@pytest.mark.parametrize("where", ["golden.npz", "data.npz"])
@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(run, name, where, monkeypatch):
    monkeypatch.chdir(run)
    content, words = ARCHIVES[name]
    if where == "golden.npz":
        reseal(run, where, content)
        message = refused(opened, run)
    else:
        (run / where).write_bytes(content)
        message = refused(data.load, run / where)
    assert where in message and any(word in message for word in words.split("|")), message
    assert not (run / "harm").exists()


def png_bomb(side):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.png", png_bomb(20_000), "megapixels"),
        ("a.png", png_bomb(2_000_000_000), "megapixels"),
        ("a.gif", b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0\0\0;", "megapixels|damaged"),
        (
            "a.bmp",
            b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0),
            "megapixels",
        ),
        ("a.npy", npy_header((2**40,)), "damaged"),
        ("a.npy", pickle.dumps(Harm()), "not a .npy file"),
        ("a.csv", b"a,b\n" + b'"' + b"x" * 300_000, "not a text table"),
        ("a.csv", b"\0\0\0\0", "not a text table|0 samples|the only"),
        ("a.parquet", b"PAR1" + b"\xff" * 100 + b"PAR1", "damaged"),
        ("a.tfrecord", struct.pack("<QI", 2**40, 0) + bytes(20), "damaged"),
    ],
    ids=str,
)
def test_data_files(tmp_path, monkeypatch, name, content, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    message = refused(data.load, tmp_path / name)
    assert name in message and any(word in message for word in words.split("|")), message
    assert not (tmp_path / "harm").exists()


# Mutations


def mutated(content, draw):
    """Bytes with a few of them flipped, cut, doubled, or replaced by what breaks parsers."""
    content = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        place = draw.randrange(len(content) + 1)
        kind = draw.randrange(6)
        if kind == 0 and place < len(content):
            content[place] ^= 1 << draw.randrange(8)
        elif kind == 1 and place < len(content):
            content[place] = draw.choice(b'\0\xff09-{}[]":,\n ')
        elif kind == 2:
            del content[place : place + draw.choice((1, 2, 8, 1000))]
        elif kind == 3:
            content[place:place] = content[place : place + draw.choice((1, 8, 64))]
        elif kind == 4:
            content[place:place] = draw.choice(
                (b"1e999", b"-1", b"NaN", b"null", b"99999999999", b"[[", b'{"', b"\xff\xfe")
            )
        else:
            del content[place:]
    return bytes(content)


@pytest.mark.parametrize("sealed", [False, True], ids=["damage", "malice"])
def test_mutations_of_a_preset(run, sealed, monkeypatch):
    """Every mutation is refused in one line, or loads.

    Damage must not change anything that is read. With malice, where the metadata agree with the mutated file, whatever
    loads is finite and of the model's shapes.
    """
    build = functools.cache(lambda text, shape: presets_build(config.assemble(config.Layer(json.loads(text))), shape))
    presets_build = presets.build
    monkeypatch.setattr(presets, "build", lambda e, shape, stored: build(json.dumps(e.to_dict()), shape))
    expected = opened(run)
    whole = {name: (run / name).read_bytes() for name in READ}
    draw, loaded = random.Random(0), 0
    for turn in range(MUTATIONS // 2):
        name = READ[turn % (len(READ) - sealed)]
        content = mutated(whole[name], draw)
        if sealed:
            reseal(run, name, content)
        else:
            (run / name).write_bytes(content)
        try:
            found = opened(run)
        except ZooError as error:
            assert "\n" not in str(error) and str(error)
        else:
            loaded += 1
            assert sealed or found == expected, (turn, name)
            assert all(
                np.isfinite(np.frombuffer(array, "float32")).all() for _, array in found[-1] if len(array) % 4 == 0
            )
        (run / name).write_bytes(whole[name])
        (run / "metadata.json").write_bytes(whole["metadata.json"])
    assert opened(run) == expected
    assert loaded < MUTATIONS / 2


@pytest.mark.parametrize(
    "suffix", [".png", ".jpg", ".webp", ".gif", ".bmp", ".tiff", ".npy", ".npz", ".csv", ".parquet"]
)
def test_mutations_of_data(tmp_path, suffix):
    """Every mutation of a data file is read, or refused in one line."""
    path, x = tmp_path / f"a{suffix}", np.random.default_rng(0).integers(0, 255, (12, 9, 3), dtype="uint8")
    if suffix in (".npy", ".npz"):
        (np.save if suffix == ".npy" else np.savez)(path, x[None].repeat(4, 0))
    elif suffix == ".csv":
        path.write_text("a,b,city\n" + "".join(f"{i},{i / 7},{'AB'[i % 2]}\n" for i in range(30)))
    elif suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.table({"a": list(range(30)), "c": ["x", "y", "z"] * 10}), path)
    else:
        from PIL import Image

        Image.fromarray(x).save(path)
    whole, draw, preprocessor = path.read_bytes(), random.Random(1), None
    preprocessor = data.load(path, validation=0, test=0).preprocessor if suffix in (".npy", ".npz") else None
    for _ in range(max(20, MUTATIONS // 20)):
        path.write_bytes(mutated(whole, draw))
        try:
            data.load(path, preprocessor=preprocessor, validation=0, test=0)
        except ZooError as error:
            assert "\n" not in str(error) and path.name in str(error), str(error)
