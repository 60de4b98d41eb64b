"""The page: what the browser computes is what Keras computes, and it learns."""

import http.client
import json
import shutil
import socket
import struct
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import presets, web
from zoo.errors import InputError

HERE = Path(__file__).parent
PACKAGES = HERE.parent / "zoo" / "web" / "node_modules"
needs_runtime = pytest.mark.skipif(
    not (PACKAGES / "@litertjs" / "core").is_dir(), reason="no LiteRT.js: npm ci --prefix zoo/web"
)
needs_browser = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("chromium") and (PACKAGES / "playwright-core").is_dir()),
    reason="no browser: apt-get install nodejs npm chromium && npm ci --prefix zoo/web",
)


@pytest.fixture
def served(tmp_path):
    """Serves folders: (folder) -> port."""
    servers = []

    def start(folder):
        servers.append(web.serve(folder))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return servers[-1].server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_port_in_use_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="choose another"):
            web.serve(".", taken.getsockname()[1])


@pytest.mark.parametrize(
    "host, path, status", [(None, "/a.wasm", 200), ("evil.example", "/a.wasm", 403), (None, "/", 404)]
)
def test_only_pages_of_this_machine_get_files(served, tmp_path, host, path, status):
    (tmp_path / "a.wasm").write_bytes(b"wasm")
    port = served(tmp_path)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == status
    assert status != 200 or answer.getheader("Content-Type") == "application/wasm"


def browse(url, folder, calls, files):
    (folder / "inputs.json").write_text(json.dumps({"calls": calls, "files": [str(file) for file in files]}))
    words = [url, PACKAGES / "playwright-core", shutil.which("chromium"), folder / "inputs.json"]
    done = subprocess.run(["node", HERE / "web_page.mjs", *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    log = ("INFO: ", "WARNING: ")  # of LiteRT, which writes its log there
    said["errors"] = [error for error in said["errors"] if not error.startswith(log)]
    return said


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """(model, folder) of a pretrained VAE."""
    model, folder = zoo.load_model("vae_dense.mnist"), tmp_path_factory.mktemp("site") / "page"
    web.write_site(model, folder)
    return model, folder


@needs_runtime
@needs_browser
def test_the_page_equals_keras_and_learns(site, served, tmp_path):
    model, folder = site
    x = model.preset.examples()[:4]
    table = model.signatures()
    inputs = {v: {k: a[:1] for k, a in presets.inputs_for(model, v, table[v], x).items()} for v in table}
    files = [tmp_path / f"{i}.png" for i in range(len(x))]
    for file, image in zip(files, x, strict=True):
        Image.fromarray((image[..., 0] * 255).round().astype("uint8")).save(file)
    calls = {verb: {k: a.ravel().tolist() for k, a in given.items()} for verb, given in inputs.items()}
    said = browse(f"http://127.0.0.1:{served(folder)}/", tmp_path, calls, files)
    assert (said["errors"], said["problem"], said["status"], said["wide"]) == ([], "", "Ready.", False)
    for verb, given in inputs.items():
        for name, expected in model.run(verb, **given).items():
            found = np.float32(said["results"][verb][name])
            np.testing.assert_allclose(found, np.ravel(expected), rtol=1e-5, atol=1e-5, err_msg=f"{verb} {name}")
    assert said["losses"][-1] < 0.5 * said["losses"][0]


@needs_runtime
@needs_browser
@pytest.mark.parametrize("mistake, words", [("text", "not a PNG"), ("bomb", "too many"), ("cut", "damaged")])
def test_a_wrong_file_is_one_line_on_the_page(site, served, tmp_path, mistake, words):
    file = tmp_path / f"{mistake}.png"
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(
        ">I4sII", 13, b"IHDR", *((60000, 60000) if mistake == "bomb" else (8, 8))
    )
    file.write_bytes(b"hello" * 20 if mistake == "text" else header + b"\0" * 40)
    said = browse(f"http://127.0.0.1:{served(site[1])}/", tmp_path, {}, [file])
    assert words in said["problem"] and "\n" not in said["problem"]
    assert said["errors"] == [] and said["losses"] is None


@needs_runtime
def test_a_model_of_a_table_is_refused_before_anything_is_written(tmp_path):
    model = zoo.create_model("vae_dense", input_shape=(5,), latent_dim=2)
    with pytest.raises(InputError, match="images"):
        web.write_site(model, tmp_path / "page")
    assert not (tmp_path / "page").exists()
