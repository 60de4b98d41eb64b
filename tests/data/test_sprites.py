"""Our shapes: every factor value stands in the picture, and comes with it."""

import math

import numpy as np
import pytest

from zoo.data import describe, load
from zoo.data.sprites import FACTORS, SIZES, draw, outline


@pytest.fixture(scope="module")
def sprites(cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(cache))
        yield load("sprites", validation=0, test=0)


def test_the_grid_of_factors_is_complete(sprites):
    assert sprites.train.x.shape == (math.prod(SIZES), 64, 64, 1)
    assert len(np.unique(sprites.train.factors, axis=0)) == math.prod(SIZES)
    np.testing.assert_array_equal(sprites.train.factors.max(0) + 1, SIZES)
    assert sprites.classes == FACTORS["shape"] and list(describe(sprites)["factors"]) == list(FACTORS)


def test_all_pictures_are_different(sprites):
    assert len({picture.tobytes() for picture in sprites.train.x}) == math.prod(SIZES)


def test_a_picture_shows_its_factors(sprites):
    for i in np.random.default_rng(0).choice(len(sprites.train), 200, replace=False):
        shape, scale, rotation, x, y = sprites.train.factors[i]
        assert sprites.train.y[i] == shape
        rows, columns = np.nonzero(sprites.train.x[i, :, :, 0])
        centre = FACTORS["x"][x], FACTORS["y"][y]
        size = FACTORS["scale"][scale]
        assert np.hypot(columns - centre[0], rows - centre[1]).max() == pytest.approx(size, abs=1.2)
        tile = draw(FACTORS["shape"][shape], size, FACTORS["rotation"][rotation])
        assert tile.sum(dtype=int) == sprites.train.x[i].sum(dtype=int)


@pytest.mark.parametrize("shape", FACTORS["shape"])
def test_a_quarter_turn_turns_the_picture(shape):
    there = draw(shape, 14.0, 90.0).astype(int)
    assert abs(np.rot90(draw(shape, 14.0, 0.0).astype(int)) - there).mean() < 6
    assert abs(draw(shape, 14.0, 180.0).astype(int) - draw(shape, 14.0, 0.0)).mean() > 20


@pytest.mark.parametrize("shape", FACTORS["shape"])
def test_outlines_fit_the_unit_circle(shape):
    assert np.linalg.norm(outline(shape), axis=1).max() == pytest.approx(1)


def test_factors_follow_their_pictures_into_the_splits(sprites):
    cut = load("sprites", limit=300)
    of = {picture.tobytes(): factors for picture, factors in zip(sprites.train.x, sprites.train.factors, strict=True)}
    for split in cut.splits.values():
        for picture, factors in zip(split.x, split.factors, strict=True):
            np.testing.assert_array_equal(of[picture.tobytes()], factors)
