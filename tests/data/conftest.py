"""A cache of their own for the tests, and a folder of images."""

import pytest

from .examples import noise, save


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(cache))


@pytest.fixture
def photos(tmp_path):
    """A flat folder of 12 different grey images, 8 high and 6 wide."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(12):
        save(folder / f"{i:02}.png", noise(i, (8, 6)))
    return folder
