"""Draws docs/explore.png: the page of `zoo explore vae_conv.mnist`, with three images of the model's own.

python docs/explore.py

It needs what the tests of the page need: see tests/browser.py.
"""

import io
import sys
import tempfile
import threading
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import zoo  # noqa: E402
from tests.browser import Browser  # noqa: E402
from zoo import web  # noqa: E402

WIDTH = 1200


def main():
    with tempfile.TemporaryDirectory() as folder, Browser() as browser, web.serve(folder) as server:
        zoo.export("vae_conv.mnist", folder, format="web")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.open(f"http://127.0.0.1:{server.server_address[1]}/", width=WIDTH)
        for count, nth in enumerate((0, 3, 4), 1):
            page.click(f"#examples button >> nth={nth}")
            page.waitForSelector(f"#dropped figure:nth-child({count})")
        page.click("#dropped figure:nth-child(2) button >> text=See its code")
        page.evaluate("scrollTo(0, 0)")
        shown = Path(folder) / "shown.png"
        height = page.evaluate("document.getElementById('own').getBoundingClientRect().bottom + 9")
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": height}
        page.screenshot({"path": str(shown), "clip": clip, "fullPage": True})
        content = io.BytesIO(shown.read_bytes())
        server.shutdown()
    Image.open(content).convert("RGB").quantize(96).save(ROOT / "docs" / "explore.png", optimize=True)


if __name__ == "__main__":
    main()
