"""What the pages say is true: tables are fresh, links lead somewhere, and the code of the README runs."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_generated_tables_are_fresh():
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), link


def test_the_example_variant_of_the_guide_is_one(tmp_path):
    from zoo import catalog

    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "adding_a_variant.md").read_text(), re.S)
    (tmp_path / "weighted_vae.py").write_text(code)
    ((name, entry),) = catalog.read_folder(tmp_path).items()
    assert name == "weighted_vae" and entry.class_name == "WeightedVAE" and "weight" in entry.words


def test_the_code_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(24):
        Image.fromarray(random.integers(0, 255, (28, 28), dtype="uint8")).save(tmp_path / "photos" / f"{i}.png")
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
    images = random.random((64, 28, 28, 1)).astype("float32")
    names = {"images": images, "x": images, "a": images[0], "b": images[1]}
    exec(compile(code, "README.md", "exec"), names)
    assert names["z"].shape == (64, 20) and names["x_hat"].shape == images.shape
    assert (tmp_path / "app" / "model.tflite").is_file()
