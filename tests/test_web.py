"""The page: what the browser computes is what Keras computes, each control does what it says, and it learns."""

import http.client
import io
import json
import shutil
import socket
import struct
import sys
import threading
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import cli, presets, scoring, web
from zoo.data.pixels import HOW, Size, resized
from zoo.errors import InputError, WriteError
from zoo.export import exploring, export, sandbox
from zoo.export import site as sites

from .browser import Browser, needs_browser, needs_runtime

FILE = Path(__file__).parents[1] / "saved_models" / "ae_conv.mnist" / "tflite" / "model.tflite"
DROP = """{
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(%s)], 'five.png', {type: 'image/png'}));
  for (const kind of ['dragover', 'drop'])
    document.getElementById('zone').dispatchEvent(
      new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


@pytest.fixture(scope="module")
def served():
    """Serves folders: (folder) -> URL."""
    servers = []

    def start(folder):
        servers.append(web.serve(folder))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """(model) -> the folder of its page."""

    def write(model, **options):
        folder = tmp_path_factory.mktemp("site") / "page"
        export(model, folder, format="web", **options)
        return folder

    return write


def explore(monkeypatch, *words, keep=None):
    """Runs `zoo explore`, copies the folder that it serves to `keep`, and presses Ctrl-C."""
    seen = SimpleNamespace()

    class Server:
        server_address = ("127.0.0.1", 8123)

        def __init__(self, folder, port):
            seen.folder, seen.port = Path(folder), port

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def serve_forever(self):
            if keep:
                shutil.copytree(seen.folder, keep)
            raise KeyboardInterrupt

    monkeypatch.setattr(web, "serve", Server)
    with redirect_stdout(io.StringIO()) as said, pytest.raises(SystemExit) as ended:
        cli.main(["explore", *words])
    seen.code, seen.said = ended.value.code, said.getvalue()
    return seen


@pytest.fixture(scope="module")
def site(tmp_path_factory, served):
    """(model, folder, URL, what the command said) of a pretrained VAE, as `zoo explore` serves it."""
    folder = tmp_path_factory.mktemp("site") / "page"
    with pytest.MonkeyPatch.context() as patch:
        explored = explore(patch, "vae_dense.mnist", "--port", "8123", keep=folder)
    return zoo.load_model("vae_dense.mnist"), folder, served(folder), explored


@pytest.fixture(scope="module")
def opened(browser, site):
    page = browser.open(site[2])
    yield page
    page("close")


@pytest.fixture
def page(opened):
    """The page of the pretrained VAE, without images; it must have written no error in the end."""
    yield opened
    assert opened("errors") == []
    opened.evaluate("zoo.images.splice(0), zoo.show()")
    opened.click("#home")


def small(name, **words):
    return zoo.create_model(name, **{"input_shape": (8, 8, 1), "widths": (8,), **words})


def png(x):
    """The bytes of a picture of an image [H, W, 1] in [0, 1]."""
    file = io.BytesIO()
    Image.fromarray((x[..., 0] * 255).round().astype("uint8")).save(file, "PNG")
    return file.getvalue()


def upload(page, contents):
    """Gives the page files {name: bytes}."""
    page.evaluate(
        f"zoo.take({json.dumps([[name, list(content)] for name, content in contents.items()])}"
        ".map(([name, bytes]) => new File([Uint8Array.from(bytes)], name)))"
    )


def same_picture(pixels, x):
    """Whether a canvas shows an image [H, W, 1] in [0, 1], but for the rounding of one step of 255."""
    np.testing.assert_allclose(pixels, 255 * np.clip(np.squeeze(x, -1), 0, 1), atol=0.51)


def settle(page):
    """Waits until the page has drawn what was asked of it."""
    page.evaluate("zoo.go(zoo.point())")


# The server


def test_a_port_in_use_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="choose another"):
            web.serve(".", taken.getsockname()[1])


@pytest.mark.parametrize(
    "host, path, status",
    [(None, "/a.wasm", 200), ("evil.example", "/a.wasm", 403), (None, "/", 404), (None, "/../secret", 404)],
)
def test_only_pages_of_this_machine_get_files(served, tmp_path, host, path, status):
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.wasm").write_bytes(b"wasm")
    port = int(served(tmp_path / "site").rstrip("/").rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == status
    assert status != 200 or answer.getheader("Content-Type") == "application/wasm"


# The folder


@needs_runtime
def test_a_model_of_a_table_is_refused_before_anything_is_written(tmp_path):
    model = zoo.create_model("vae_dense", input_shape=(5,), latent_dim=2)
    with pytest.raises(InputError, match="images"):
        export(model, tmp_path / "page", format="web")
    assert not any(tmp_path.iterdir())


def test_without_the_runtime_the_command_that_installs_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(sites, "PACKAGES", tmp_path)
    with pytest.raises(InputError, match=r"npm ci .*zoo/web"):
        export(small("gan_dense", latent_dim=2), tmp_path / "page", format="web")


@needs_runtime
def test_the_folder_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    model = small("gan_dense", latent_dim=2)
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "thesis.txt").write_text("mine")
    with pytest.raises(WriteError, match="not an export"):
        export(model, tmp_path / "page", format="web", force=True)
    monkeypatch.setattr(exploring, "space", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(model, tmp_path / "new" / "page", format="web")
    assert [path.name for path in tmp_path.rglob("*")] == ["page", "thesis.txt"]


@needs_runtime
@pytest.mark.parametrize("words", [{"trainable": True}, {"optimizer": "sgd"}])
def test_a_page_that_cannot_learn_is_refused_where_it_is_asked_to(tmp_path, words):
    with pytest.raises(InputError, match="cannot learn: the model has no encoder"):
        export(small("gan_dense", latent_dim=2), tmp_path / "page", format="web", **words)
    assert not any(tmp_path.iterdir())


def test_the_most_active_units_come_first():
    model = zoo.load_model("vae_dense.mnist")
    space = exploring.space(model)
    x = np.concatenate([model.preset.examples(), model.sample(exploring.PLACES)])[: exploring.PLACES]
    spread = model.encode(x).std(0)
    assert [control["at"] for control in space["controls"]] == np.argsort(-spread).tolist()
    np.testing.assert_allclose(space["values"], model.encode(x), atol=1e-5)


def test_inputs_of_a_generator_are_ordered_by_how_they_change_its_images():
    model = small("gan_dense", latent_dim=3, normalization="none")
    first = model.generator.layers[1] if not model.generator.layers[0].weights else model.generator.layers[0]
    kernel = first.kernel.numpy()
    kernel[1] *= 50
    kernel[2] = 0
    first.kernel.assign(kernel)
    controls = exploring.space(model)["controls"]
    assert [control["at"] for control in controls] == [1, 0, 2]
    assert controls[-1]["activity"] == 0


def test_data_give_the_places_of_the_map():
    model = small("ae_dense", latent_dim=4)
    x = np.random.default_rng(0).random((5, 8, 8, 1), "float32")
    space = exploring.space(model, x)
    np.testing.assert_allclose(space["values"], model.encode(x), atol=1e-5)
    found = np.linalg.norm(np.diff(space["places"], axis=0), axis=1)
    assert (found <= np.linalg.norm(np.diff(model.encode(x), axis=0), axis=1) + 1e-4).all()
    with pytest.raises(InputError, match="no encoder"):
        exploring.space(small("gan_dense", latent_dim=2), x)


@needs_runtime
@needs_browser
def test_explore_serves_the_page_until_it_is_stopped(site):
    explored = site[3]
    assert (explored.code, explored.said) == (130, "http://127.0.0.1:8123/\n")
    assert explored.port == 8123 and not explored.folder.exists()


def test_explore_maps_the_data_that_are_asked_for(monkeypatch):
    seen = {}
    monkeypatch.setattr(sys.modules["zoo.export"], "export", lambda model, out, **words: seen.update(words))
    explored = explore(monkeypatch, "vae_dense.mnist", "--data", "digits", "--resize", "model", "--quantize", "float16")
    assert explored.code == 130
    x = seen.pop("examples")
    assert seen == {"format": "web", "quantize": "float16"}
    assert x.shape[1:] == (28, 28, 1) and x.min() >= 0 and 0.9 < x.max() <= 1


# A file


def damaged(content):
    """A file whose first bytes are right."""
    return content[:200] + bytes(reversed(content[200:3000])) + content[3000:]


@needs_runtime
@pytest.mark.parametrize(
    "make, words",
    [
        (lambda _: b"hello" * 100, "not a TFLite file"),
        (lambda content: content[:2000], "a.tflite: "),
        (damaged, "a.tflite: "),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_not_tflite_is_one_line(tmp_path, capfd, make, words):
    file = tmp_path / "a.tflite"
    if make:
        file.write_bytes(make(FILE.read_bytes()))
    with pytest.raises(SystemExit) as ended:
        cli.main(["explore", str(file)])
    said = capfd.readouterr()
    assert ended.value.code == 2 and said.out == ""
    assert words in said.err and said.err.count("\n") == 1, said.err


def test_a_crash_or_an_endless_run_of_a_file_is_one_line(tmp_path, monkeypatch):
    file, child = tmp_path / "a.tflite", tmp_path / "child.py"
    file.write_bytes(b"0000TFL3" * 100)
    monkeypatch.setattr(sandbox, "__file__", str(child))
    child.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(InputError, match=r"crashes the interpreter \(SIGSEGV\)$"):
        sandbox.signatures_of(file)
    child.write_text("import time\ntime.sleep(60)")
    monkeypatch.setattr(sandbox, "PATIENCE", 0.5)
    with pytest.raises(InputError, match="does not end"):
        sandbox.signatures_of(file)


@needs_runtime
def test_a_file_of_others_is_refused(tmp_path):
    import tensorflow as tf

    double = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec([1, 4], tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([double.get_concrete_function()], tf.Module())
    (tmp_path / "a.tflite").write_bytes(converter.convert())
    with pytest.raises(InputError, match="has the signatures serving_default; the page needs those of zoo export"):
        sites.write_site_of(tmp_path / "a.tflite", tmp_path / "page")
    assert not (tmp_path / "page").exists()


# What the page computes


@needs_runtime
@needs_browser
def test_the_page_equals_keras(site, page):
    model = site[0]
    x, table = model.preset.examples()[:1], model.signatures()
    for verb in table:
        given = presets.inputs_for(model, verb, table[verb], x)
        words = json.dumps({name: array.ravel().tolist() for name, array in given.items()})
        found = page.evaluate(
            f"zoo.run('{verb}', {words})"
            ".then(out => Object.fromEntries(Object.entries(out).map(([name, values]) => [name, [...values]])))"
        )
        for name, expected in model.run(verb, **given).items():
            np.testing.assert_allclose(
                np.float32(found[name]), np.ravel(expected), rtol=1e-5, atol=1e-5, err_msg=f"{verb} {name}"
            )
    assert page.textContent("#status") == "Ready."


@needs_runtime
@needs_browser
def test_a_slider_moves_its_unit_of_the_code(site, page):
    model, folder = site[:2]
    controls, before = json.loads((folder / "page.json").read_text())["space"]["controls"], page.evaluate("zoo.point()")
    page.focus("#controls input >> nth=0")
    for _ in range(60):
        page("keyboard.press", "ArrowRight")
    settle(page)
    after, unit = page.evaluate("zoo.point()"), controls[0]["at"]
    assert after[unit] > before[unit] + 0.2 * (controls[0]["high"] - controls[0]["low"])
    assert np.delete(after, unit).tolist() == np.delete(before, unit).tolist()
    same_picture(page.pixels("#decoded"), model.decode(np.float32([after]))[0])
    assert float(page.textContent("#controls output >> nth=0")) == pytest.approx(after[unit], abs=0.01)
    assert not page.isVisible("#controls input >> nth=15")
    page.click("#more")
    assert page.isVisible("#controls input >> nth=15")
    page.click("#home")
    assert page.evaluate("zoo.point()") == before


@needs_runtime
@needs_browser
def test_places_of_the_map_are_picked_by_mouse_and_keyboard(site, page):
    values = json.loads((site[1] / "page.json").read_text())["space"]["values"]
    page.click("#places button >> nth=3")
    number = int(page.getAttribute("#places [aria-pressed=true]", "aria-label").split()[1])
    assert page.evaluate("zoo.point()") == values[number - 1]
    stops = page.evaluate("[...document.querySelectorAll('#places button')].filter(b => b.tabIndex === 0).length")
    assert stops == 1
    page("keyboard.press", "ArrowDown")
    page("keyboard.press", "Enter")
    second = int(page.getAttribute("#places [aria-pressed=true]", "aria-label").split()[1])
    places = json.loads((site[1] / "page.json").read_text())["space"]["places"]
    assert places[second - 1][1] < places[number - 1][1]  # y grows upwards
    assert page.evaluate("zoo.point()") == values[second - 1]


@needs_runtime
@needs_browser
def test_the_line_between_two_picked_images_is_that_of_keras(site, page):
    model = site[0]
    for which, nth in (("start", 2), ("end", 9)):
        page.click(f"#places button >> nth={nth}")
        page.click(f"#{which}")
    page.waitForFunction("document.querySelectorAll('#steps canvas').length === 10")
    settle(page)
    a, b = (
        np.float32(page.evaluate(f"zoo.about.space.values[{number - 1}]"))
        for number in (
            int(page.getAttribute(f"#places button >> nth={nth}", "aria-label").split()[1]) for nth in (2, 9)
        )
    )
    line = model.decode(np.linspace(a, b, 10, dtype="float32"))
    for k in (0, 4, 9):
        same_picture(page.pixels("#steps canvas", k), line[k])
    page.fill("#along", "1")
    np.testing.assert_allclose(page.evaluate("zoo.point()"), b, atol=1e-6)
    page.click("#steps button >> nth=0")
    np.testing.assert_allclose(page.evaluate("zoo.point()"), a, atol=1e-6)


@needs_runtime
@needs_browser
def test_a_dropped_image_is_reconstructed_compared_and_judged(site, page):
    model = site[0]
    x = model.preset.examples()[:1]
    page.evaluate(DROP % list(png(x[0])))
    page.waitForSelector("#dropped figure")
    x_hat = model.reconstruct(x)
    for nth, expected in enumerate((x, x_hat, np.abs(x - x_hat))):
        same_picture(page.pixels("#dropped canvas", nth), expected[0])
    said = page.textContent("#dropped figcaption")
    assert f"Score {model.score(x)[0]:.1f} nats" in said and f"threshold {model.threshold:.1f}" in said
    assert ("Anomaly" in said) == bool(model.run("score", x=x)["is_anomaly"][0])
    page.click("text=Invert")
    page.waitForFunction("document.querySelector('#dropped').textContent.includes('Anomaly')")
    same_picture(page.pixels("#dropped canvas"), 1 - x[0])
    assert page.evaluate("document.activeElement.textContent") == "Invert"  # the keyboard stays there
    page.click("text=See its code")
    page.waitForFunction(
        "zoo.run('encode', {x: zoo.images[0].x}).then(({z}) => [...z].every((v, i) => v === zoo.point()[i]))"
    )
    page.click("text=Remove")
    page.waitForSelector("#dropped figure", {"state": "detached"})
    assert not page.isVisible("#training")


def pictures():
    """{name: bytes} of images of other sizes, shapes and kinds than those of the data."""
    rng = np.random.default_rng(0)
    found = {"noise.png": png(rng.random((28, 28, 1)))}
    grey = Image.fromarray(np.add.outer(np.hanning(99) * 140, np.hanning(53) * 115).astype("uint8"))
    colour = Image.merge("RGB", [grey, grey.rotate(90, fillcolor=7), grey.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    for name, image in (("large.png", grey), ("small.png", grey.resize((11, 9))), ("colour.png", colour)):
        file = io.BytesIO()
        image.save(file, "PNG")
        found[name] = file.getvalue()
    return found


def judged(page, files, expected):
    """Whether the page scores files {name: bytes} by these numbers, (score, whether it is an anomaly) each."""
    upload(page, files)
    for nth, (score, is_anomaly) in enumerate(expected):
        found = page.evaluate(f"zoo.judge(zoo.images[{nth}].x).then(o => [o.score[0], o.is_anomaly[0]])")
        assert found == [pytest.approx(score, rel=1e-5), is_anomaly]
        shown = page.textContent(f"#dropped figure:nth-child({nth + 1})")
        assert f"Score {found[0]:.1f}" in shown and ("Anomaly" in shown) == bool(is_anomaly)


@needs_runtime
@needs_browser
def test_an_image_is_scored_and_judged_as_by_zoo_score(page, tmp_path, capsys):
    name, content = next(iter(pictures().items()))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SystemExit):
        cli.main(["score", "vae_dense.mnist", "--data", str(tmp_path / name), "--json"])
    said = json.loads(capsys.readouterr().out)
    judged(page, {name: content}, [(said["strangest"][0]["score"], said["anomalies"])])


@needs_runtime
@needs_browser
@pytest.mark.parametrize("name", ["vae_conv.mnist", "ae_conv.mnist"])
def test_the_page_of_a_file_reconstructs_scores_and_judges(served, browser, tmp_path, name):
    model, files = zoo.load_model(name), pictures()
    sites.write_site_of(model.preset.path / "tflite" / "model.tflite", tmp_path / "page")
    expected = []
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
        x = presets.data_for(model.preset, str(tmp_path / file), "model", validation=0.0, test=0.0).train.x
        found = scoring.score(model, x)
        expected.append((found.scores[0], found.is_anomaly[0]))
    page = browser.open(served(tmp_path / "page"))
    judged(page, files, expected)
    same_picture(
        page.pixels("#dropped canvas", 3 * len(files) - 2), model.reconstruct(model.preset.preprocessor.apply(x))[0]
    )
    assert f"{model.threshold:.1f}" in page.textContent("#dropped")
    assert "float32" in page.textContent("#facts") and "--trainable" in page.textContent("#why")
    assert page("errors") == []
    page("close")


@needs_runtime
@needs_browser
@pytest.mark.parametrize("how", HOW)
def test_images_are_resized_as_those_of_data(page, how):
    rng = np.random.default_rng(0)
    for height, width, channels in ((99, 53, 1), (53, 99, 3), (9, 11, 1), (56, 41, 3), (300, 7, 1)):
        x = rng.integers(0, 256, (height, width, channels)).astype("uint8")
        found = page.evaluate(
            f"import('./resizing.js').then(m => [...m.resize([Uint8Array.from({x.ravel().tolist()})], "
            f"{{width: {width}, height: {height}}}, [28, 20, {channels}], '{how}')])"
        )
        np.testing.assert_array_equal(found, resized(x[None], Size(28, 20, how)).ravel())


@needs_runtime
@needs_browser
def test_training_in_the_page_lowers_the_loss_and_can_be_forgotten(site, browser, page):
    other, page = page, browser.open(site[2])
    for nth in range(4):
        page.click(f"#examples button >> nth={nth}")
        page.waitForSelector(f"#dropped figure:nth-child({nth + 1})")
    decoded = "zoo.run('decode', {z: Array(20).fill(0)}).then(out => [...out.x_hat])"
    before = page.evaluate(decoded)
    page.click("#train")
    page.waitForSelector("#forget:not([disabled])")
    first, last = (float(word) for word in page.textContent("#losses").split("loss ")[1].split(" nats")[0].split(" → "))
    assert last < 0.5 * first
    assert page.isVisible("#curve") and "before it learned here" in page.textContent("#dropped")
    assert page.evaluate(decoded) != before
    assert other.evaluate(decoded) == before  # two pages at once
    page.click("#forget")
    page.waitForSelector("#forget", {"state": "hidden"})
    assert page.evaluate(decoded) == before
    assert page("errors") == []
    page("close")


@needs_runtime
@needs_browser
def test_samples_are_drawn_and_picked(page):
    page.evaluate("window.first = document.querySelector('#drawn canvas')")
    before = page.pixels("#drawn canvas")
    page.click("#again")
    page.waitForFunction("document.querySelector('#drawn canvas') !== first")
    assert (page.pixels("#drawn canvas") != before).any()
    before = page.evaluate("zoo.point()")
    page.click("#drawn button >> nth=0")
    page.waitForFunction(f"zoo.point()[0] !== {before[0]}")


@needs_runtime
@needs_browser
@pytest.mark.parametrize("mistake, words", [("text", "not a PNG"), ("bomb", "too many"), ("cut", "damaged")])
def test_a_wrong_file_is_one_line_on_the_page(page, mistake, words):
    size = (60000, 60000) if mistake == "bomb" else (8, 8)
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", *size)
    good = png(np.zeros((28, 28, 1)))
    upload(page, {f"{mistake}.png": b"hello" * 20 if mistake == "text" else header + b"\0" * 40, "good.png": good})
    said = page.textContent("#problem")
    assert f"{mistake}.png" in said and words in said and "\n" not in said
    assert page.evaluate("zoo.images.map(image => image.name)") == ["good.png"]
    upload(page, {"good.png": good})
    assert page.textContent("#problem") == ""


@needs_runtime
@needs_browser
def test_too_many_images_and_what_is_no_file_are_said(page):
    good = png(np.zeros((28, 28, 1)))
    upload(page, {f"{i}.png": good for i in range(66)})
    assert page.textContent("#problem") == "64.png: at most 64 images; remove some first (and 1 more)"
    page.evaluate("zoo.take([])")
    assert "not a file" in page.textContent("#problem")


@needs_runtime
@needs_browser
@pytest.mark.parametrize("width, scheme", [(390, "light"), (320, "dark"), (1100, "dark")])
def test_the_page_fits_the_screen_and_obeys_fingers(site, browser, width, scheme):
    phone = browser.open(site[2], width, hasTouch=True, isMobile=width < 500, colorScheme=scheme)
    phone.click("#examples button >> nth=0")
    phone.waitForSelector("#dropped figure")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    before = phone.evaluate("zoo.point()")
    phone.tap("#places button >> nth=5")
    assert phone.evaluate("zoo.point()") != before
    colours = phone.evaluate("['color', 'backgroundColor'].map(k => getComputedStyle(document.body)[k])")
    ink, paper = (sum(map(int, colour[4:-1].split(","))) for colour in colours)
    assert (ink > paper) == (scheme == "dark")
    assert phone("errors") == []
    phone("close")


@needs_runtime
@needs_browser
@pytest.mark.parametrize("broken, words", [("model.tflite", "cannot run"), ("page.json", "page.json")])
def test_a_damaged_file_is_one_line_on_the_page(site, served, browser, tmp_path, broken, words):
    shutil.copytree(site[1], tmp_path / "page", symlinks=True)
    (tmp_path / "page" / broken).write_bytes(b"damaged" * 100)
    page = browser.open(served(tmp_path / "page"))
    said = page.textContent("#status")
    assert words in said and "\n" not in said and len(said) < 200
    assert not page.isVisible("main")
    page("close")


# Other kinds of models


@needs_runtime
@needs_browser
def test_sliders_of_a_gan_move_its_random_input(folder_of, served, browser):
    model = small("info_gan_dense", latent_dim=3)
    page = browser.open(served(folder_of(model)))
    assert page.evaluate("[...document.querySelectorAll('#controls .range')].length") == 6
    page.focus("#controls input >> nth=0")
    page("keyboard.press", "End")
    settle(page)
    point = np.float32([page.evaluate("zoo.point()")])
    expected = model.run("sample", noise=point[:, :3], uniform=point[:, 3:])["x"]
    same_picture(page.pixels("#decoded"), expected[0])
    page.click("#drawn button >> nth=1")
    settle(page)
    np.testing.assert_array_equal(page.pixels("#decoded"), page.pixels("#drawn canvas", 1))
    assert not page.isVisible("#own") and page("errors") == []
    page("close")


@needs_runtime
@needs_browser
def test_labels_of_a_conditional_model_are_chosen(folder_of, served, browser):
    model = small("cvae_dense", latent_dim=2, classes=3)
    page = browser.open(served(folder_of(model)))
    assert "needs a label" in page.textContent("#why")
    page.check("#controls input[value='2']", {"force": True})
    settle(page)
    point = page.evaluate("zoo.point()")
    assert point[2:] == [0, 0, 1]
    same_picture(page.pixels("#decoded"), model.decode(np.float32([point]))[0])
    page.check("#wish input[value='1']", {"force": True})
    page.waitForFunction("document.querySelectorAll('#drawn canvas').length === 10")
    x = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 1)).astype("float32") / 255
    upload(page, {"x.png": png(x[0])})
    said = page.textContent("#dropped figcaption")
    assert f"Label {model.classify(x)[0]}" in said and f"Score {model.score(x)[0]:.1f}" in said
    same_picture(page.pixels("#dropped canvas", 1), model.reconstruct(x)[0])
    assert page("errors") == []
    page("close")


@needs_runtime
@needs_browser
@pytest.mark.parametrize(
    "name, words", [("vq_vae_conv", {"codes": 5}), ("rq_vae_dense", {"codes": 5, "depth": 2, "positions": 4})]
)
def test_cells_of_discrete_codes_are_set(folder_of, served, browser, name, words):
    model = small(name, latent_dim=3, **words)
    folder = folder_of(model, quantize="float16")
    (control,) = json.loads((folder / "page.json").read_text())["space"]["controls"]
    shape = (*control["grid"], control["depth"])
    assert (control["grid"], control["depth"]) == (([4, 4], 1) if name == "vq_vae_conv" else ([4], 2))
    page = browser.open(served(folder))
    cell = "#cells button" if len(shape) == 3 else "#controls .cells button"
    page.click(f"{cell} >> nth=1")
    page.fill("#controls input[type=range] >> nth=0", "3")
    settle(page)
    indices = np.floor(5 * np.array(page.evaluate("zoo.point()"))).astype("int32").reshape(1, -1, control["depth"])
    assert indices[0, 1, 0] == 3
    expected = model.decode(model.lookup(indices.reshape(1, *model.index_shape)).numpy())[0]
    np.testing.assert_allclose(page.pixels("#decoded"), 255 * np.clip(expected[..., 0], 0, 1), atol=2)
    x = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 1)).astype("float32") / 255
    upload(page, {"x.png": png(x[0])})
    page.click("text=See its code")
    page.waitForFunction("document.querySelectorAll('#steps canvas').length === 10")
    assert page("errors") == []
    page("close")


@needs_browser
@needs_runtime
@pytest.mark.parametrize("name", ["sphere_vae_dense", "poincare_vae_dense"])
def test_the_way_in_a_curved_space_is_that_of_keras(page, name):
    model = small(name, latent_dim=3)
    a, b = model.encode(np.random.default_rng(1).random((2, 8, 8, 1), "float32"))
    a, b = (np.float32([0.1, -0.5, 0.2]), np.float32([0.6, 0.5, 0.1])) if "poincare" in name else (a, b)
    space = {key: exploring.space(model)[key] for key in ("line", "edge")}
    for t in (0.0, 0.3, 1.0):
        found = page.evaluate(
            f"import('./space.js').then(m => m.between({json.dumps(space)}, {a.tolist()}, {b.tolist()}, {t}))"
        )
        np.testing.assert_allclose(found, model.prior.between(a[None], b[None], t)[0], atol=1e-5)
