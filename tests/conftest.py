"""The environment of the tests, set before TensorFlow is imported."""

import contextlib
import os
import resource
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
CACHE = None if os.environ.get("ZOO_CACHE") else tempfile.TemporaryDirectory(prefix="zoo-cache-")
if CACHE:
    os.environ["ZOO_CACHE"] = CACHE.name


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests that take minutes too")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="takes minutes; run with --slow"))


def pytest_unconfigure(config):
    if CACHE:
        CACHE.cleanup()


@contextlib.contextmanager
def disk_of(size):
    """Within it, no file can become longer than so many bytes: the disk is full for all that is larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
