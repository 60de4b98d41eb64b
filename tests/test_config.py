"""Configurations: read with their places, merged in order, and answered in one line when wrong."""

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zoo
from zoo import catalog, config
from zoo.errors import InputError

GOOD = """\
model: beta_vae_conv
hyperparameters:
  latent_dim: 20
  beta: {start: 0.0, stop: 4.0, steps: 100}
data:
  source: digits
  resize: [28, 28]
training:
  epochs: 3
  learning_rate: 1e-3
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes x.yaml in the working folder, away from the configurations of the zoo."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    monkeypatch.setattr(catalog, "configs_folder", lambda: tmp_path / "configs")

    def save(text, name="x.yaml"):
        (tmp_path / name).write_text(text, newline="")
        return name

    return save


def message(call, *args):
    """The message of the InputError that a call raises: one line."""
    with pytest.raises(InputError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Reading


def test_a_file_is_read_and_completed(write):
    experiment = config.load(write(GOOD))
    assert experiment.model == "beta_vae_conv"
    assert experiment.hyperparameters["latent_dim"] == 20
    assert experiment.hyperparameters["likelihood"] == catalog.catalogue()["beta_vae"].words["likelihood"].default
    assert not {"encoder", "input_shape", "backbone"} & set(experiment.hyperparameters)
    assert (experiment.training.epochs, experiment.training.learning_rate) == (3, 0.001)
    assert experiment.training.batch_size == 128 and list(experiment.data.resize) == [28, 28]


def test_the_scalars_are_those_of_yaml_1_2(write):
    source = "data: {source: no, binarize: none, limit: 012}\nmodel: vae\ntraining: {learning_rate: 1e-3}"
    data = config.load(write(source)).data
    assert (data.source, data.binarize, data.limit) == ("no", "none", 12)


def test_empty_sections_are_sections(write):
    assert config.load(write("model: vae\ndata:\ntraining: {}\n")) == config.for_model("vae")


@pytest.mark.parametrize("path", sorted(catalog.configs_folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_every_configuration_of_the_zoo_is_right_and_says_only_what_differs(path):
    assert catalog.resolve(config.load(path).model)[0] == path.stem
    said = config.read_sections(path).data
    words = catalog.catalogue()[path.stem].words
    for key, value in said.get("hyperparameters", {}).items():
        assert words[key].default != value, key
    for section in ("data", "training"):
        for key, value in said.get(section, {}).items():
            assert getattr(config.Experiment.model_fields[section].default, key) != value, key
    for line in path.read_text().splitlines():
        assert not line.startswith("  ") or "#" in line, f"{path}: {line.strip()} has no source"


def test_a_complete_configuration_reads_back_as_itself(write):
    experiment = config.load(write(GOOD), ["clip_norm=1.0", "keep=last"])
    again = config.load(write(experiment.to_yaml(), "again.yaml"))
    assert again == experiment and again.to_yaml() == experiment.to_yaml()
    assert "# passes over the data" in experiment.to_yaml()


def test_every_setting_is_documented():
    for section in (config.Data, config.Training, config.Experiment):
        for name, field in section.model_fields.items():
            assert field.description or name in config.SECTIONS, name


# Precedence


def test_defaults_then_variant_then_file_then_overrides(write):
    write(
        "model: beta_vae\ntraining: {epochs: 5, batch_size: 50, seed: 7}\nhyperparameters: {beta: 2.0}",
        "configs/beta_vae.yaml",
    )
    source = write("model: beta_vae\ntraining: {epochs: 6, batch_size: 60}\n")
    training = config.load(source, ["training.epochs=8"]).training
    assert (training.epochs, training.batch_size, training.seed, training.jit) == (8, 60, 7, None)
    assert config.load(source).hyperparameters["beta"] == 2.0
    assert config.for_model("beta_vae").training.epochs == 5


def test_a_hyperparameter_is_replaced_whole(write):
    experiment = config.load(write(GOOD), ["beta={start: 1, stop: 2, steps: 3}"])
    assert experiment.hyperparameters["beta"] == {"start": 1, "stop": 2, "steps": 3}
    assert config.load("x.yaml", ["beta=2"]).hyperparameters["beta"] == 2


def test_the_last_override_wins_and_bare_keys_are_found(write):
    overrides = ["epochs=1", "training.epochs=2", "latent_dim=8", "source=other", "model=vae_dense"]
    experiment = config.for_model("beta_vae", overrides)
    assert (experiment.model, experiment.training.epochs) == ("vae_dense", 2)
    assert (experiment.hyperparameters["latent_dim"], experiment.data.source) == (8, "other")


def test_overrides_may_be_data():
    assert config.for_model("vae", {"training.epochs": 2, "latent_dim": 3}).training.epochs == 2


def test_the_backbone_is_in_the_name():
    experiment = config.for_model("vae", ["backbone=dense"])
    assert experiment.model == "vae_dense" and "backbone" not in experiment.hyperparameters
    assert "backbone: the model is 'vae_conv'" in message(config.for_model, "vae_conv", ["backbone=dense"])


def test_read_takes_a_model_a_file_and_a_run_folder(write, tmp_path):
    write(GOOD)
    (tmp_path / "run").mkdir()
    write("model: gan_dense\n", "run/config.yaml")
    assert [config.read(s).model for s in ("vae", "x.yaml", "run")] == ["vae_conv", "beta_vae_conv", "gan_dense"]
    assert message(config.read, "none.yaml") == "none.yaml: no such file"


# Errors


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("latent_dim", "latent_dims"),
            "x.yaml:3:3: unknown key 'latent_dims' in hyperparameters of beta_vae; did you mean",
        ),
        (("epochs: 3", "epoch: 3"), "x.yaml:9:3: unknown key 'epoch' in training; did you mean 'epochs'?"),
        (("epochs: 3", "channels: 3"), "x.yaml:9:3: unknown key 'channels' in training; it belongs under data"),
        (("training:", "train:"), "x.yaml:8:1: unknown key 'train'; did you mean 'training'?"),
        (("epochs: 3", "epochs: 0"), "x.yaml:9:11: training.epochs: must be at least 1; got 0"),
        (("epochs: 3", "epochs: true"), "x.yaml:9:11: training.epochs: must be a whole number; got true"),
        (("1e-3", "'1e-3'"), "x.yaml:10:18: training.learning_rate: must be a number or 'auto'; got '1e-3'"),
        (("1e-3", ".nan"), "x.yaml:10:18: training.learning_rate: must be"),
        (("stop: 4.0", "stop: a"), "x.yaml:4:28: beta.stop: must be a number; got 'a'"),
        ((", steps: 100", ""), "x.yaml:4:9: beta.steps: is missing"),
        (("[28, 28]", "[28]"), "x.yaml:7:11: data.resize: needs at least 2 values; got [28]"),
        (("[28, 28]", "[28, -1]"), "x.yaml:7:16: data.resize.1: must be at least 1; got -1"),
        (("latent_dim: 20", "encoder: a.keras"), "x.yaml:3:12: encoder: a network is given in Python"),
        (("latent_dim: 20", "backbone: dense"), "x.yaml:3:13: backbone: the model is 'beta_vae_conv'; got 'dense'"),
        (("beta_vae_conv", "beta_vea"), "x.yaml:1:8: unknown model 'beta_vea'; did you mean 'beta_vae'"),
        (("model: beta_vae_conv\n", ""), "x.yaml:1:1: model: is missing; see zoo list"),
        (("beta_vae_conv", "3"), "x.yaml:1:8: model: must be the name of a model; got 3"),
        (("model", "- model"), "x.yaml:2:1: "),
        (("data:\n", "data: 3\nx:\n"), "x.yaml:5:7: data: must be a mapping; got 3"),
        (("  epochs: 3\n", "  epochs: 3\n  epochs: 4\n"), "x.yaml:10:3: duplicate key 'epochs'"),
        (("20", "&a 20"), "x.yaml:3:15: anchors and aliases are not allowed"),
        (("20", "!!python/name:os.system"), "x.yaml:3:15: tags are not allowed"),
        (("model", "%YAML 1.1\n---\nmodel"), "x.yaml:2:1: directives are not allowed"),
        (("20", "[" * 30 + "]" * 30), "x.yaml:3:33: nested deeper than 20"),
        (("20", "[1"), "x.yaml:4:"),
        (("20", "? [a]"), "x.yaml:3:"),
        (("model", "\tmodel"), "x.yaml:1:1: "),
        (("model", "\0model"), "x.yaml: not YAML: "),
        (("20", "9" * 5000), "x.yaml:3:15: cannot read the number '999"),
    ],
)
def test_an_error_has_its_place(write, change, expected):
    assert change[0] in GOOD
    assert message(config.load, write(GOOD.replace(*change, 1))).startswith(expected)


def test_the_first_error_of_the_file_is_the_message(write):
    source = GOOD.replace("epochs: 3", "epochs: 0").replace("source: digits", "sauce: digits")
    assert message(config.load, write(source)).startswith("x.yaml:6:3: unknown key 'sauce'")
    assert message(config.load, "x.yaml", ["seed=-1"]).startswith("x.yaml:6:3")


def test_an_error_in_the_configuration_of_the_variant_says_so(write):
    write("model: vae\ntraining: {epochs: 0}", "configs/vae.yaml")
    assert message(config.for_model, "vae").startswith("configs/vae.yaml:2:20: training.epochs")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("training.epoch=3", "--set training.epoch=3: unknown key 'epoch' in training; did you mean 'epochs'?"),
        ("epoch=3", "--set epoch=3: unknown key 'epoch'; did you mean 'epochs'?"),
        ("trainin.epochs=3", "--set trainin.epochs=3: unknown key 'trainin.epochs'; did you mean 'training.epochs'"),
        ("epochs=0", "--set epochs=0: training.epochs: must be at least 1; got 0"),
        ("epochs", "--set epochs: needs key=value, such as training.epochs=3"),
        ("=3", "--set =3: needs key=value"),
        ("epochs=[1", "--set epochs=[1: value:1:3: "),
        ("model=vea", "--set model=vea: unknown model 'vea'"),
        ("hyperparameters.beta={start: 0}", "--set hyperparameters.beta={start: 0}: beta."),
    ],
)
def test_an_error_in_an_override_names_it(override, expected):
    assert message(config.for_model, "beta_vae", [override]).startswith(expected)


def test_files_that_cannot_be_read(write, tmp_path):
    assert message(config.load, "none.yaml") == "none.yaml: no such file"
    assert "Is a directory" in message(config.load, "configs")
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    assert message(config.load, "x.yaml") == "x.yaml: not a UTF-8 text file"
    (tmp_path / "x.yaml").write_bytes(b"# " + b"a" * 2**20)
    assert message(config.load, "x.yaml") == "x.yaml: larger than 1 MiB"
    assert "is a mapping with the key 'model'; got null" in message(config.load, write(""))


def test_a_later_error_about_a_key_is_given_its_place(write):
    experiment = config.load(write(GOOD), ["widths=[8, 8]"])
    for key, place in [
        ("latent_dim", "x.yaml:3:15: "),
        ("beta.stop", "x.yaml:4:28: "),
        ("training.epochs", "x.yaml:9:11: "),
        ("widths.1", "--set widths=[8, 8]: "),
        ("likelihood", ""),  # a default: it stands nowhere
        (None, ""),
    ]:
        with pytest.raises(InputError) as caught, experiment.locating():
            raise InputError("too much", key)
        assert str(caught.value) == f"{place}too much"


# Mutations

names = st.text(string.ascii_letters + "_.-<&*!%@`'\"{}[]:#é\n\t ", min_size=1, max_size=12)
values = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=20),
    st.sampled_from(
        ["[1, 2", "{a: 1}", "- x", "*a", "&a 1", "!!int 3", "2001-01-01", "0o9", "<<: 1", "1_0", "? x", "|", ">\n"]
    ),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_file_gives_an_experiment_or_one_line(write, data):
    lines = GOOD.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    key, _, value = lines[number].partition(":")
    indent = key[: len(key) - len(key.lstrip())]
    what = data.draw(st.sampled_from(["key", "value", "remove", "insert"]))
    if what == "key":
        lines[number] = f"{indent}{data.draw(names)}:{value}"
    elif what == "value":
        lines[number] = f"{key}: {data.draw(values)}"
    elif what == "remove":
        del lines[number]
    else:
        lines.insert(number, f"{indent}{data.draw(names)}: {data.draw(values)}")
    text = "\n".join(lines).encode("utf-8", "replace").decode()
    try:
        assert isinstance(config.load(write(text)), config.Experiment)
    except InputError as error:
        assert str(error).startswith("x.yaml") and len(str(error).splitlines()) == 1


@settings(max_examples=200, deadline=None)
@given(section=st.sampled_from(["data", "training", "hyperparameters"]), key=names)
def test_an_unknown_key_is_never_taken(section, key):
    known = config.keys_of(catalog.catalogue()["vae"].words)[section]
    if key not in known:
        with pytest.raises(InputError):
            config.for_model("vae", {f"{section}.{key}": 1})


@settings(max_examples=200, deadline=None)
@given(key=st.sampled_from(["epochs", "latent_dim", "limit", "beta_1", "source", "activation", "widths"]), value=values)
def test_an_override_gives_an_experiment_or_one_line(key, value):
    try:
        experiment = config.for_model("vae", [f"{key}={value}"])
        assert zoo.create_model and experiment.to_yaml()
    except InputError as error:
        assert len(str(error).splitlines()) == 1
