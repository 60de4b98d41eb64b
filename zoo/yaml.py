"""YAML of plain data, with the place of everything in it."""

from pathlib import Path
from typing import NamedTuple

from .errors import InputError

MAX_BYTES = 2**20
MAX_DEPTH = 20


def printable(text):
    """Text from outside on one line, with control characters escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))


class Place(NamedTuple):
    """Where something was said; places sort as they were read."""

    rank: int
    line: int
    column: int
    label: str

    def __str__(self):
        return f"{self.label}:{self.line}:{self.column}" if self.line else self.label


class Layer:
    """Plain data, with the place of every key and value: {path: Place}."""

    def __init__(self, data=None, key_of=(), value_of=()):
        self.data, self.key_of, self.value_of = data, dict(key_of), dict(value_of)

    def merge(self, other, sections):
        """Sets what the other layer says: its keys, and in the named sections the keys of the section."""
        replaced = set()
        for name, value in other.data.items():
            if name in sections:
                self.data[name] = self.data.get(name, {}) | value
                replaced |= {(name, key) for key in value}
            else:
                self.data[name] = value
                replaced.add((name,))
        self.key_of, self.value_of = (
            {path: place for path, place in mine.items() if not {path[:1], path[:2]} & replaced} | theirs
            for mine, theirs in ((self.key_of, other.key_of), (self.value_of, other.value_of))
        )

    def place_of(self, path, of_key=False):
        """The place of a value, or of its key, or of the nearest thing around it."""
        places = self.key_of if of_key else self.value_of
        for length in range(len(path), -1, -1):
            if path[:length] in places:
                return places[path[:length]]
        return Place(0, 0, 0, "configuration")


def read_yaml(text, label, rank=1):
    """A Layer from YAML 1.2 of plain data: no aliases, tags, directives or duplicate keys, of modest size and depth."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise InputError(f"{label}: larger than {MAX_BYTES // 2**20} MiB")
    yaml = YAML(typ="safe", pure=True)
    try:
        refuse_surprises(yaml.parse(text), label)
        yaml = YAML(typ="safe", pure=True)
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{label}:{mark.line + 1}:{mark.column + 1}" if mark else label
        raise InputError(f"{place}: {' '.join(str(error.problem or error.context).split())}") from None
    except InputError:
        raise
    except (YAMLError, ValueError) as error:
        raise InputError(f"{label}: not YAML: {str(error).splitlines()[0]}") from None
    layer = Layer()
    layer.data = construct(node, yaml, layer, (), label, rank) if node else None
    return layer


def refuse_surprises(events, label):
    """Raises at what YAML allows and a configuration does not need."""
    depth = 0
    for event in events:
        depth += {"MappingStartEvent": 1, "SequenceStartEvent": 1, "MappingEndEvent": -1, "SequenceEndEvent": -1}.get(
            type(event).__name__, 0
        )
        surprises = {
            "anchors and aliases are not allowed": getattr(event, "anchor", None),
            "tags are not allowed": getattr(event, "tag", None),
            "directives are not allowed": getattr(event, "version", None) or getattr(event, "tags", None),
            f"nested deeper than {MAX_DEPTH}": depth > MAX_DEPTH,
        }
        for sentence, met in surprises.items():
            if met:
                raise InputError(f"{label}:{event.start_mark.line + 1}:{event.start_mark.column + 1}: {sentence}")


SCALARS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}


def construct(node, yaml, layer, path, label, rank):
    """The data of a YAML node; the places go to the layer."""
    place = place_of_node(node, label, rank)
    layer.value_of[path] = place
    if node.id == "sequence":
        return [construct(n, yaml, layer, (*path, i), label, rank) for i, n in enumerate(node.value)]
    if node.id == "scalar":
        if str(node.tag) not in SCALARS:
            return node.value
        try:
            return yaml.constructor.construct_object(node)
        except ValueError:
            raise InputError(f"{place}: cannot read the number {node.value[:20]!r}") from None
    data = {}
    for key, value in node.value:
        where = place_of_node(key, label, rank)
        if key.id != "scalar":
            raise InputError(f"{where}: a key must be text")
        if key.value in data:
            raise InputError(f"{where}: duplicate key {key.value!r}")
        layer.key_of[*path, key.value] = where
        data[key.value] = construct(value, yaml, layer, (*path, key.value), label, rank)
    return data


def place_of_node(node, label, rank):
    return Place(rank, node.start_mark.line + 1, node.start_mark.column + 1, label)


def read_file(path, rank=1):
    """The Layer of a file."""
    label = printable(path)
    try:
        with Path(path).open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{label}: not a UTF-8 text file") from None
    except FileNotFoundError:
        raise InputError(f"{label}: no such file") from None
    except OSError as error:
        raise InputError(f"{label}: cannot be read: {error.strerror}") from None
    return read_yaml(text, label, rank)
