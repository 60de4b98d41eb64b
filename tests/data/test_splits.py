"""Splits: by content, stable, without leaks, never empty on small data."""

import numpy as np
import pytest

from zoo.data import load
from zoo.data.splits import content_keys, places
from zoo.errors import InputError


def rows(split):
    return {x.tobytes() for x in split.x}


def home(bundle):
    """{example: split}."""
    return {x: name for name, split in bundle.splits.items() for x in rows(split)}


@pytest.fixture
def table():
    return np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)


def test_every_example_is_in_one_split_and_fractions_hold_in_expectation(table):
    bundle = load(table, validation=0.2, test=0.3)
    sizes = {name: len(split) for name, split in bundle.splits.items()}
    assert sum(sizes.values()) == 1000
    assert len(home(bundle)) == 1000
    assert abs(sizes["test"] - 300) < 60 and abs(sizes["validation"] - 200) < 50


def test_equal_examples_fall_in_the_same_split(table):
    bundle = load(np.concatenate([table, table, table[:300]]))
    sets = [rows(split) for split in bundle.splits.values()]
    assert all(a.isdisjoint(b) for i, a in enumerate(sets) for b in sets[i + 1 :])


def test_adding_and_reordering_data_moves_nothing(table):
    before = home(load(table[:600]))
    after = home(load(table[::-1]))
    assert all(after[x] == split for x, split in before.items())


def test_the_test_split_does_not_depend_on_the_validation_fraction(table):
    assert rows(load(table, validation=0.1).test) == rows(load(table, validation=0.4).test)


def test_the_seed_decides(table):
    assert load(table, seed=3).fingerprint == load(table, seed=3).fingerprint
    assert rows(load(table, seed=3).test) != rows(load(table, seed=4).test)


@pytest.mark.parametrize("count", [7, 12, 40])
def test_few_examples_are_for_training_most_of_all(count):
    for seed in range(20):
        assert len(load(np.random.default_rng(seed).normal(size=(count, 2))).train) >= 0.6 * count


def test_labels_stay_with_their_examples(table):
    y = np.arange(1000)
    bundle = load((table, y))
    for split in bundle.splits.values():
        np.testing.assert_array_equal(split.x, table[split.y])


@pytest.mark.parametrize("count", range(2, 30))
def test_small_data_leave_no_split_empty(count):
    x = np.random.default_rng(count).normal(size=(count, 2)).astype(np.float32)
    sizes = [len(split) for split in load(x).splits.values()]
    assert sum(sizes) == count
    assert min(sizes) >= (1 if count >= 3 else 0) and sizes[0] >= 1


def test_few_distinct_examples_among_many_equal_ones_leave_no_split_empty():
    x = np.repeat(np.arange(10, dtype=np.float32)[:, None], 40, axis=0)
    bundle = load(x, validation=0.01, test=0.01)
    assert all(len(split) for split in bundle.splits.values())
    assert len(home(bundle)) == 10


def test_a_fraction_of_zero_gives_an_empty_split(table):
    bundle = load(table, validation=0, test=0)
    assert [len(split) for split in bundle.splits.values()] == [1000, 0, 0]
    np.testing.assert_array_equal(bundle.train.x, table)


def test_limit_takes_the_same_examples_whatever_their_order(table):
    some = load(table, limit=100)
    assert sum(map(len, some.splits.values())) == 100
    assert home(some) == home(load(table[::-1], limit=100))
    assert set(home(some)) < set(home(load(table, limit=200)))
    assert all(len(split) for split in some.splits.values())


def test_places_are_uniform_and_independent(table):
    place = places(content_keys(table), 0)
    assert place.min() >= 0 and place.max() < 1
    assert abs(place.mean(0) - 0.5).max() < 0.05
    assert abs(np.corrcoef(place.T)[0, 1]) < 0.1


@pytest.mark.parametrize("fractions", [{"test": -0.1}, {"test": 1}, {"test": 0.6, "validation": 0.4}, {"test": True}])
def test_impossible_fractions(table, fractions):
    with pytest.raises(InputError, match="test"):
        load(table, **fractions)
