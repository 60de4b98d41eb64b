"""The commands on real files: what they write, and one JSON object where they report."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from zoo import cli, presets, training

SMALL = ("widths=[16]", "latent_dim=3", "jit=false", "limit=300", "batch_size=32", "epochs=2")
SET = [word for change in SMALL for word in ("--set", change)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return training.train("vae_dense", "digits", tmp_path_factory.mktemp("runs") / "vae", changes=SMALL)


@pytest.fixture
def zoo(tmp_path, monkeypatch, capfd):
    """A function that runs a command in an empty folder and gives its JSON object."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([*map(str, arguments), "--json"])
        said = capfd.readouterr()
        assert ended.value.code in (0, None), said.err
        return json.loads(said.out)

    return command


def size(path):
    with Image.open(path) as picture:
        return picture.size


def test_sample_draws_a_picture_or_writes_values(zoo, run, tmp_path):
    assert zoo("sample", run, "--n", 9) == {"out": "samples.png", "samples": 9, "seed": 0}
    assert min(size(tmp_path / "samples.png")) > 100
    zoo("sample", run, "--n", 5, "--seed", 2, "--out", "a.npy")
    zoo("sample", run, "--n", 5, "--seed", 2, "--out", "b.npz")
    a, b = np.load("a.npy"), np.load("b.npz")["x"]
    assert a.shape == (5, 8, 8, 1) and a.max() > 1.5  # raw values of these data run to 255
    np.testing.assert_array_equal(a, b)
    model = presets.load(run)
    np.testing.assert_allclose(model.preset.preprocessor.apply(a), model.sample(5, seed=2), atol=1e-6)


def test_reconstruct_reports_the_error_of_what_it_writes(zoo, run):
    said = zoo("reconstruct", run, "--n", 12, "--out", "x.npy")
    model = presets.load(run)
    x = presets.data_for(model.preset).test.x[:12]
    apply = model.preset.preprocessor.apply
    assert said["mse"] == pytest.approx(float(np.mean((apply(np.load("x.npy")) - apply(x)) ** 2)), rel=1e-4)
    zoo("reconstruct", run)
    assert size("reconstructions.png")[0] > 500


def test_interpolate_begins_and_ends_at_the_reconstructions(zoo, run):
    zoo("interpolate", run, "--from", 2, "--to", 5, "--steps", 6, "--out", "line.npy")
    model = presets.load(run)
    ends = model.preset.preprocessor.apply(presets.data_for(model.preset).test.x[[2, 5]])
    line = model.preset.preprocessor.apply(np.load("line.npy"))
    assert line.shape == (6, 8, 8, 1)
    np.testing.assert_allclose(line[[0, -1]], model.reconstruct(ends), atol=1e-4)
    zoo("interpolate", run)
    assert size("interpolation.png")[0] > 500


def test_embed_writes_codes_with_labels(zoo, run):
    said = zoo("embed", run, "--split", "all")
    codes = np.load("codes.npz")
    assert codes["z"].shape == (said["examples"], 3) == (300, 3) and set(codes["y"]) <= set(range(10))
    zoo("embed", run, "--split", "test", "--out", "codes.csv")
    rows = list(csv.DictReader(open("codes.csv")))  # noqa: SIM115
    assert list(rows[0]) == ["z_0", "z_1", "z_2", "y"]
    zoo("embed", run, "--out", "map.png")
    assert min(size("map.png")) > 300


def test_evaluate_keeps_its_numbers_when_asked(zoo, run, tmp_path):
    import shutil

    copy = shutil.copytree(run, tmp_path / "copy")
    said = zoo("evaluate", copy, "--samples", 5, "--limit", 20, "--save")
    assert {"mse", "elbo", "nll"} <= set(said["metrics"]) and said["n"] == 20
    kept = presets.Preset(copy).metadata
    assert kept["metrics"]["test"]["metrics"] == said["metrics"]
    assert kept["commands"]["test"] in (copy / "README.md").read_text()
    assert zoo("verify", copy)["passed"]


def test_codes_of_a_file_come_in_its_order(zoo, run):
    x = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    np.save("some.npy", x)
    zoo("embed", run, "--data", "some.npy", "--out", "codes.npy")
    model = presets.load(run)
    np.testing.assert_allclose(np.load("codes.npy"), model.encode(model.preset.preprocessor.apply(x)), atol=1e-5)


def test_train_finetune_verify_and_export_from_the_command_line(zoo, tmp_path):
    trained = zoo("train", "vae_dense", "--data", "digits", "--out", "base", *SET)
    assert trained["run"] == "base" and trained["metrics"]["test"]["metrics"]["mse"]["value"] > 0
    tuned = zoo(
        "finetune", "base", "--data", "digits", "--resize", "10x9", "--epochs", 1, "--limit", 200, "--out", "tuned"
    )
    assert set(tuned["metrics"]) == {"before", "test"}
    checks = zoo("verify", "tuned")
    assert checks["passed"] and any(check["name"].startswith("tflite/") for check in checks["checks"])
    for kind, name in (("tflite", "model.tflite"), ("saved_model", "saved_model"), ("keras", "model.keras")):
        said = zoo("export", "tuned", kind, "--format", kind)
        assert set(said["signatures"]) == {"encode", "decode", "reconstruct", "sample", "score"}
        assert (tmp_path / kind / name).exists() and (tmp_path / kind / "parity.json").is_file()
    zoo("export", "tuned", "--format", "saved_model", "--keep")
    names = {check["name"] for check in zoo("verify", "tuned")["checks"]}
    assert {"saved_model reconstruct", "saved_model/parity.json", "tflite/model.tflite score"} <= names


def test_data_show_says_what_a_source_is(zoo, tmp_path):
    said = zoo("data", "show", "digits", "--out", "grid.png")
    assert said["shape"] == [8, 8, 1] and sum(said["sizes"].values()) == 1797 and len(said["classes"]) == 10
    assert min(size("grid.png")) > 100


def test_data_show_has_a_line_for_each_column_and_note(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i / 4},{('Oslo', 'Rome', 'Rome')[i % 3]}\n" for i in range(30))
    (tmp_path / "t.csv").write_text("height,city\n" + rows)
    with pytest.raises(SystemExit):
        cli.main(["data", "show", "t.csv"])
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("height\t")).split("\t")[1:4] == ["number", "0", "7.25"]
    assert any(line.startswith("city\tOslo ") and "%, Rome " in line for line in lines)
    assert "  1 column of categories, one-hot: 'city' (2)" in lines


@pytest.mark.parametrize(
    ("source", "words", "said"),
    [
        ("text:t.txt", (), ["unit: characters", "vocabulary: '', ' ', a, e, h", "examples: hear a"]),
        ("points.npy", (), ["0\tnumber\t", "1\tnumber\t"]),
        ("grey.npy", (), ["range: 2 to 40, read as [0, 255]", "dtype: uint8"]),
        ("gaps.csv", ("--missing", "mask"), ["height\tnumber\t0\t19\t", "city\tOslo 75%, Rome 25%", "masked"]),
    ],
)
def test_data_show_knows_every_kind(source, words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("\n".join(["hear a", "a hare"] * 5))
    np.save("points.npy", np.arange(20.0).reshape(10, 2).repeat(3, 0))
    np.save("grey.npy", np.linspace(2, 40, 6 * 4 * 4).astype("uint8").reshape(6, 4, 4, 1).repeat(5, 0))
    rows = "".join(f"{i},{('Oslo', 'Rome')[i % 2]}\n,Oslo\n{i},\n" for i in range(20)).replace(",Oslo", ",Rome", 1)
    (tmp_path / "gaps.csv").write_text("height,city\n" + rows)
    with pytest.raises(SystemExit) as ended:
        cli.main(["data", "show", source, *words, "--out", "a.png"])
    out = capsys.readouterr().out
    assert ended.value.code in (0, None) and all(line in out for line in said), out
    assert "classes:" not in out and "licence:" not in out and min(size(tmp_path / "a.png")) >= 100


def test_benchmark_measures_both_loops_and_every_verb(zoo):
    said = zoo("benchmark", "vae_dense", "--set", "widths=[16]", "--set", "latent_dim=3", "--steps", 10, "--runs", 10)
    assert said["training"]["ratio"] > 0 and said["training"]["pairs"] > 1
    assert set(said["latency"]) == {"encode", "decode", "reconstruct", "sample", "score"}
    assert all(times["tflite_p50_ms"] <= times["tflite_p95_ms"] for times in said["latency"].values())
    assert said["peak_memory_mb"] > 100


def test_benchmark_times_two_models_in_turn(zoo):
    words = ("--set", "widths=[16]", "--set", "latent_dim=3", "--steps", 10)
    said = zoo("benchmark", "beta_vae_dense", "--against", "iwae_dense", *words)
    assert (said["model"], said["against"]) == ("beta_vae_dense", "iwae_dense") and said["ratio"] > 0
    assert said["examples_per_second"] > 0 and said["against_examples_per_second"] > 0


# Tokens


@pytest.fixture(scope="module")
def words_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    lines = [f"{a}{b}{a}{b}" for a in "abcdefgh" for b in "ijklmnop"]
    (folder / "words.txt").write_text("\n".join(lines))
    changes = (*SMALL, "epochs=150", "learning_rate=0.01", "likelihood=categorical", "latent_dim=8", "batch_size=8")
    return training.train("ae_conv", f"text:{folder}/words.txt", folder / "run", changes=changes)


def test_texts_come_back_as_text(zoo, words_run, tmp_path):
    assert not {"mse", "psnr"} & set(zoo("evaluate", words_run)["metrics"])
    said = zoo("reconstruct", words_run, "--split", "train", "--n", 20)
    agree = np.mean(
        [
            a == b
            for text, again in zip(said["text"], said["reconstruction"], strict=True)
            for a, b in zip(text, again, strict=False)
        ]
    )
    assert said["token_accuracy"] == pytest.approx(agree) and agree > 0.6 and len(said["text"]) == 20
    assert not list(tmp_path.iterdir())
    said = zoo("interpolate", words_run, "--from-text", "aiai", "--to-text", "hphp", "--steps", 5, "--out", "way.txt")
    assert (tmp_path / "way.txt").read_text().splitlines() == said["text"] and len(said["text"]) == 5
    texts = zoo("sample", words_run, "--n", 3, "--out", "a.npy")["text"]
    vocabulary = presets.open_preset(words_run).preprocessor.vocabulary
    assert [vocabulary.text(row) for row in np.load(tmp_path / "a.npy").astype(int)] == texts
    assert (words_run / "figures" / "reconstructions.png").is_file() and (
        words_run / "tflite" / "parity.json"
    ).is_file()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--from-text", "aiai"), "give both, or neither"),
        (("--from-text", "aiai", "--to-text", "zzz"), "the text 'zzz' holds 'z', which the model does not know"),
        (("--from-text", "aiaia", "--to-text", "ai"), "the text 'aiaia' has 5 characters; a sequence has 4"),
        (("--out", "a.mid"), ".mid is for tunes"),
    ],
)
def test_texts_that_cannot_be_interpolated(words_run, words, expected, capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["interpolate", str(words_run), *words])
    assert ended.value.code == 2 and expected in capfd.readouterr().err and not list(tmp_path.iterdir())
