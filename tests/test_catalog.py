"""The catalogue reads the source of models, and answers wrong names and values in one line that helps."""

import inspect
import json
import textwrap

import pytest

import zoo
from zoo import catalog
from zoo.errors import InputError, ZooError

BASE = '''
class GenerativeModel(keras.Model):
    """Base.

    Args:
        input_shape: shape of one example.
        seed: start of the random numbers.
    """

    def __init__(self, *, input_shape: Shape, seed: Seed = 0, **kwargs): super().__init__(**kwargs)

class Adversarial:
    critic_steps = 1

class Autoencoder(GenerativeModel):
    """Codes.

    Args:
        latent_dim, width: length of a code,
            and of a layer.
    """

    exports = ("encode", "decode")

    def __init__(self, *, latent_dim: Count = 16, width: Count | None = None,
                 backbone: Literal["dense", "conv"] = "dense", **kwargs):
        super().__init__(**kwargs)
'''

MODEL = '''
from ..base import Autoencoder
from ..catalog import register

class Part: pass

@register(family="toy", paper="https://example.org", reduces_to=("toy", {"beta": 1.0}))
class Toy(Autoencoder):
    """A toy.

    Loss (Somebody 2020, Eq. 1):
        L(x) = x

    Args:
        beta: weight.
    """

    def __init__(self, *, beta: Scheduled = -4.0, **kwargs):
        super().__init__(**kwargs)
'''


@pytest.fixture
def folder(tmp_path):
    """A small zoo: write(name, source) -> its catalogue."""
    models = tmp_path / "zoo" / "models"
    models.mkdir(parents=True)
    (tmp_path / "zoo" / "base.py").write_text(BASE)
    (models / "__init__.py").write_text("")

    def write(name, source):
        (models / f"{name}.py").write_text(textwrap.dedent(source))
        catalog.parse.cache_clear()
        catalog.read_folder.cache_clear()
        return catalog.read_folder(models)

    return write


def message(call, *args, **kwargs):
    """The message of the InputError that a call raises: one line."""
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Reading


def test_an_entry_is_what_its_file_says(folder):
    toy = folder("toy", MODEL)["toy"]
    assert (toy.class_name, toy.family, toy.paper) == ("Toy", "toy", "https://example.org")
    assert toy.summary == "A toy."
    assert toy.equation == "Loss (Somebody 2020, Eq. 1):\n    L(x) = x"
    assert toy.reduces_to == ("toy", {"beta": 1.0})
    assert toy.exports == ("encode", "decode") and toy.backbones == ("dense", "conv")


def test_words_come_from_the_class_and_its_bases(folder):
    words = folder("toy", MODEL)["toy"].words
    assert list(words) == ["beta", "latent_dim", "width", "backbone", "input_shape", "seed"]
    assert words["beta"] == catalog.Word("Scheduled", -4.0, "weight.")
    assert words["width"] == catalog.Word("Count | None", None, "length of a code, and of a layer.")
    assert words["input_shape"].default is catalog.Required


def test_the_nearest_definition_of_a_word_wins(folder):
    words = folder("toy", MODEL.replace("beta: Scheduled = -4.0", "latent_dim: Count = 3"))["toy"].words
    assert words["latent_dim"].default == 3


def test_a_word_that_the_class_decides_itself_is_not_offered(folder):
    words = folder("toy", MODEL.replace("(**kwargs)\n", "(latent_dim=2, **kwargs)\n"))["toy"].words
    assert "latent_dim" not in words and "width" in words


def test_bases_that_get_no_kwargs_give_no_words(folder):
    assert list(folder("toy", MODEL.replace("super().__init__(**kwargs)", "super().__init__()"))["toy"].words) == [
        "beta"
    ]


def test_a_variant_inherits_the_words_of_its_parent_and_mixins_do_not_hide_them(folder):
    folder("toy", MODEL)
    child = """
        from ..base import Adversarial
        from ..catalog import register
        from .toy import Toy

        @register(family="toy", paper="https://example.org")
        class Child(Adversarial, Toy):
            '''A child.'''

            def __init__(self, *, gamma: Real = 1.0, **kwargs): super().__init__(**kwargs)
    """
    entry = folder("child", child)["child"]
    assert list(entry.words)[:3] == ["gamma", "beta", "latent_dim"] and entry.exports == ("encode", "decode")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("@register(", "@other("), "needs one class decorated"),
        (('family="toy", ', ""), "@register needs family"),
        (("= -4.0", "= math.inf"), "must be a literal"),
        (("class Toy(", "class Toy(("), "toy.py:8"),
    ],
)
def test_a_file_that_breaks_the_law_is_named(folder, change, expected):
    with pytest.raises(ZooError, match=expected) as caught:
        folder("toy", MODEL.replace(*change))
    assert "toy.py" in str(caught.value)


def test_other_packages_add_models(folder, tmp_path, monkeypatch):
    from importlib.metadata import EntryPoint

    (tmp_path / "thirdparty.py").write_text(MODEL.replace("..base", "zoo.base").replace("..catalog", "zoo.catalog"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(catalog, "entry_points", lambda: (EntryPoint("thirdparty", "thirdparty:Toy", "zoo.models"),))
    catalog.catalogue.cache_clear()
    try:
        assert "thirdparty_dense" in catalog.list_models()
        assert "input_shape" in catalog.info("thirdparty").words
    finally:
        catalog.catalogue.cache_clear()


def test_a_name_cannot_be_taken_twice(monkeypatch):
    from importlib.metadata import EntryPoint

    monkeypatch.setattr(catalog, "entry_points", lambda: (EntryPoint("vae", "json:JSONDecoder", "zoo.models"),))
    catalog.catalogue.cache_clear()
    try:
        with pytest.raises(ZooError, match="already in the zoo"):
            catalog.catalogue()
    finally:
        catalog.catalogue.cache_clear()


# Names


def test_list_models_takes_wildcards_and_families():
    assert {"vae_conv", "vae_dense", "beta_vae_conv"} <= set(zoo.list_models("*vae*"))
    assert "gan_conv" not in zoo.list_models("*vae*")
    assert set(zoo.list_models(family="adversarial")) < set(zoo.list_models())
    assert "there are: " in message(zoo.list_models, family="adversaria")


def test_natural_order():
    assert sorted(["vae10", "vae2", "ae"], key=catalog.natural) == ["ae", "vae2", "vae10"]


def test_resolve():
    assert catalog.resolve("vae_dense") == ("vae", "dense")
    assert catalog.resolve("vae") == ("vae", "conv")
    assert catalog.resolve("beta_vae_conv") == ("beta_vae", "conv")
    assert message(catalog.resolve, "vea_conv").startswith("unknown model 'vea_conv'; did you mean 'vae_conv'")
    assert message(catalog.resolve, "qqqq") == "unknown model 'qqqq'; see zoo list"


def test_info_is_plain_data():
    known = zoo.info("beta_vae_dense").to_dict()
    assert json.loads(json.dumps(known))["words"]["beta"]["default"] == 4.0
    assert known["words"]["input_shape"]["required"] and known["backbone"] == "dense"


# Words


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"bet": 1}, "beta_vae has no 'bet'; did you mean 'beta'? it takes: beta, "),
        ({"latent_dim": -3}, "latent_dim: must be at least 1; got -3"),
        ({"latent_dim": 2.5}, "latent_dim: must be a whole number; got 2.5"),
        ({"latent_dim": True}, "latent_dim: must be a whole number; got true"),
        ({"latent_dim": "8"}, "latent_dim: must be a whole number; got '8'"),
        ({"beta": float("nan")}, "beta: must be finite; got nan"),
        ({"beta": "a"}, "beta: must be a number or a mapping; got 'a'"),
        ({"beta": {"start": 0, "stop": 1}}, "beta.steps: is missing"),
        ({"beta": {"start": 0, "stop": 1, "steps": 0}}, "beta.steps: must be at least 1; got 0"),
        ({"beta": {"start": 0, "stop": 1, "steps": 1, "float": 1}}, "beta.float: is unknown"),
        ({"input_shape": [28, 0]}, "input_shape.1: must be at least 1; got 0"),
        ({"input_shape": 28}, "input_shape: must be a list; got 28"),
        (
            {"normalization": "bach"},
            "normalization: must be 'none', 'batch', 'layer' or 'group'; got 'bach'; did you mean",
        ),
        ({"latent_dim": "a\nb" * 99}, "latent_dim: must be a whole number; got 'a\\nba"),
    ],
)
def test_wrong_words_are_answered_with_what_is_needed(words, expected):
    assert message(catalog.check_words, "beta_vae", words).startswith(expected)


def test_right_words_pass():
    ramp = {"start": 0.0, "stop": 4, "steps": 100}
    assert catalog.check_words("beta_vae", {"beta": ramp, "input_shape": (8, 8, 1), "widths": None}) is None


def test_the_error_carries_its_key():
    with pytest.raises(InputError) as caught:
        catalog.check_words("beta_vae", {"beta": {"start": 0, "stop": 1}})
    assert caught.value.key == "beta.steps"


def test_create_model_answers_before_it_builds():
    assert message(zoo.create_model, "vae").startswith("vae needs 'input_shape'")
    assert "has the backbone 'conv'" in message(zoo.create_model, "vae_conv", backbone="dense")


def test_create_model_builds_what_the_catalogue_says():
    model = zoo.create_model("beta_vae_dense", input_shape=(4,), latent_dim=2, beta=2.0)
    entry = catalog.catalogue()["beta_vae"]
    assert type(model) is catalog.load_class("beta_vae") and type(model).__name__ == entry.class_name
    said = (model.variant, model.family, model.paper, model.reduces_to)
    assert said == ("beta_vae", entry.family, entry.paper, entry.reduces_to)
    assert model.get_config()["backbone"] == "dense"


@pytest.mark.parametrize("variant", catalog.read_folder())
def test_python_agrees_with_the_words_that_were_read(variant):
    defaults = {}
    for cls in catalog.load_class(variant).__mro__:
        if cls.__module__.startswith("zoo.") and "__init__" in vars(cls):
            for name, parameter in inspect.signature(cls.__init__).parameters.items():
                if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                    defaults.setdefault(name, parameter.default)
    read = catalog.catalogue()[variant].words
    assert set(read) <= set(defaults)
    for name, word in read.items():
        expected = catalog.Required if defaults[name] is inspect.Parameter.empty else defaults[name]
        assert word.default == expected, name


# Presets


@pytest.fixture
def home(tmp_path, monkeypatch):
    """$ZOO_HOME with one preset."""
    preset = tmp_path / "vae_conv.toy2"
    preset.mkdir()
    (preset / "config.yaml").write_text("model: vae_conv\n")
    (preset / "metadata.json").write_text('{"metrics": {"mse": 0.1}}')
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    return tmp_path


def test_presets_are_found_by_name_and_path(home):
    assert zoo.list_models("*toy2", pretrained=True) == ["vae_conv.toy2"]
    assert catalog.find_preset("vae_conv.toy2") == home / "vae_conv.toy2"
    assert catalog.find_preset(home / "vae_conv.toy2") == home / "vae_conv.toy2"
    assert zoo.info("vae_conv.toy2").metrics == {"mse": 0.1}
    assert "vae_conv.toy2" in zoo.info("vae").presets


def test_the_users_presets_come_first(home, monkeypatch, tmp_path_factory):
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / "saved_models" / "vae_conv.toy2").mkdir(parents=True)
    (checkout / "saved_models" / "vae_conv.toy2" / "config.yaml").write_text("model: vae_conv\n")
    monkeypatch.setattr(catalog, "ZOO", checkout / "zoo")
    assert catalog.presets()["vae_conv.toy2"] == home / "vae_conv.toy2"
    monkeypatch.delenv("ZOO_HOME")
    assert catalog.presets()["vae_conv.toy2"] == checkout / "saved_models" / "vae_conv.toy2"


def test_presets_that_are_not_there(home):
    assert "it has: " in message(catalog.find_preset, "vae_conv.toy3")
    assert "vae_conv.toy2" in message(catalog.find_preset, "vae_conv.toy3")
    assert "which one of" in message(catalog.find_preset, "vae")
    assert str(home) in message(catalog.find_preset, "iwae_conv.toy2")
    assert message(catalog.find_preset, "runs/none") == "folder 'runs/none' does not exist"
    (home / "empty").mkdir()
    assert "it has no config.yaml" in message(catalog.find_preset, str(home / "empty"))
    assert "zoo.load_model" in message(zoo.create_model, "vae_conv.toy2")
    (home / "vae_conv.toy2" / "metadata.json").write_text("{")
    with pytest.raises(ZooError, match=r"metadata\.json: cannot be read"):
        zoo.info("vae_conv.toy2")
