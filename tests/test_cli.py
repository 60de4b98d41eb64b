"""The command `zoo`: light, one line an error, results on stdout."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

import zoo
from zoo import cli, config
from zoo.cli import console
from zoo.errors import GateError, InputError, WriteError, ZooError

ROOT = Path(zoo.__file__).parent.parent
LIMIT = 3  # of a command that only looks, in times of the smallest program with the same libraries
SMALLEST = "import typer, rich.console, rich.table\ntyper.run(lambda: rich.console.Console().print(rich.table.Table()))"


def run(*arguments, **environment):
    """The finished process of `zoo <arguments>`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "zoo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def python(code, **environment):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)


# Light

HEAVY = ("tensorflow", "keras", "tf_keras", "scipy", "sklearn", "pandas", "matplotlib")
LOOKS = [(), ("--help",), ("list",), ("info", "vae"), ("config", "show", "vae"), ("doctor",), ("train", "--help")]


@pytest.mark.parametrize("arguments", LOOKS, ids=" ".join)
def test_commands_that_look_do_not_import_tensorflow(arguments):
    code = f"""
import sys
try:
    from zoo.cli import main
    main({list(arguments)!r})
except SystemExit:
    pass
print([name for name in {HEAVY} if name in sys.modules])
"""
    done = python(code)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_importing_the_package_imports_nothing_heavy():
    heavy = "[n for n in ('tensorflow', 'keras', 'numpy', 'pydantic', 'typer', 'rich') if n in sys.modules]"
    done = python(f"import sys, zoo; zoo.list_models(); zoo.info('vae'); zoo.errors.InputError; print({heavy})")
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("list",), ("info", "vae")], ids=" ".join)
def test_commands_that_look_are_quick(arguments):
    pairs = [(seconds(run, *arguments), seconds(python, SMALLEST)) for _ in range(3)]
    assert min(took / least for took, least in pairs) < LIMIT, pairs


def test_importing_the_package_is_quick():
    pairs = [(seconds(python, "import zoo"), seconds(python, SMALLEST)) for _ in range(3)]
    assert min(took / least for took, least in pairs) < 1, pairs


def seconds(call, *arguments):
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


# The package


def test_the_package_lists_what_it_gives():
    assert {"create_model", "load_model", "train", "finetune", "export", "list_models", "info", "register"} <= set(
        dir(zoo)
    )
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = zoo.nothing


def test_the_verb_export_outlives_the_import_of_its_folder():
    code = """
import sys, types, zoo
module = types.ModuleType("zoo.export"); module.export = lambda: "done"
sys.modules["zoo.export"] = module; zoo.export = module
print(zoo.export(), zoo.export())
"""
    assert python(code).stdout == "done done\n"


def test_another_backend_is_refused_in_one_line():
    done = python("import zoo; zoo.create_model('vae', input_shape=(4,))", KERAS_BACKEND="jax")
    assert done.stderr.splitlines()[-1].endswith("zoo needs the tensorflow backend of Keras; got KERAS_BACKEND=jax")
    assert run("list", KERAS_BACKEND="jax").returncode == 0
    assert run("doctor", KERAS_BACKEND="jax").returncode == 3


# Results


def test_version():
    assert run("--version").stdout == f"zoo {zoo.__version__}\n"


def test_list():
    lines = run("list", "*vae*").stdout.splitlines()
    assert lines[0].split("\t") == ["model", "family", "summary", "paper"]
    assert [line.split("\t")[0] for line in lines[1:]] == zoo.list_models("*vae*")
    models = json.loads(run("list", "--family", "adversarial", "--json").stdout)["models"]
    assert [m["model"] for m in models] == zoo.list_models(family="adversarial")


def test_list_of_nothing_says_so_on_stderr():
    done = run("list", "zzz", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"models": []})
    assert done.stderr == "no model matches 'zzz'\n"


def test_info():
    assert "KL(q(z|x) || p(z))" in run("info", "beta_vae").stdout
    assert json.loads(run("info", "beta_vae", "--json").stdout)["words"]["beta"]["default"] == 4.0


def test_config(tmp_path):
    shown = run("config", "show", "vae_dense", "--set", "epochs=3")
    (tmp_path / "x.yaml").write_text(shown.stdout)
    assert config.load(tmp_path / "x.yaml") == config.for_model("vae_dense", ["epochs=3"])
    assert json.loads(run("config", "show", tmp_path / "x.yaml", "--json").stdout)["training"]["epochs"] == 3
    checked = run("config", "check", tmp_path / "x.yaml", "--json")
    assert json.loads(checked.stdout)["ok"] and checked.returncode == 0
    assert "training" in json.loads(run("config", "schema").stdout)["properties"]


def test_doctor():
    found = json.loads(run("doctor", "--json").stdout)
    assert found["packages"]["tensorflow"] and found["cores"] >= 1 and found["models"] == len(zoo.list_models())
    assert found["cache_folder"].startswith(os.environ["ZOO_CACHE"])


def test_a_pipe_gets_no_colours():
    assert "\x1b" not in run("list", FORCE_COLOR="", NO_COLOR="1").stdout + run("--help", NO_COLOR="1").stdout


# Errors


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("info", "vea_conv"), "zoo: unknown model 'vea_conv'; did you mean 'vae_conv'"),
        (("list", "--family", "x"), "zoo: unknown family 'x'; there are: "),
        (("config", "check", "none.yaml"), "zoo: none.yaml: no such file"),
        (("config", "show", "vae", "--set", "training.epoch=3"), "zoo: --set training.epoch=3: unknown key 'epoch'"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments, expected):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(expected) and done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("lst",), ("list", "--famly", "x"), ("info",)])
def test_bad_usage_is_exit_2(arguments):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "") and "Traceback" not in done.stderr


def test_debug_shows_the_traceback():
    assert "Traceback" in run("info", "vea_conv", "--debug").stderr


@pytest.fixture
def command(monkeypatch):
    """Makes an application of one command: call(body) -> (exit code)."""

    def call(body):
        application = typer.Typer(pretty_exceptions_enable=False)
        application.command()(body)
        application.callback()(lambda: None)
        monkeypatch.setattr(cli, "application", application)
        monkeypatch.setattr(cli, "add_commands", lambda: None)
        with pytest.raises(SystemExit) as caught:
            cli.main([body.__name__])
        return caught.value.code

    return call


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ZooError("x"), 1),
        (InputError("x"), 2),
        (GateError("x"), 3),
        (WriteError("x"), 4),
        (ValueError("x\ny"), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_codes(command, capsys, error, code):
    def go():
        raise error

    assert command(go) == code
    assert capsys.readouterr().err.count("\n") <= 1


def test_an_unexpected_error_says_how_to_see_more(command, capsys):
    def go():
        raise ValueError("a\nb")

    command(go)
    assert capsys.readouterr().err == "zoo: unexpected ValueError: a b (--debug shows the traceback)\n"


def test_interrupted_is_130():
    code = "import os, signal, time, zoo.cli.listing as l, zoo.cli as c\n"
    code += "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # where the tests run in the background
    code += f"stop = lambda *a, **k: (os.kill(os.getpid(), {int(signal.SIGINT)}), time.sleep(10))\n"
    code += "l.catalog.list_models = stop\nc.main(['list'])"
    done = python(code)
    assert done.returncode == 130 and "Traceback" not in done.stderr


def test_interrupted_while_starting_is_130(monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "add_commands", interrupted)
    with pytest.raises(SystemExit) as caught:
        cli.main(["list"])
    assert caught.value.code == 130


def test_a_closed_pipe_is_no_traceback():
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait()


def test_reports_take_arrays_and_paths(capsys):
    import numpy

    console.report({"a": numpy.arange(2), "b": numpy.float32(1), "c": Path("x")}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"a": [0, 1], "b": 1.0, "c": "x"}
