"""The snippets of an export: in Python, JavaScript and C they give what Keras gives, in Kotlin they compile, in Swift
they parse; all name what is in the file."""

import importlib.util
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import ai_edge_litert
import keras
import numpy as np
import pytest

import zoo
from tests.export.test_exporter import preset
from zoo import presets, web
from zoo.data import Preprocessor
from zoo.export import export, exporter, litert, on_device, quantization, snippets

HERE = Path(__file__).parent
TOLERANCE = quantization.PRECISIONS["none"].tolerance
LIBRARIES = Path(ai_edge_litert.__path__[0])
NODE = HERE.parents[1] / "zoo" / "web" / "node_modules"
needs_compiler = pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler: apt-get install gcc libc6-dev")
needs_library = pytest.mark.skipif(
    not (LIBRARIES / "libLiteRt.so").exists(), reason="the wheel ai-edge-litert has no libLiteRt.so"
)
KOTLIN = NODE / "kotlin-compiler" / "lib"
needs_kotlin = pytest.mark.skipif(
    not (shutil.which("java") and KOTLIN.is_dir()),
    reason="no Kotlin compiler: apt-get install default-jre-headless npm && npm ci --prefix zoo/web",
)
needs_browser = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("chromium") and (NODE / "playwright-core").is_dir()),
    reason="no browser: apt-get install nodejs npm chromium && npm ci --prefix zoo/web",
)


@pytest.fixture(scope="module")
def pixels(tmp_path_factory):
    """(model, raw examples, folder) of a pretrained model of images, with a threshold."""
    model, out = zoo.load_model("ae_conv.mnist"), tmp_path_factory.mktemp("pixels") / "app"
    raw = model.preset.preprocessor.invert(model.preset.examples()).round()
    export(model, out)
    return model, raw, out


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    """(model, raw examples, folder) of a table, each column with a scale of its own, in a file that learns."""
    keras.utils.set_random_seed(0)
    raw = (np.random.default_rng(0).normal(size=(6, 5)) * [1, 10, 100, 1, 1e-3] + 5).astype("float32")
    model = zoo.create_model("vae_dense", input_shape=(5,), latent_dim=3, widths=(8,), likelihood="gaussian")
    vars(model)["preset"] = preset(Preprocessor.standard(raw, "table", "float32"), raw)
    model.preset.examples = lambda: model.preset.preprocessor.apply(raw)
    out = tmp_path_factory.mktemp("columns") / "app"
    export(model, out, trainable=True, batch=4)
    return model, raw, out


def inputs_of(model, verb, x):
    """{input: array [1, ...]} of the first example."""
    signature = model.signatures()[verb]
    return {name: array[:1] for name, array in presets.inputs_for(model, verb, signature, x).items()}


def require_equal(found, expected, name):
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        np.testing.assert_allclose(np.ravel(found[key]), np.ravel(array), rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


def imported(path):
    spec = importlib.util.spec_from_file_location(f"snippet_{path.parents[1].parent.name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Python


@pytest.mark.parametrize("kind", ["pixels", "columns"])
def test_python_gives_what_keras_gives(request, kind):
    model, raw, out = request.getfixturevalue(kind)
    snippet, x = imported(out / "snippets" / "model.py"), model.preset.preprocessor.apply(raw)
    np.testing.assert_array_equal(snippet.preprocess(raw), x)
    np.testing.assert_allclose(snippet.postprocess(x), raw, rtol=1e-5, atol=1e-5)
    for verb in model.signatures():
        inputs = inputs_of(model, verb, x)
        require_equal(getattr(snippet, verb)(**inputs), model.run(verb, **inputs), verb)


def test_python_runs_where_there_is_nothing_but_litert(pixels, tmp_path):
    blocked = "import sys\nfor name in ('zoo', 'keras', 'tensorflow'): sys.modules[name] = None\n"
    code = f"{blocked}import runpy; runpy.run_path({str(pixels[2] / 'snippets' / 'model.py')!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()} == set(pixels[0].signatures())


def test_python_learns_saves_and_restores(columns, tmp_path):
    model, raw, out = columns
    x = np.resize(model.preset.preprocessor.apply(raw), (4, 5))
    first, second = (imported(out / "snippets" / "model.py") for _ in range(2))
    losses = [float(first.train(x)["loss"]) for _ in range(3)]
    expected = [loss for loss, _ in on_device.follow(on_device.learner(model), [x] * 3)]
    np.testing.assert_allclose(losses, expected, rtol=on_device.TOLERANCES["train"])
    first.save(tmp_path / "state.npz")
    second.restore(tmp_path / "state.npz")
    assert float(second.train(x)["loss"]) == float(first.train(x)["loss"])


@pytest.mark.parametrize("format", ["saved_model", "onnx", "keras"])
def test_python_of_other_formats(make, tmp_path, format):
    for module in exporter.FORMATS[format].modules:
        pytest.importorskip(module)
    model, x = make("vae_dense", input_shape=(6,)), np.random.default_rng(0).random((2, 6), "float32")
    export(model, tmp_path / "app", format=format)
    snippet = imported(tmp_path / "app" / "snippets" / snippets.LANGUAGES[format][0])
    found = snippet.model.run("reconstruct", x=x) if format == "keras" else snippet.reconstruct(x)
    require_equal(found, model.run("reconstruct", x=x), format)


@pytest.mark.parametrize("binarize", ["threshold", "stochastic"])
def test_python_makes_values_of_zero_and_one_as_the_data_were(make, tmp_path, binarize):
    model, raw = make("vae_dense"), np.random.default_rng(0).integers(0, 256, (1, 28, 20, 1)).astype("float32")
    vars(model)["preset"] = preset(Preprocessor.from_pixels((28, 20, 1), "uint8", 0, 255), raw / 255)
    model.preset.experiment.data.binarize = binarize
    export(model, tmp_path / "app")
    x = imported(tmp_path / "app" / "snippets" / "model.py").preprocess(raw)
    assert x.dtype == np.float32 and set(np.unique(x)) == {0, 1}
    if binarize == "threshold":
        np.testing.assert_array_equal(x, raw >= 127.5)
    else:
        assert abs(x.mean() - raw.mean() / 255) < 4 * 0.5 / np.sqrt(x.size)
    said = json.loads((tmp_path / "app" / "model.json").read_text())
    assert said["preprocessing"]["binarize"] == binarize


# C


HARNESS = """
#define main demonstration
#include "%(out)s/snippets/model.c"
#undef main
static void take(const char *path, void *to, size_t n) {
  FILE *file = fopen(path, "rb");
  if (!file || fread(to, 1, n, file) != n || fclose(file)) exit(3);
}
static void give(const char *path, void *from, size_t n) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(from, 1, n, file) != n || fclose(file)) exit(3);
}
int main(void) {
  static float raw[%(size)d], x[%(size)d];
  take("raw", raw, sizeof raw);
  preprocess(raw, x, %(size)d);
  give("x", x, sizeof x);
  open_model("%(out)s/model.tflite");
  %(calls)s
  return 0;
}
"""


def in_c(out, folder, raw, calls):
    """[{output: array}] of [(verb, {input: array})], by a program that includes the snippet."""
    said = json.loads((out / "model.json").read_text())["signatures"]
    lines, arrays = [], 0
    for number, (verb, inputs) in enumerate(calls):
        names = []
        for name in said[verb]["inputs"]:
            inputs[name].astype("float32").tofile(folder / f"{number}.{name}")
            lines.append(
                f'static float a{arrays}[{inputs[name].size}]; take("{number}.{name}", a{arrays}, sizeof a{arrays});'
            )
            names.append(f"a{arrays}")
            arrays += 1
        for tensor in said[verb]["outputs"].values():
            kind = {"float32": "float", "int32": "int"}[tensor["dtype"]]
            lines.append(f"static {kind} a{arrays}[{max(1, int(np.prod(tensor['shape'])))}];")
            names.append(f"a{arrays}")
            arrays += 1
        lines.append(f"{verb}({', '.join(names)});")
        outputs = names[len(inputs) :]
        for name, array in zip(said[verb]["outputs"], outputs, strict=True):
            lines.append(f'give("{number}.{name}.out", {array}, sizeof {array});')
    raw.tofile(folder / "raw")
    source = HARNESS % {"out": out, "size": raw.size, "calls": "\n  ".join(lines)}
    (folder / "test.c").write_text(source)
    build(folder / "test.c", folder / "test")
    subprocess.run([folder / "test"], cwd=folder, check=True, capture_output=True, timeout=120)
    return [
        {name: np.fromfile(folder / f"{i}.{name}.out", t["dtype"]) for name, t in said[verb]["outputs"].items()}
        for i, (verb, _) in enumerate(calls)
    ]


def build(source, program):
    library = [LIBRARIES / "libLiteRt.so", f"-Wl,-rpath,{LIBRARIES}"]
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source, *library], check=True)


@needs_compiler
@needs_library
@pytest.mark.parametrize("kind", ["pixels", "columns"])
def test_c_gives_what_keras_gives(request, kind, tmp_path):
    model, raw, out = request.getfixturevalue(kind)
    x = model.preset.preprocessor.apply(raw)
    calls = [(verb, inputs_of(model, verb, x)) for verb in model.signatures()]
    if kind == "columns":
        batch = np.resize(x, (4, 5))
        calls += [("train", {"x": batch})] * 2
        losses = [loss for loss, _ in on_device.follow(on_device.learner(model), [batch] * 2)]
    found = in_c(out, tmp_path, raw[:1], calls)
    np.testing.assert_array_equal(np.fromfile(tmp_path / "x", "float32"), x[:1].ravel())
    for (verb, inputs), arrays in zip(calls, found, strict=True):
        if verb == "train":
            np.testing.assert_allclose(arrays["loss"], losses.pop(0), rtol=on_device.TOLERANCES["train"])
        else:
            require_equal(arrays, model.run(verb, **inputs), verb)


@needs_compiler
@needs_library
def test_c_runs_as_its_first_lines_say(pixels, tmp_path):
    model, _, out = pixels
    build(out / "snippets" / "model.c", tmp_path / "model")
    done = subprocess.run([tmp_path / "model", out / "model.tflite"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and {line.split()[0] for line in done.stdout.splitlines()} == set(model.signatures())


# JavaScript

PAGE = """<!doctype html><meta charset="utf-8">
<script type="importmap">
{"imports": {"@litertjs/core": "./core/index.js", "@litertjs/wasm-utils": "./utils/index.js"}}
</script>
<script type="module">
import * as snippet from './app/snippets/model.mjs';
window.snippet = snippet;
window.model = await snippet.open(undefined, './wasm/');
document.body.dataset.ready = 'yes';
</script><body></body>"""


@needs_browser
@pytest.mark.parametrize("kind", ["pixels", "columns"])
def test_javascript_gives_what_keras_gives(request, kind, tmp_path):
    model, raw, out = request.getfixturevalue(kind)
    x, packages = model.preset.preprocessor.apply(raw), NODE / "@litertjs"
    for source, target in ((out, "app"), (packages / "core/dist", "core"), (packages / "core/wasm", "wasm")):
        shutil.copytree(source, tmp_path / target)
    shutil.copytree(packages / "wasm-utils/dist", tmp_path / "utils")
    (tmp_path / "page.html").write_text(PAGE)
    calls = [(verb, inputs_of(model, verb, x)) for verb in model.signatures()]
    learns = kind == "columns"
    calls += [("train", {"x": np.resize(x, (4, 5))})] * 2 if learns else []
    listed = [[verb, {name: array.ravel().tolist() for name, array in inputs.items()}] for verb, inputs in calls]
    said = in_browser(tmp_path, {"raw": raw[:1].ravel().tolist(), "calls": listed, "count": 1000})
    assert said["errors"] == []
    np.testing.assert_array_equal(np.float32(said["x"]), x[:1].ravel())
    losses = [loss for loss, _ in on_device.follow(on_device.learner(model), [calls[-1][1]["x"]] * 2)] if learns else []
    for (verb, inputs), arrays in zip(calls, said["results"], strict=True):
        if verb == "train":
            np.testing.assert_allclose(arrays["loss"], losses.pop(0), rtol=on_device.TOLERANCES["train"])
        else:
            require_equal(arrays, model.run(verb, **inputs), verb)
    assert abs(np.mean(said["normal"])) < 0.2 and abs(np.std(said["normal"]) - 1) < 0.2


def in_browser(folder, asked):
    """What the snippet in a page of a folder gives: see snippet_page.mjs."""
    (folder / "asked.json").write_text(json.dumps(asked))
    server = web.serve(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/page.html"
        words = [url, NODE / "playwright-core", shutil.which("chromium"), folder / "asked.json"]
        done = subprocess.run(["node", HERE / "snippet_page.mjs", *words], capture_output=True, text=True, timeout=300)
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# Kotlin


@needs_kotlin
def test_kotlin_compiles_and_asks_for_what_is_in_the_file(pixels, columns, tmp_path):
    """Against the interface of LiteRT in litert.kt: there is no Android here."""
    (tmp_path / "AssetManager.kt").write_text("package android.content.res\n\nclass AssetManager\n")
    shutil.copy(HERE / "litert.kt", tmp_path)
    lines, expected = [], []
    for number, (model, raw, out) in enumerate((pixels, columns)):
        said = json.loads((out / "model.json").read_text())
        shutil.copy(out / "snippets" / "Model.kt", tmp_path / f"Model{number}.kt")
        values = ", ".join(f"{snippets.single(v)}f" for v in raw[0].ravel()[:100])
        lines.append(f"val m{number} = {snippets.pascal(said['name'])}(android.content.res.AssetManager())")
        lines.append(f'println(m{number}.preprocess(floatArrayOf({values})).joinToString(" "))')
        expected.append(model.preset.preprocessor.apply(raw[:1]).ravel()[:100])
        for verb, signature in said["signatures"].items():
            if verb not in ("save", "restore"):
                inputs, outputs = (list(signature[side]) for side in ("inputs", "outputs"))
                one = {"float32": "1.0", "int32": "1"}[signature["outputs"][outputs[0]]["dtype"]]
                given = ", ".join(f"floatArrayOf({k}f)" for k in range(1, len(inputs) + 1))
                lines.append(f"println(m{number}.{snippets.camel(verb)}({given}).{snippets.camel(outputs[0])}[0])")
                expected += [f"{said['file']} {verb} [{', '.join(inputs)}] [{', '.join(outputs)}]", one]
    (tmp_path / "Main.kt").write_text("fun main() {\n" + "\n".join(lines) + "\n}\n")
    java = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"]
    compiler = [KOTLIN / "kotlin-compiler.jar", "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-no-reflect", "-Werror"]
    built = subprocess.run(
        [*java, *compiler, "-d", tmp_path / "out", *tmp_path.glob("*.kt")], capture_output=True, text=True, timeout=600
    )
    assert built.returncode == 0, built.stderr
    classes = f"{tmp_path / 'out'}:{KOTLIN / 'kotlin-stdlib.jar'}"
    done = subprocess.run([*java, classes, "MainKt"], capture_output=True, text=True, timeout=300, check=True)
    for found, wanted in zip(done.stdout.splitlines(), expected, strict=True):
        if isinstance(wanted, str):
            assert found == wanted
        else:
            np.testing.assert_array_equal(np.float32(found.split()), wanted)


# Swift


@pytest.mark.parametrize("binarize", ["none", "threshold", "stochastic"])
@pytest.mark.parametrize("kind", ["pixels", "columns"])
def test_swift_parses(request, kind, binarize):
    """There is no compiler for it here."""
    tree_sitter, swift = (pytest.importorskip(name) for name in ("tree_sitter", "tree_sitter_swift"))
    said = json.loads((request.getfixturevalue(kind)[2] / "model.json").read_text())
    said["preprocessing"]["binarize"] = binarize
    text = snippets.snippets(said)["Model.swift"].encode()
    parser = tree_sitter.Parser(tree_sitter.Language(swift.language()))
    assert not parser.parse(text).root_node.has_error
    assert parser.parse(text.replace(b"}", b"", 1)).root_node.has_error


# All


@pytest.mark.parametrize("name", ["Model.kt", "Model.swift"])
@pytest.mark.parametrize("kind", ["pixels", "columns"])
def test_other_languages_name_what_is_in_the_file(request, kind, name):
    """Their text is held to the file, in names and numbers."""
    model, _, out = request.getfixturevalue(kind)
    text = (out / "snippets" / name).read_text()
    assert "{{" not in text and "{%" not in text and "None" not in text and "Undefined" not in text
    interpreter = litert.open_tflite(out / "model.tflite")
    said = json.loads((out / "model.json").read_text())
    for verb in {*model.signatures(), *(["train"] if said["trainable"] else [])}:
        runner = interpreter.get_signature_runner(verb)
        named = said["signatures"][verb]
        for side, details in (("inputs", runner.get_input_details()), ("outputs", runner.get_output_details())):
            assert named[side].keys() == details.keys()
            for tensor, detail in details.items():
                assert f'"{tensor}"' in text and named[side][tensor]["shape"] == detail["shape"].tolist()
        assert (f'call("{verb}"' if name == "Model.kt" else f"call({named['index']},") in text
    shift = model.preset.preprocessor.shift
    for value in shift if isinstance(shift, tuple) else (shift,):
        assert snippets.single(value) in text


def test_the_manifest_says_what_the_file_is(pixels):
    model, _, out = pixels
    said = json.loads((out / "model.json").read_text())
    assert said["name"] == "ae_conv.mnist" and said["model"] == "ae_conv" and said["precision"] == "float32"
    assert said["files"]["model.tflite"]["bytes"] == said["size"] == (out / "model.tflite").stat().st_size
    assert said["threshold"]["value"] == model.threshold and said["threshold"]["rate"] == 0.01
    assert said["signatures"]["encode"]["inputs"]["x"]["range"] == [0.0, 1.0]
    assert said["preprocessing"]["scale"] == model.preset.preprocessor.scale
    assert said["provenance"]["data"]["source"].startswith("tfds:mnist")
    assert litert.operations(out / "model.tflite") == said["operations"]


def test_the_manifest_of_a_fresh_model_says_what_is_not_known(tflite):
    said = json.loads((tflite[1] / "model.json").read_text())
    assert said["name"] == "vae" and said["threshold"] is said["preprocessing"] is said["provenance"] is None
    assert said["signatures"]["sample"]["inputs"]["noise"]["drawn"] == "normal"
    assert said["signatures"]["encode"]["inputs"]["x"]["range"] == [0.0, 1.0]


@pytest.mark.parametrize("name", ["vae conv*/ system(1); /*", 'a"""b', "0.mnist"])
def test_a_name_cannot_leave_its_comment(pixels, name):
    said = json.loads((pixels[2] / "model.json").read_text()) | {"name": name}
    for text in snippets.snippets(said).values():
        assert name == "0.mnist" or name not in text
    assert snippets.pascal("0.mnist") == "Model0Mnist" and snippets.pascal("vae_conv.mnist") == "VaeConvMnist"
