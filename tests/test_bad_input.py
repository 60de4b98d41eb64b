"""Bad input: one line on stderr, the right exit code, nothing written."""

import hashlib
import shutil
import warnings

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import cli, presets, training, weights
from zoo.errors import InputError

from .conftest import disk_of

SMALL = ("widths=[16]", "latent_dim=3", "jit=false", "limit=200", "batch_size=32", "epochs=1")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return training.train("vae_dense", "digits", tmp_path_factory.mktemp("runs") / "vae", changes=SMALL)


@pytest.fixture
def place(tmp_path, monkeypatch, original):
    """An empty working folder with a run, some photos and a configuration."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(original, tmp_path / "run")
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(12):
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (10, 7), dtype="uint8")).save(photos / f"{i}.png")
    (tmp_path / "empty").mkdir()
    np.save(tmp_path / "colour.npy", np.zeros((20, 8, 8, 3), "uint8"))
    np.save(tmp_path / "nan.npy", np.full((20, 8, 8, 1), np.nan, "float32"))
    (tmp_path / "typo.yaml").write_text("model: vae_dense\nhyperparameters:\n  latent_dims: 4\n")
    (tmp_path / "range.yaml").write_text("model: vae_dense\ntraining:\n  batch_size: 0\n")
    (tmp_path / "type.yaml").write_text("model: vae_dense\ntraining:\n  epochs: many\n")
    return tmp_path


def tree(folder):
    """{path: digest} of all that is in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
    }


def fail(capfd, *arguments):
    """(exit code, the one line on stderr) of a command that says nothing else."""
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main(list(map(str, arguments)))
    said = capfd.readouterr()
    lines = said.err.splitlines()
    assert said.out == "" and len(lines) == 1 and lines[0].startswith("zoo: "), said
    return ended.value.code, lines[0]


CASES = {
    "an unknown name": (("train", "vea_conv"), 2, "unknown model 'vea_conv'; did you mean 'vae_conv'"),
    "an unknown preset": (("sample", "vae_conv.minst", "--out", "new.png"), 2, "vae_conv"),
    "a negative code": (("train", "vae_dense", "--set", "latent_dim=-3"), 2, "latent_dim: must be at least 1; got -3"),
    "an unknown word": (("train", "vae_dense", "--set", "latent_dims=3"), 2, "did you mean 'latent_dim'"),
    "an unknown part": (("train", "vae_dense", "--set", "prior=normol"), 2, "did you mean 'normal'"),
    "a typo in a configuration": (("train", "typo.yaml"), 2, "typo.yaml:3:3: unknown key 'latent_dims'"),
    "a value out of range": (("train", "range.yaml"), 2, "range.yaml:3:15: training.batch_size: must be at least 1"),
    "a value of another type": (("train", "type.yaml"), 2, "type.yaml:3:11: training.epochs: must be a whole number"),
    "an empty folder": (("train", "vae_dense", "--data", "empty"), 2, "empty"),
    "a missing folder": (("train", "vae_dense", "--data", "nowhere/"), 2, "nowhere"),
    "NaN in an array": (("train", "vae_dense", "--data", "nan.npy"), 2, "NaN values (first at [0, 0, 0, 0])"),
    "other channels": (("evaluate", "run", "--data", "colour.npy"), 2, "images have 3 channels, the model takes 1"),
    "other sizes": (("evaluate", "run", "--data", "photos"), 2, "images are 10x7, the model takes 8x8"),
    "a table for conv": (("train", "vae_conv", "--data", "table.csv"), 2, "use the dense backbone"),
    "a table for probabilities": (
        ("train", "vae_dense", "--data", "table.csv", "--set", "likelihood=bernoulli"),
        2,
        "likelihood=bernoulli: the Bernoulli likelihood takes values in [0, 1]; the data run from -",
    ),
    "a table for structure": (("train", "ms_ssim_vae_dense", "--data", "table.csv"), 2, "compares images (H, W, C)"),
    "a part without meaning": (("train", "swae_dense", "--set", "prior=mixture"), 2, "prior: must be 'normal'"),
    "an output that exists": (("train", "vae_dense", "--out", "run"), 4, "run: exists"),
    "a picture that exists": (("sample", "run", "--out", "samples.png"), 4, "samples.png: exists"),
    "an output below a file": (("train", "vae_dense", "--out", "typo.yaml/run"), 4, "cannot write"),
    "a verb that there is not": (("train", "vae_dense", "--set", "start.freeze=middle"), 2, "start.freeze"),
    "a gate": (("evaluate", "run", "--samples", "2", "--limit", "20", "--fail-under", "psnr=99"), 3, "psnr"),
    "an example too far": (("interpolate", "run", "--to", "99999"), 2, "--to 99999"),
    "a format": (("export", "run", "--format", "tflight"), 2, "did you mean 'tflite'"),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_one_line_the_right_exit_code_and_nothing_written(case, place, capfd):
    arguments, code, message = CASES[case]
    (place / "table.csv").write_text("a,b\n" + "".join(f"{i},{i * i}\n" for i in range(40)))
    (place / "samples.png").write_bytes(b"mine")
    before = tree(place)
    found, line = fail(capfd, *arguments) if code != 3 else gate(capfd, *arguments)
    assert (found, message in line) == (code, True), line
    assert tree(place) == before


def gate(capfd, *arguments):
    """As `fail`, for a command that reports before it says that a gate was not met."""
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    said = capfd.readouterr()
    assert said.out
    return ended.value.code, said.err.splitlines()[-1]


# Data in Python


def small(name, **words):
    model = zoo.create_model(name, input_shape=(8, 8, 1), latent_dim=3, backbone="dense", widths=(8,), **words)
    model.compile(jit_compile=False)
    return model


GREY = np.linspace(0, 1, 64 * 8, dtype="float32").reshape(8, 8, 8, 1)


@pytest.mark.parametrize(
    "name, words, x, message",
    [
        ("vae", {}, GREY * 255, "the Bernoulli likelihood takes values in [0, 1]; the data run from 0 to 255"),
        ("vae", {}, GREY - 0.5, "the data run from -0.5 to 0.5"),
        ("ae", {"likelihood": "continuous_bernoulli"}, 2 * GREY, "the ContinuousBernoulli likelihood takes"),
        ("gan", {}, GREY * 255, 'a generator with output "sigmoid" takes values in [0, 1]; the data run from 0 to 255'),
        ("vae", {}, GREY[:, :7], "x has shape (8, 7, 8, 1); this model takes [N, 8, 8, 1]"),
    ],
)
def test_fit_refuses_data_that_the_model_cannot_give(name, words, x, message):
    model = small(name, **words)
    before = model.get_weights()
    with pytest.raises(InputError) as refused:
        model.fit(x, verbose=0)
    assert message in str(refused.value) and "\n" not in str(refused.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("name, words, x", [("vae", {}, GREY.round()), ("ae", {}, GREY * 255), ("gan", {}, GREY)])
def test_fit_says_nothing_of_data_that_fit(name, words, x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(name, **words).fit(x, verbose=0)


def test_grey_values_for_a_bernoulli_likelihood_are_remarked_once(place, capfd):
    with pytest.warns(UserWarning, match="as probabilities") as said:
        small("vae").fit(GREY, epochs=2, verbose=0)
    assert len(said) == 1
    changes = [word for change in SMALL for word in ("--set", change)]
    for how, times in (("none", 1), ("stochastic", 0)):
        command = ["train", "vae_dense", "--out", how, "--set", f"binarize={how}", *changes]
        with pytest.raises(SystemExit):
            cli.main(command)
        assert capfd.readouterr().err.count("takes values between 0 and 1 as probabilities") == times


@pytest.mark.parametrize("name, expected", [("vae", "gaussian"), ("sigma_vae", "sigma"), ("log_cosh_vae", "log_cosh")])
def test_tables_get_a_likelihood_of_real_values(place, name, expected):
    (place / "table.csv").write_text("a,b\n" + "".join(f"{i},{i * i}\n" for i in range(40)))
    run = training.train(f"{name}_dense", place / "table.csv", place / "new", changes=SMALL)
    assert presets.Preset(run).experiment.hyperparameters["likelihood"] == expected


def test_a_truncated_picture_is_named_and_can_be_left_out(place, capfd):
    bad = place / "photos" / "5.png"
    bad.write_bytes(bad.read_bytes()[:40])
    code, line = fail(capfd, "train", "vae_dense", "--data", "photos", "--out", "new")
    assert code == 2 and "5.png" in line and "--skip-bad" in line and not (place / "new").exists()
    command = ["train", "vae_dense", "--data", "photos", "--skip-bad", "--out", "new", "-q"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, *(word for change in SMALL for word in ("--set", change))])
    assert ended.value.code in (0, None)
    assert presets.load(place / "new").example_shape == (10, 7, 1)


def test_a_changed_byte_is_refused_by_every_command(place, capfd):
    path = place / "run" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    before = tree(place)
    for command in (("sample", "run"), ("evaluate", "run"), ("export", "run", "app"), ("embed", "run")):
        code, line = fail(capfd, *command)
        assert code == 2 and "model.safetensors: damaged" in line
    code, line = gate(capfd, "verify", "run")
    assert code == 3 and "model.safetensors" in line
    assert tree(place) == before


def test_weights_of_another_model_are_refused(place, capfd):
    other = training.train("vae_dense", "digits", place / "other", changes=("widths=[17]", *SMALL[1:]))
    shutil.copy(other / "model.safetensors", place / "run" / "model.safetensors")
    presets.seal(place / "run")
    code, line = fail(capfd, "sample", "run")
    assert code == 2 and "shape" in line and "the model needs" in line


def test_a_size_that_is_no_multiple_of_four_works(place):
    run = training.train("vae_conv", place / "photos", place / "new", changes=("widths=[4,6]", *SMALL[1:]))
    assert presets.load(run).sample(2).shape == (2, 10, 7, 1)


def test_a_full_disk_leaves_the_last_file(place, monkeypatch, capfd):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = tree(place)
    monkeypatch.setattr(weights.os, "fsync", full)
    code, line = fail(capfd, "embed", "run", "--out", "codes.npz")
    assert code == 4 and "No space left" in line and tree(place) == before


@pytest.mark.parametrize(
    "command",
    [
        ("export", "run", "app"),
        ("export", "run", "app", "--format", "saved_model"),
        ("export", "run", "--format", "keras", "--keep"),
        ("evaluate", "run", "--samples", "2", "--limit", "20", "--save"),
        ("sample", "run", "--n", "64", "--out", "new.png"),
        ("fit-sampler", "run", "--sampler", "mixture"),
        ("fit-sampler", "run", "--sampler", "mixture", "--out", "copy"),
    ],
    ids=lambda command: "-".join(word.strip("-") for word in command),
)
def test_a_disk_that_fills_up_leaves_all_as_it_was(command, place, capfd):
    before = tree(place)
    with disk_of(1000):
        code, line = fail(capfd, *command)
    assert code == 4 and "cannot write" in line, line
    assert tree(place) == before
    assert presets.load(place / "run").sample(1).shape == (1, 8, 8, 1)
