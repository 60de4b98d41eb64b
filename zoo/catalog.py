"""The models by name: read from the source of `zoo/models/`, without importing TensorFlow.

The folder is the registry. A file there holds one class decorated with `register`; its name is the variant's, and
everything said about the variant (family, paper, summary, equation, constructor words) is read from its source.
Other packages add variants through the entry-point group `zoo.models`: `name = "package.name:Class"`.
"""

import ast
import fnmatch
import functools
import importlib
import importlib.util
import inspect
import json
import os
import re
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import InputError, ZooError, nearest

ZOO = Path(__file__).parent
MODELS = ZOO / "models"
BACKBONES = ("dense", "conv")  # of a class that does not say which it takes


class Required:
    """Stands where a word has no default."""


# The decorator


def require_tensorflow():
    """Raises unless Keras runs, or will run, on TensorFlow; imports neither."""
    name = os.environ.get("KERAS_BACKEND", "tensorflow")
    if "keras" in sys.modules and "keras.src.backend" in sys.modules:
        name = sys.modules["keras"].config.backend()
    if name != "tensorflow":
        raise InputError(f"zoo needs the tensorflow backend of Keras; got KERAS_BACKEND={name}")


def register(*, paper, family, summary=None, reduces_to=None, backbones=None, exports=None, limits=None):
    """Class decorator: says what the catalogue cannot read from the class itself.

    Args:
        paper: URL of the paper.
        family: one word that `zoo list --family` takes.
        summary: one line; the first line of the docstring if not given.
        reduces_to: `("vae", {"beta": 1.0})`: with these values the objective equals that of "vae".
        backbones: the backbones the model is listed with, all of them if not given.
        exports: names of the exported signatures, where they differ from those of the bases.
        limits: what the exported signatures leave out of the model and why, in one sentence.
    """
    require_tensorflow()
    import keras

    def enter(cls):
        cls.variant = cls.__module__.rpartition(".")[2]
        cls.family, cls.paper, cls.reduces_to = family, paper, reduces_to
        if exports is not None:
            cls.exports = tuple(exports)
        return keras.saving.register_keras_serializable("zoo")(cls)

    return enter


# Reading the source


@dataclass(frozen=True)
class Word:
    """A keyword of a constructor: its annotation as written, its default or `Required`, its line of documentation."""

    annotation: str
    default: Any = Required
    doc: str = ""

    def to_dict(self):
        required = {} if self.default is not Required else {"required": True}
        default = {} if self.default is Required else {"default": self.default}
        return {"annotation": self.annotation, **default, **required, "doc": self.doc}


@dataclass(frozen=True)
class Entry:
    """What one file of the catalogue says."""

    variant: str
    file: Path
    class_name: str
    family: str
    summary: str
    equation: str
    paper: str
    words: dict[str, Word]
    reduces_to: tuple | None
    backbones: tuple[str, ...]
    exports: tuple[str, ...]
    limits: str


@functools.cache
def parse(file):
    """The syntax tree of a file."""
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise ZooError(f"{file}:{error.lineno}: {error.msg}") from None
    except OSError as error:
        raise ZooError(f"{file}: {error.strerror}") from None


def literal(node, file, what):
    """The value of a literal, or an error that names the line."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ZooError(f"{file}:{node.lineno}: {what} must be a literal; got {ast.unparse(node)}") from None


def classes(file):
    return [node for node in parse(file).body if isinstance(node, ast.ClassDef)]


def registration(node):
    """The call of `register` that decorates a class, or None."""
    calls = [d for d in node.decorator_list if isinstance(d, ast.Call)]
    return next((d for d in calls if ast.unparse(d.func).rpartition(".")[2] == "register"), None)


def module_file(file, module, level):
    """The file of `from <dots><module> import ...` in `file`, or None. Modules outside the zoo are found, not read."""
    if not level:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            return None
        return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None
    path = file.parents[level - 1].joinpath(*module.split(".") if module else ())
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def find_class(file, name):
    """(file, ClassDef) of a base class named in `file`, through its imports; None when it is not ours to read."""
    for node in classes(file):
        if node.name == name:
            return file, node
    for node in parse(file).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if name == (alias.asname or alias.name) and (origin := module_file(file, node.module, node.level)):
                    return find_class(origin, alias.name) if origin.is_file() else None
    return None


def lineage(file, node):
    """The class and its bases, [(file, ClassDef)], in the order Python looks them up."""
    found = [(file, node)]
    for base in node.bases:
        if isinstance(base, ast.Name) and (origin := find_class(file, base.id)):
            found += lineage(*origin)
    last = {(path, cls.name): i for i, (path, cls) in enumerate(found)}
    return [item for i, item in enumerate(found) if last[item[0], item[1].name] == i]


def constructor(node):
    return next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)


def passed_on(init):
    """(the words that `super().__init__` is given, whether it is given **kwargs too)."""
    for call in ast.walk(init):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__":
            names = {keyword.arg for keyword in call.keywords}
            return names - {None}, None in names
    return set(), False


def words_of(bases):
    """{name: Word}: the keyword-only arguments of a class and of the bases it passes **kwargs to; the nearest wins."""
    found, fixed = {}, set()
    docs = [argument_docs(node) for _, node in bases]
    for file, node in bases:
        if (init := constructor(node)) is None:
            continue
        for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
            name = argument.arg
            if name in found or name in fixed:
                continue
            annotation = ast.unparse(argument.annotation) if argument.annotation else "Any"
            value = literal(default, file, f"the default of {name!r}") if default else Required
            found[name] = Word(annotation, value, next((d[name] for d in docs if name in d), ""))
        given, goes_on = passed_on(init)
        fixed |= given - set(found)
        if not goes_on:
            break
    return found


def docstring(node):
    return inspect.cleandoc(ast.get_docstring(node) or "")


def paragraph(text, start):
    """The paragraph of a docstring whose first line starts with `start`."""
    return next((p for p in re.split(r"\n\s*\n", text) if p.startswith(start)), "")


def argument_docs(node):
    """{name: text} from the Args section of a docstring; `alpha, beta: text` documents both."""
    docs, names = {}, []
    for line in paragraph(docstring(node), "Args:").splitlines()[1:]:
        if entry := re.match(r" {4}(\w+(?:, \w+)*): *(.*)", line):
            names = entry[1].split(", ")
            docs |= dict.fromkeys(names, entry[2])
        else:
            docs |= {name: f"{docs[name]} {line.strip()}" for name in names}
    return docs


def attribute(bases, name, default):
    """The nearest literal class attribute of that name."""
    for file, node in bases:
        for statement in node.body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
                return literal(statement.value, file, name)
    return default


def read_file(file, variant=None):
    """The entry of one file: its one class decorated with `register`."""
    registered = [(node, call) for node in classes(file) if (call := registration(node))]
    if len(registered) != 1:
        raise ZooError(f"{file}: needs one class decorated with @register; found {len(registered)}")
    node, call = registered[0]
    said = {keyword.arg: literal(keyword.value, file, keyword.arg) for keyword in call.keywords}
    if missing := {"family", "paper"} - set(said):
        raise ZooError(f"{file}:{call.lineno}: @register needs {' and '.join(sorted(missing))}")
    bases, text = lineage(file, node), docstring(node)
    return Entry(
        variant=variant or file.stem,
        file=file,
        class_name=node.name,
        family=said["family"],
        summary=said.get("summary") or text.partition("\n")[0],
        equation=paragraph(text, "Loss"),
        paper=said["paper"],
        words=words_of(bases),
        reduces_to=said.get("reduces_to"),
        backbones=tuple(said.get("backbones") or attribute(bases, "backbones", BACKBONES)),
        exports=tuple(said.get("exports") or attribute(bases, "exports", ())),
        limits=said.get("limits") or "",
    )


@functools.cache
def read_folder(folder=MODELS):
    """{variant: Entry} of every file in a folder of models."""
    files = sorted(folder.glob("*.py"))
    return {file.stem: read_file(file) for file in files if not file.stem.startswith("_")}


@functools.cache
def catalogue():
    """{variant: Entry}: the models of the zoo, and those other packages add."""
    entries = dict(read_folder())
    for point in entry_points():
        if point.name in entries:
            raise ZooError(f"the package of {point.value!r} adds {point.name!r}, which is already in the zoo")
        file = module_file(None, point.module, 0)
        if file is None:
            raise ZooError(f"entry point zoo.models {point.name!r}: there is no module {point.module!r}")
        entries[point.name] = read_file(file, point.name)
    return entries


def entry_points():
    """The entry points other packages declare in the group `zoo.models`."""
    from importlib.metadata import entry_points

    return tuple(entry_points(group="zoo.models"))


# Names


def natural(name):
    """A sorting key that puts `vae2` before `vae10`."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def hint(name, known, more):
    """The nearest names, and what else helps."""
    close = nearest(name, known)
    return f"{close} {more}" if close else f"; {more}"


def model_names(entry):
    return [f"{entry.variant}_{backbone}" for backbone in entry.backbones] if entry.backbones else [entry.variant]


def list_models(pattern="*", *, family=None, pretrained=False):
    """The names that `create_model` takes, or with `pretrained` those that `load_model` takes.

    Args:
        pattern: a name with wildcards, such as `"*vae*"`.
        family: only the models of this family.
    """
    entries = [entry for entry in catalogue().values() if family in (None, entry.family)]
    if not entries and family is not None:
        known = sorted({entry.family for entry in catalogue().values()})
        more = f"there are: {', '.join(known)}"
        raise InputError(f"unknown family {family!r}{hint(family, known, more)}", "family")
    names = [name for entry in entries for name in model_names(entry)]
    if pretrained:
        names = [preset for preset in presets() if preset.partition(".")[0] in names]
    return sorted(fnmatch.filter(names, pattern), key=natural)


def resolve(name):
    """(variant, backbone) of a model name; the variant alone stands for its default backbone.

    >>> resolve("vae_conv")
    ('vae', 'conv')
    """
    name = str(name)
    if "." in name and name in presets():
        raise InputError(f"{name!r} is a pretrained model; load it with zoo.load_model", "model")
    for entry in catalogue().values():
        if name == entry.variant:
            return name, default_backbone(entry)
        if name in model_names(entry):
            return entry.variant, name.removeprefix(f"{entry.variant}_")
    known = [*list_models(), *catalogue()]
    raise InputError(f"unknown model {name!r}{hint(name, known, 'see zoo list')}", "model")


def default_backbone(entry):
    if not entry.backbones:
        return None
    default = entry.words["backbone"].default if "backbone" in entry.words else None
    return default if default in entry.backbones else entry.backbones[-1]


def full_name(name):
    """The full name of a model: `vae` is `vae_conv`."""
    variant, backbone = resolve(name)
    return f"{variant}_{backbone}" if backbone else variant


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model before it is built."""

    name: str
    variant: str
    backbone: str | None
    family: str
    summary: str
    equation: str
    paper: str
    words: dict[str, Word]
    exports: tuple[str, ...] = ()
    limits: str = ""
    presets: tuple[str, ...] = ()
    metrics: dict = field(default_factory=dict)

    def to_dict(self):
        words = {name: word.to_dict() for name, word in self.words.items()}
        return {**asdict(self), "words": words}


def info(name):
    """What is known of a model or of a preset, without building it."""
    model, _, tag = str(name).partition(".")
    variant, backbone = resolve(model)
    entry, model = catalogue()[variant], full_name(model)
    metrics = read_metrics(find_preset(name)) if tag else {}
    of_model = tuple(preset for preset in presets() if preset.partition(".")[0] == model)
    said = {
        key: getattr(entry, key) for key in ("family", "summary", "equation", "paper", "words", "exports", "limits")
    }
    name = f"{model}.{tag}" if tag else model
    return ModelInfo(name, variant, backbone, **said, presets=of_model, metrics=metrics)


def read_metrics(folder):
    """The metrics of a preset, from its metadata."""
    file = folder / "metadata.json"
    try:
        with file.open("rb") as opened:
            return json.loads(opened.read(2**20 + 1)).get("metrics", {})
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise ZooError(f"{file}: cannot be read: {' '.join(str(error).split())}") from None


# Places


def places(name, variable=None):
    """The folders that may hold `configs` or `saved_models`: the user's, the checkout's, the package's."""
    own = [Path(os.environ[variable]).expanduser()] if variable and os.environ.get(variable) else []
    return [*own, ZOO.parent / name, ZOO / name]


def presets():
    """{name: folder} of the pretrained models at hand; the first place that holds a name wins."""
    folders = [folder for place in reversed(places("saved_models", "ZOO_HOME")) for folder in place.glob("*.*")]
    found = {folder.name: folder for folder in folders if (folder / "config.yaml").is_file()}
    return {name: found[name] for name in sorted(found, key=natural)}


def find_preset(name):
    """The folder of a preset, given by name, or of a run, given by path."""
    path, name = Path(name).expanduser(), str(name)
    if path.is_dir() and (path / "config.yaml").is_file():
        return path
    found = presets()
    if name in found:
        return found[name]
    if path.is_dir():
        raise InputError(f"{name!r} is not a run folder: it has no config.yaml")
    if os.sep in name or name.startswith("~"):
        raise InputError(f"folder {name!r} does not exist")
    raise InputError(missing_preset(name, found))


def missing_preset(name, found):
    """What to say of a preset that is nowhere: the model's own, or the nearest, or where it was looked for."""
    model, _, tag = name.partition(".")
    resolved = full_name(model)
    own = [preset for preset in found if preset.startswith(f"{resolved}.")]
    if own:
        return f"{model} has no preset {tag!r}; it has: {', '.join(own)}" if tag else f"which one of {', '.join(own)}?"
    looked = ", ".join(str(place) for place in places("saved_models", "ZOO_HOME"))
    return f"no preset {name!r}{hint(name, found, f'looked in {looked}; see zoo list --pretrained')}"


def configs_folder():
    """The folder of `<variant>.yaml` files."""
    return next((place for place in places("configs") if place.is_dir()), ZOO / "configs")


# Checks


def wrong_values(variant, words):
    """Yields (path, sentence) for every value that its word does not take. Unknown words are not looked at."""
    from .checks import complaint_about

    known = catalogue()[variant].words
    for name, value in words.items():
        if name in known and (wrong := complaint_about(known[name].annotation, value)):
            path, sentence = wrong
            yield (name, *path), sentence


def check_words(variant, words):
    """Raises InputError at a constructor word that the variant does not have, or at a value that the word cannot be."""
    known = catalogue()[variant].words
    for name in words:
        if name not in known:
            takes = ", ".join(known) or "no words"
            raise InputError(f"{variant} has no {name!r}{hint(name, known, f'it takes: {takes}')}", name)
    for path, sentence in wrong_values(variant, words):
        key = ".".join(str(part) for part in path)
        raise InputError(f"{key}: {sentence}", key)


# Models


def load_class(variant):
    """The class of a variant. Imports TensorFlow."""
    require_tensorflow()
    for point in entry_points():
        if point.name == variant:
            return point.load()
    return getattr(importlib.import_module(f"zoo.models.{variant}"), catalogue()[variant].class_name)


def create_model(name, **words):
    """Builds a fresh model.

    Args:
        name: `"vae_conv"`, or `"vae"` for its default backbone.
        words: the words of its constructor; see `zoo info <name>`.
    """
    variant, backbone = resolve(name)
    entry = catalogue()[variant]
    if "backbone" in entry.words:
        if name != variant and words.get("backbone", backbone) != backbone:
            raise InputError(f"{name} has the backbone {backbone!r}; got backbone={words['backbone']!r}", "backbone")
        words = {"backbone": backbone, **words}
    check_words(variant, words)
    for word, said in entry.words.items():
        if said.default is Required and word not in words:
            raise InputError(f"{variant} needs {word!r}{': ' + said.doc if said.doc else ''}", word)
    return load_class(variant)(**(words | pretrained_features(entry, words)))


def pretrained_features(entry, words):
    """{word: network} of the words that take features and name a preset. Imports TensorFlow."""
    named = {w: words.get(w, said.default) for w, said in entry.words.items() if said.annotation == "Features"}
    presets = {word: name for word, name in named.items() if isinstance(name, str)}
    return {word: importlib.import_module("zoo.presets").features(name) for word, name in presets.items()}
