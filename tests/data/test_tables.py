"""Tables: types of columns, categories, missing cells, frames and files that hold the same, and the way back."""

import json

import numpy as np
import pytest

from zoo.data import Preprocessor, load
from zoo.errors import InputError

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow")

ALL = {"validation": 0, "test": 0}
ROWS = {
    "age": [31.0, 4.5, 70.0, 8.0, 22.0],
    "city": ["Oslo", "Rome", "Oslo", "Bonn", "Oslo"],
    "member": [True, False, True, True, False],
    "label": [1, 0, 1, 0, 1],
}
HOT = [[0, 1, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 1, 0]]  # Bonn, Oslo, Rome


def refusal(spec, **words):
    with pytest.raises(InputError) as error:
        load(spec, **words)
    assert "\n" not in str(error.value)
    return str(error.value)


def as_csv(path, rows=ROWS):
    lines = [",".join(rows), *(",".join(map(str, row)) for row in zip(*rows.values(), strict=True))]
    (path / "t.csv").write_text("\n".join(lines) + "\n")
    return path / "t.csv"


def as_parquet(path):
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table(ROWS), path / "t.parquet")
    return path / "t.parquet"


FORMS = {
    "csv": as_csv,
    "parquet": as_parquet,
    "pandas": lambda _: pandas.DataFrame(ROWS),
    "pandas categories": lambda _: pandas.DataFrame(ROWS).astype({"city": "category", "label": "Int64"}),
    "polars": lambda _: polars.DataFrame(ROWS),
    "lazy polars": lambda _: polars.DataFrame(ROWS).lazy(),
    "pyarrow": lambda _: pyarrow.table(ROWS),
    "chunked pyarrow": lambda _: pyarrow.concat_tables([pyarrow.table(ROWS).slice(0, 2), pyarrow.table(ROWS).slice(2)]),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_table_gives_the_same_vectors(form, tmp_path):
    bundle = load(FORMS[form](tmp_path), **ALL)
    assert bundle.kind == "table" and bundle.shape == (6,)
    np.testing.assert_array_equal(bundle.train.x[:, 0], np.float32(ROWS["age"]))
    np.testing.assert_array_equal(bundle.train.x[:, 1:4], HOT)
    np.testing.assert_array_equal(bundle.train.x[:, 5], ROWS["member"])
    np.testing.assert_array_equal(bundle.train.y, ROWS["label"])
    assert any("'city' (3), 'member' (2)" in note for note in bundle.notes)


def test_numbers_are_standardised_and_categories_are_not(tmp_path):
    bundle = load(as_csv(tmp_path), **ALL)
    z = bundle.preprocessor.apply(bundle.train.x)
    assert z[:, 0].mean() == pytest.approx(0, abs=1e-5) and z[:, 0].std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(z[:, 1:4], HOT)


def test_the_way_back_gives_the_columns_again_also_through_json(tmp_path):
    bundle = load(as_csv(tmp_path), **ALL)
    again = Preprocessor.from_json(bundle.preprocessor.to_json())
    assert again == bundle.preprocessor
    table = again.table(again.apply(bundle.train.x))
    np.testing.assert_allclose(table["age"], ROWS["age"], rtol=1e-5)
    assert table["city"].tolist() == ROWS["city"] and list(table) == ["age", "city", "member"]
    soft = again.apply(bundle.train.x)
    soft[0, 1:4] = 0.2, 0.3, 0.5
    assert again.table(soft)["city"][0] == "Rome"


def test_new_data_are_read_by_the_columns_of_the_model(tmp_path):
    known = load(as_csv(tmp_path), **ALL).preprocessor
    rows = {"city": ["Rome", "Rome"], "more": [1, 2], "member": [False, True], "age": [1.0, 2.0]}
    bundle = load(pandas.DataFrame(rows), preprocessor=known, **ALL)
    np.testing.assert_array_equal(bundle.train.x, [[1, 0, 0, 1, 1, 0], [2, 0, 0, 1, 0, 1]])
    assert any("more" in note and "does not take" in note for note in bundle.notes)
    assert "holds 'Paris'; the model knows Bonn" in refusal(
        pandas.DataFrame({**rows, "city": "Paris"}), preprocessor=known
    )
    without = {name: values for name, values in rows.items() if name != "age"}
    assert "column 'age' is missing" in refusal(pandas.DataFrame(without), preprocessor=known)
    numbers = pandas.DataFrame({**rows, "city": [1, 2]})
    assert "holds numbers, the model takes the other" in refusal(numbers, preprocessor=known)


GAPS = "age,city\n31,Oslo\n,Rome\n70,NA\n8,Oslo\n"


def test_missing_cells_are_refused_by_default_with_their_place(tmp_path):
    (tmp_path / "t.csv").write_text(GAPS)
    assert "column 'age' line 3 is empty (1 missing cell)" in refusal(tmp_path / "t.csv")


def test_missing_cells_filled_dropped_or_masked(tmp_path):
    (tmp_path / "t.csv").write_text(GAPS)
    mean = load(tmp_path / "t.csv", missing="mean", **ALL)
    np.testing.assert_allclose(mean.train.x, [[31, 1, 0], [109 / 3, 0, 1], [70, 1, 0], [8, 1, 0]], rtol=1e-6)
    dropped = load(tmp_path / "t.csv", missing="drop", **ALL)
    np.testing.assert_array_equal(dropped.train.x, [[31, 1, 0], [8, 1, 0]])
    assert any("2 examples with missing cells left out" in note for note in dropped.notes)
    masked = load(tmp_path / "t.csv", missing="mask", **ALL)
    np.testing.assert_array_equal(np.isnan(masked.train.x), [[0, 0, 0], [1, 0, 0], [0, 1, 1], [0, 0, 0]])
    assert np.nanmean(masked.preprocessor.apply(masked.train.x)[:, 0]) == pytest.approx(0, abs=1e-6)
    filled = load(tmp_path / "t.csv", missing="mean", preprocessor=mean.preprocessor, **ALL)
    np.testing.assert_array_equal(filled.train.x, mean.train.x)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"a": [1.0, np.inf]}, "column 'a' row 2 is infinite"),
        ({"a": [np.nan, np.nan]}, "column 'a' has no value"),
        ({"a": [[1, 2], [3, 4]]}, "column 'a' row 1 holds a list"),
        ({"a": ["x", 3]}, "column 'a' is text (row 1: 'x') beside numbers (3)"),
        ({"a": [f"name {i}" for i in range(200)]}, "column 'a' is text (row 101: 'name 100'), with more than 100"),
        ({"a": np.array(["2020-01-01", "2020-01-02"], "datetime64[s]")}, "column 'a' is of type datetime64"),
        ({"y": [1, 2]}, "the only column is 'y'"),
    ],
    ids=str,
)
def test_wrong_columns(rows, words):
    assert words in refusal(pandas.DataFrame(rows))


def test_two_columns_of_one_name(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,a\n1,2,3\n4,5,6\n")
    assert "two columns are named 'a'" in refusal(tmp_path / "t.csv")


@pytest.mark.parametrize("keep", [0, 4, 60, 300])
def test_damaged_parquet(tmp_path, keep):
    path = as_parquet(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    assert refusal(path).startswith(f"{path}: damaged, or not a .parquet file")


def test_a_parquet_file_that_claims_too_much(tmp_path):
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"a": np.zeros(20_000_000)}), tmp_path / "t.parquet")
    assert "claim to hold" in refusal(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    "columns", [[], [{"name": "a", "words": []}], ["a"], [{"name": "a", "words": None, "fill": 1}] * 3]
)
def test_a_preprocessor_with_wrong_columns(tmp_path, columns):
    fields = json.loads(load(as_csv(tmp_path), **ALL).preprocessor.to_json())
    with pytest.raises(InputError, match="preprocessor: "):
        Preprocessor.from_json(json.dumps({**fields, "columns": columns}))


@pytest.mark.parametrize(
    ("name", "count", "features"), [("wine", 178, 13), ("breast_cancer", 569, 30), ("iris", 150, 4)]
)
def test_the_tables_of_scikit_learn(name, count, features):
    import sklearn.datasets

    bundle, found = load(f"sklearn:{name}", **ALL), getattr(sklearn.datasets, f"load_{name}")()
    np.testing.assert_array_equal(bundle.train.x, found.data.astype(np.float32))
    np.testing.assert_array_equal(bundle.train.y, found.target)
    assert bundle.train.x.shape == (count, features) and bundle.classes == tuple(found.target_names)


@pytest.mark.parametrize("name", ["moons", "blobs", "swiss_roll"])
def test_synthetic_points_are_the_same_each_time(name):
    one, two = load(f"synthetic:{name}:300"), load(f"synthetic:{name}:300")
    assert one.fingerprint == two.fingerprint and sum(map(len, one.splits.values())) == 300


def test_labels_beside_a_frame_and_a_single_column():
    frame, labels = pandas.DataFrame(ROWS).drop(columns="label"), pandas.Series(list("abaab"))
    bundle = load((frame, labels), **ALL)
    assert bundle.classes == ("a", "b") and [column.name for column in bundle.preprocessor.columns] == [*frame.columns]
    np.testing.assert_array_equal(bundle.train.y, [0, 1, 0, 0, 1])
    for ages in (pandas.Series(ROWS["age"], name="age"), polars.Series("age", ROWS["age"])):
        assert load(ages, **ALL).preprocessor.columns[0].name == "age"
    assert "labels of shape (2,) for 5 examples" in refusal((frame, labels[:2]))
    gaps = frame.assign(gaps=[1.0, np.nan, 2.0, 3.0, 4.0])
    assert "labels of shape (2,) for 5 examples" in refusal((gaps, labels[:2]), missing="drop")
    assert "is no table; need a data frame" in refusal(pyarrow.array([1.0, 2.0]))
