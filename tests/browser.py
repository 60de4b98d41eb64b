"""Chromium for the tests of the page: `Page` has the methods of Playwright's pages."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGES = HERE.parent / "zoo" / "web" / "node_modules"
INSTALL = "apt-get install nodejs npm chromium && npm ci --prefix zoo/web"
needs_runtime = pytest.mark.skipif(
    not (PACKAGES / "@litertjs" / "core").is_dir(), reason="no LiteRT.js: npm ci --prefix zoo/web"
)
needs_browser = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("chromium") and (PACKAGES / "playwright-core").is_dir()),
    reason=f"no browser: {INSTALL}",
)


class Browser:
    """One Chromium; a context manager."""

    def __enter__(self):
        words = ["node", HERE / "web_page.mjs", PACKAGES / "playwright-core", shutil.which("chromium")]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)

    def ask(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer.get("result")

    def open(self, url, width=1100, **options):
        """A page whose model is ready, or has failed."""
        number = self.ask(0, "open", {"viewport": {"width": width, "height": 900}, **options})
        page = Page(self, number)
        page.goto(url)
        page.waitForSelector("body[data-ready]")
        return page


class Page:
    """`page.click("#again")`, `page.evaluate("zoo.point()")`, `page("keyboard.press", "Tab")`."""

    def __init__(self, browser, number):
        self.browser, self.number = browser, number

    def __call__(self, method, *words):
        return self.browser.ask(self.number, method, *words)

    def __getattr__(self, method):
        return lambda *words: self(method, *words)

    def pixels(self, selector, nth=0):
        """The red values of a canvas, [H, W], 0 to 255."""
        import numpy as np

        values = self.evaluate(
            f"(c => [c.height, c.width, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data])"
            f"(document.querySelectorAll({json.dumps(selector)})[{nth}])"
        )
        return np.reshape(values[2:], (*values[:2], 4))[..., 0]
