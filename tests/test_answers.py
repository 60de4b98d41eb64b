"""`zoo cluster`, `classify` and `impute`, and a sample of one class, on real files."""

import csv

import numpy as np
import pytest

from zoo import presets, training
from zoo.cli import main

SMALL = ("widths=[16]", "latent_dim=3", "jit=false", "limit=300", "batch_size=32", "epochs=2")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A function that trains a variant once."""
    runs = {}

    def run(name, data="digits", *changes):
        if name not in runs:
            out = tmp_path_factory.mktemp("runs") / name
            runs[name] = training.train(name, data, out, changes=(*SMALL, *changes))
        return runs[name]

    return run


@pytest.fixture
def zoo(tmp_path, monkeypatch, capfd):
    """A function that runs a command in an empty folder and gives its exit code and what it said."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments)])
        said = capfd.readouterr()
        return ended.value.code or 0, said.out, said.err

    return command


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def test_cluster_writes_the_share_of_each_and_meets_the_labels(zoo, trained):
    code, out, _ = zoo("cluster", trained("vade_dense"))
    table = rows("clusters.csv")
    assert code == 0 and len(table) == 300 and "accuracy" in out and "adjusted_rand_index" in out
    shares = np.array([[float(row[f"p_{i}"]) for i in range(10)] for row in table])
    assert np.allclose(shares.sum(1), 1, atol=1e-5)
    assert [int(row["cluster"]) for row in table] == shares.argmax(1).tolist()
    assert {int(row["y"]) for row in table} == set(range(10))


def test_classify_takes_the_label_of_the_lowest_score(zoo, trained):
    code, out, _ = zoo("classify", trained("cvae_dense"), "--json")
    table = rows("labels.csv")
    scores = np.array([[float(row[f"score_{i}"]) for i in range(10)] for row in table])
    right = np.mean([row["label"] == row["y"] for row in table])
    assert code == 0 and f'"accuracy": {right}' in out
    assert [int(row["label"]) for row in table] == scores.argmin(1).tolist()


def test_a_conditional_model_draws_the_class_that_it_is_told(zoo, trained):
    run = trained("cvae_dense")
    assert zoo("sample", run, "--n", 4, "--label", 3, "--out", "x.npy")[0] == 0
    model = presets.load(run)
    x = model.preset.preprocessor.apply(np.load("x.npy"))
    np.testing.assert_allclose(x, model.sample(4, label=3), atol=1e-6)
    assert zoo("sample", run, "--label", 12)[::2] == (2, "zoo: --label 12: this model has the classes 0 to 9\n")
    code, _, said = zoo("sample", trained("vade_dense"), "--label", 3)
    assert code == 2 and said.startswith("zoo: --label 3: VaDE") and said.count("\n") == 1


def test_impute_fills_what_is_missing_and_leaves_the_rest(zoo, trained, tmp_path):
    values = np.random.default_rng(0).normal(size=(120, 3)) @ [[1, 1, 0], [0, 1, 1], [1, 0, 1]]
    text = [["" if (i + j) % 7 == 0 else f"{v:.4f}" for j, v in enumerate(row)] for i, row in enumerate(values)]
    labelled = [",".join([*row, str(i % 2)]) for i, row in enumerate(text)]
    (tmp_path / "t.csv").write_text("a,b,c,label\n" + "\n".join(labelled) + "\n")
    run = trained("miss_vae_dense", str(tmp_path / "t.csv"))
    measured = presets.Preset(run).metadata["metrics"]["test"]
    assert measured["metrics"]["mse"]["value"] > 0 and "values are missing" in measured["skipped"]["modes"]
    code, out, said = zoo("impute", run, "--out", "full.csv", "--json")
    table = rows("full.csv")
    assert code == 0, said
    assert len(table) == 120 and f'"filled": {sum(row.count("") for row in text)}' in out
    for row, old in zip(table, text, strict=True):
        for new, before in zip(row.values(), old, strict=True):
            assert np.isfinite(float(new)) if before == "" else float(new) == pytest.approx(float(before), abs=1e-3)


def test_a_model_that_cannot_says_what_it_can(zoo, trained):
    code, _, said = zoo("cluster", trained("cvae_dense"))
    assert code == 2 and "cannot cluster; it has" in said and said.count("\n") == 1
