"""A typed experiment, read from YAML: every error says where it is and what would do.

Order of precedence: the defaults here and in the constructors, `configs/<variant>.yaml`, the file, `--set`.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from . import catalog
from .checks import complaint, show
from .domains import Count, Flag, Fraction, Name, NonNegative, Positive, Seed
from .errors import InputError, nearest
from .yaml import Layer, Place, printable, read_file, read_yaml

# The schema


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Data(Settings):
    """What the model is trained on."""

    source: Name = Field(
        "digits", description="digits, tunes, tfds:<name>, text:FILE, a folder, a .csv, .npy or .npz file"
    )
    binarize: Literal["none", "threshold", "stochastic"] = Field("none", description="pixels to 0 and 1, and how")
    resize: Annotated[Sequence[Count], Field(min_length=2, max_length=2)] | None = Field(
        None, description="[height, width] in pixels"
    )
    resize_mode: Literal["fit", "crop", "pad"] | None = Field(
        None, description="stretched, cut, or padded with black; without resize: to the most frequent size"
    )

    def sizing(self):
        """What `zoo.data.load` takes as `resize`."""
        return (*self.resize, self.resize_mode or "fit") if self.resize else self.resize_mode

    channels: Literal[1, 3] | None = Field(None, description="1 grey, 3 colour; null as they are")
    limit: Count | None = Field(None, description="at most so many examples")
    validation: Annotated[Fraction, Field(lt=1)] = Field(0.1, description="fraction held out, where there is no split")
    skip_bad: Flag = Field(False, description="leave out files that cannot be read")
    length: Count | None = Field(
        None, description="of a text in its units or of a tune in sixteenths; null: of the longest line, or of a window"
    )
    unit: Literal["characters", "words"] = Field("characters", description="what the tokens of a text are")
    cut: Literal["lines", "windows"] = Field("lines", description="what the examples of a text are")
    missing: Literal["refuse", "mean", "drop", "mask"] = Field(
        "refuse", description="what becomes of missing cells: filled by the mean, their rows dropped, or masked"
    )


class Training(Settings):
    """How it is trained."""

    epochs: Count = Field(20, description="passes over the data")
    batch_size: Count = Field(128, description="examples a step")
    optimizer: Literal["adam", "adamw", "adamax", "nadam", "sgd", "rmsprop", "lion"] = Field(
        "adam", description="a Keras optimizer"
    )
    learning_rate: Positive | Literal["auto"] = Field(1.0e-3, description="at its highest; auto: by a range test")
    schedule: Literal["constant", "cosine"] = Field("constant", description="of the learning rate")
    warmup_steps: Annotated[int, Field(ge=0)] = Field(0, description="steps of linear warm-up of the learning rate")
    weight_decay: NonNegative = Field(0.0, description="decoupled weight decay")
    clip_norm: Positive | None = Field(None, description="largest global norm of the gradient")
    beta_1: Annotated[Fraction, Field(lt=1)] | None = Field(None, description="first moment's decay; null: Keras's")
    seed: Seed = Field(0, description="of weights, noise and order")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="of the arithmetic; weights are float32")
    jit: Flag | None = Field(
        None, description="compile the step with XLA; null: where that is faster, for dense networks"
    )
    patience: Count | None = Field(None, description="stop after so many epochs without improvement")
    deterministic: Flag = Field(False, description="the same bits with any number of cores: one thread")
    keep: Literal["best", "last"] = Field("best", description="which weights: lowest validation loss, or last")
    checkpoint_seconds: NonNegative = Field(
        60.0, description="between checkpoints within an epoch; 0: as many as can be"
    )


FREEZE = ("none", "encoder", "decoder")


class Start(Settings):
    """Which weights it begins with."""

    preset: Name | None = Field(None, description="a pretrained model or run folder; null: fresh weights")
    freeze: Literal[FREEZE] = Field("none", description="what keeps its weights")


class Experiment(Settings):
    """A model, its data and its training: what a configuration file says, completed."""

    model: Name = Field(description="name of the model, see zoo list")
    hyperparameters: dict[str, Any] = Field({}, description="constructor words, see zoo info")
    data: Data = Data()
    start: Start = Start()
    training: Training = Training()

    _layer: Layer = PrivateAttr(None)

    def __eq__(self, other):
        """Equal in what they say, wherever it was said."""
        return isinstance(other, Experiment) and self.to_dict() == other.to_dict()

    __hash__ = None

    def place(self, key):
        """Where a dotted key was set, `configs/x.yaml:12:3`, or None; a bare key is looked for in every section."""
        for section in ((), *((name,) for name in SECTIONS)):
            path = (*section, *str(key).split("."))
            while self._layer and len(path) > len(section):
                if path in self._layer.value_of:
                    return self._layer.value_of[path]
                path = path[:-1]

    def sets(self, key):
        """Whether a dotted key itself was set, not only the section that it would stand in."""
        return self._layer is not None and tuple(key.split(".")) in self._layer.value_of

    @contextlib.contextmanager
    def locating(self):
        """Within it, an InputError about a key says where the key was set.

        >>> with experiment.locating():  # doctest: +SKIP
        ...     model = zoo.create_model(experiment.model, input_shape=shape, **experiment.hyperparameters)
        """
        try:
            yield self
        except InputError as error:
            if error.key is None or (place := self.place(error.key)) is None:
                raise
            raise InputError(f"{place}: {error}") from None

    def to_dict(self):
        """Plain data: mappings, lists and scalars."""
        return self.model_dump(mode="json")

    def to_yaml(self):
        """YAML with every key and what it means; `load` reads it back as the same experiment."""
        from ruamel.yaml import YAML
        from ruamel.yaml.comments import CommentedMap

        words, document = words_of(catalog.resolve(self.model)[0]), CommentedMap()
        docs = {"hyperparameters": {name: word.doc for name, word in words.items()}}
        docs |= {name: {k: f.description for k, f in cls.model_fields.items()} for name, cls in SECTIONS.items() if cls}
        for name, value in self.to_dict().items():
            document[name] = CommentedMap(value) if isinstance(value, dict) else value
            for key, doc in docs.get(name, {}).items():
                if doc and key in document[name] and not isinstance(document[name][key], dict):
                    document[name].yaml_add_eol_comment(" ".join(doc.split()), key)
        text, yaml = io.StringIO(), YAML()
        yaml.width = 1000
        yaml.dump(document, text)
        return text.getvalue()


SECTIONS = {"hyperparameters": None, "data": Data, "start": Start, "training": Training}


# Putting an experiment together


def load(path, overrides=()):
    """The experiment of a configuration file.

    Args:
        overrides: `"training.epochs=3"` and the like, as of `--set`, or a mapping `{"training.epochs": 3}`.
    """
    return assemble(read_sections(path), overrides)


def read(source, overrides=()):
    """The experiment of a configuration file, of a run folder or preset, or of a model."""
    path = Path(source).expanduser()
    if path.is_file() or path.suffix in (".yaml", ".yml"):
        return load(path, overrides)
    if path.is_dir() or str(source) in catalog.presets():
        return load(catalog.find_preset(source) / "config.yaml", overrides)
    return for_model(str(source), overrides)


def for_model(name, overrides=()):
    """The experiment of a model: its `configs/<variant>.yaml`, or the defaults."""
    return assemble(Layer({"model": name}), overrides)


def assemble(layer, overrides=()):
    """Defaults < configs/<variant>.yaml < the layer < overrides, checked."""
    changes = [parse_override(*change) for change in enumerate(pairs(overrides), start=2)]
    for change in changes:
        if "model" in change.data:
            layer.merge(change, SECTIONS)
    variant = variant_of(layer)
    merged = defaults_of(variant)
    for source in (layer, *(complete(change, variant) for change in changes)):
        merged.merge(source, SECTIONS)
    return validated(merged, variant)


def variant_of(layer):
    """The variant that a layer names."""
    name = layer.data.get("model")
    try:
        if not isinstance(name, str):
            wrong = f"model: must be the name of a model; got {show(name)}"
            raise InputError(wrong if "model" in layer.data else "model: is missing; see zoo list", "model")
        return catalog.resolve(name)[0]
    except InputError as error:
        place = layer.place_of(("model",))
        raise InputError(f"{place}: {error}" if place.rank else str(error), "model") from None


def defaults_of(variant):
    """What `configs/<variant>.yaml` says, where there is one."""
    file = catalog.configs_folder() / f"{variant}.yaml"
    with contextlib.suppress(ValueError):
        file = file.relative_to(Path.cwd())
    return read_sections(file, rank=0) if file.is_file() else Layer({})


def pairs(overrides):
    """(label, key, value as text or data) of every override."""
    if isinstance(overrides, Mapping):
        return [(printable(key), str(key), value, False) for key, value in overrides.items()]
    return [(f"--set {printable(text)}", *split_override(text), True) for text in overrides]


def split_override(text):
    key, equals, value = str(text).partition("=")
    if not equals or not key.strip():
        raise InputError(f"--set {printable(text)}: needs key=value, such as training.epochs=3")
    return key.strip(), value.strip()


def parse_override(rank, override):
    """The Layer of one override; the value follows the rules of the file."""
    label, key, value, is_text = override
    if is_text:
        try:
            value = read_yaml(value, "value").data
        except InputError as error:
            raise InputError(f"{label}: {error}") from None
    return layer_of(tuple(key.split(".")), value, Place(rank, 0, 0, label))


def layer_of(path, value, place):
    """The Layer that says one thing."""
    data = value
    for part in reversed(path):
        data = {part: data}
    return Layer(data, {path: place}, {path: place})


def complete(layer, variant):
    """The layer of an override, with the section of a bare key: a hyperparameter, else data or training."""
    ((path, place),) = layer.key_of.items()
    known = keys_of(words_of(variant))
    if path == ("model",) or (len(path) == 2 and path[0] in SECTIONS):
        return layer
    if len(path) == 1 and (sections := [name for name, keys in known.items() if path[0] in keys]):
        return layer_of((sections[0], *path), layer.data[path[0]], place)
    names = [key if len(path) == 1 else f"{name}.{key}" for name, keys in known.items() for key in keys]
    key = ".".join(path)
    raise InputError(f"{place}: unknown key {key!r}{nearest(key, names)}", key)


def words_of(variant):
    """The constructor words that a configuration sets: all but those that come from its data and training sections."""
    words = catalog.catalogue()[variant].words
    return {name: word for name, word in words.items() if name not in ("input_shape", "seed", "dtype")}


def keys_of(words):
    """{section: keys}."""
    return {name: cls.model_fields if cls else words for name, cls in SECTIONS.items()}


def validated(layer, variant):
    """The experiment of a merged layer; raises its first error, in the order the sources were read."""
    words = words_of(variant)
    wrong = [*unknown_keys(layer.data, words, variant), *wrong_settings(layer.data), *wrong_words(layer.data, variant)]
    if wrong:
        placed = [(layer.place_of(path, of_key), path, sentence) for path, sentence, of_key in wrong]
        place, path, sentence = min(placed, key=lambda item: item[0][:3])
        raise InputError(f"{place}: {sentence}", ".".join(map(str, path)))
    experiment = Experiment(**completed(layer, words))
    experiment._layer = layer
    return experiment


def unknown_keys(data, words, variant):
    """Yields (path, sentence, True) for every key that there is not."""
    known = keys_of(words)
    for name in data.keys() - Experiment.model_fields.keys():
        hint = elsewhere(name, known, "") or nearest(name, Experiment.model_fields)
        yield (name,), f"unknown key {name!r}{hint}", True
    for name in SECTIONS:
        for key in data.get(name, {}):
            if key not in known[name]:
                of = f"{name} of {variant}" if name == "hyperparameters" else name
                hint = elsewhere(key, known, name) or nearest(key, known[name])
                yield (name, key), f"unknown key {key!r} in {of}{hint}", True


def elsewhere(key, known, section):
    """What to say of a key that another section has."""
    others = [name for name, keys in known.items() if key in keys and name != section]
    return f"; it belongs under {' or '.join(others)}" if others else ""


def wrong_settings(data):
    """Yields (path, sentence, False) for every value of data and training that cannot be."""
    for name, cls in SECTIONS.items():
        if cls is None or name not in data:
            continue
        known = {key: value for key, value in data[name].items() if key in cls.model_fields}
        try:
            cls(**known)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            for key in dict.fromkeys(e["loc"][0] for e in errors):
                path, sentence = complaint([e for e in errors if e["loc"][0] == key], known)
                yield (name, *path), f"{'.'.join(map(str, (name, *path)))}: {sentence}", False


def wrong_words(data, variant):
    """Yields (path, sentence, False) for every hyperparameter that its constructor does not take."""
    given = data.get("hyperparameters", {})
    for path, sentence in catalog.wrong_values(variant, given):
        yield ("hyperparameters", *path), f"{'.'.join(map(str, path))}: {sentence}", False
    for name, word in words_of(variant).items():
        if name in given and given[name] is not None and "Network" in word.annotation:
            yield ("hyperparameters", name), f"{name}: a network is given in Python, not in a configuration", False
    variant, backbone = catalog.resolve(data["model"])
    if data["model"] != variant and given.get("backbone", backbone) != backbone:
        sentence = f"backbone: the model is {data['model']!r}; got {show(given['backbone'])}"
        yield ("hyperparameters", "backbone"), sentence, False


def completed(layer, words):
    """The fields of the experiment: the full name of the model, and the defaults of its constructor."""
    data = layer.data
    given = dict(data.get("hyperparameters", {}))
    variant, backbone = catalog.resolve(data["model"])
    backbone = given.pop("backbone", backbone)
    defaults = {
        name: list(word.default) if isinstance(word.default, tuple) else word.default
        for name, word in words.items()
        if word.default is not catalog.Required and name != "backbone" and "Network" not in word.annotation
    }
    model = f"{variant}_{backbone}" if backbone else variant
    return {**data, "model": model, "hyperparameters": defaults | given}


def read_sections(path, rank=1):
    """The Layer of a configuration file: a mapping, whose sections are mappings; an empty section is one too."""
    layer = read_file(path, rank)
    if not isinstance(layer.data, dict):
        raise InputError(
            f"{printable(path)}:1:1: a configuration is a mapping with the key 'model'; got {show(layer.data)}"
        )
    for name in SECTIONS.keys() & layer.data.keys():
        if layer.data[name] is None:
            layer.data[name] = {}
        if not isinstance(layer.data[name], dict):
            place = layer.value_of[name,]
            raise InputError(f"{place}: {name}: must be a mapping; got {show(layer.data[name])}", name)
    return layer
