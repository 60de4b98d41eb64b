"""Whether a value is what an annotation says, and one line that says what is wrong with it."""

import functools
import re
import typing

from pydantic import TypeAdapter, ValidationError

from . import domains
from .errors import nearest


@functools.cache
def adapter(annotation):
    """A pydantic TypeAdapter of an annotation, whose names are those of `zoo.domains` and of Python."""
    return TypeAdapter(eval(annotation, {**vars(domains), "Literal": typing.Literal, "Any": typing.Any}))


SENTENCES = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "too_short": "needs at least {min_length} values",
    "too_long": "takes at most {max_length} values",
    "string_too_short": "must not be empty",
    "finite_number": "must be finite",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "extra_forbidden": "is unknown",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "none_required": "must be null",
    "is_instance_of": "must be a list",
    "sequence_str": "must be a list",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
}
TYPES = {kind for kind in SENTENCES if kind.endswith("_type")} | {"is_instance_of", "sequence_str", "none_required"}


def show(value):
    """A value as it looks in a configuration, on one line, cut where it is long."""
    constants = {None: "null", True: "true", False: "false"}
    text = constants[value] if value is None or isinstance(value, bool) else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def inside(value, error):
    """The keys of a pydantic error's location that lead into `value`; the location also names members of unions."""
    path, location = (), error["loc"]
    for i, part in enumerate(location):
        if (isinstance(value, dict) and part in value) or (isinstance(value, list | tuple) and isinstance(part, int)):
            path, value = (*path, part), value[part]
        elif i == len(location) - 1 and error["type"] == "missing":
            path = (*path, part)
    return path


def complaint(errors, value):
    """(path, sentence) that says best what is wrong with `value`, of the errors of all members of a union."""
    located = [(inside(value, error), error) for error in errors]
    path = max((path for path, _ in located), key=len)
    deepest = [error for where, error in located if where == path]
    wrong = [error for error in deepest if error["type"] not in TYPES] or deepest
    if {error["type"] for error in wrong} == {"literal_error"}:  # of a number or a word
        wrong = [error for error in deepest if error["type"] in ("float_type", "int_type")] + wrong
    sentences = [SENTENCES.get(e["type"], e["msg"]).format_map(e.get("ctx", {})) for e in wrong]
    first, *others = dict.fromkeys(sentences)
    sentence = " or ".join([first, *(other.removeprefix("must be ") for other in others)])
    if wrong[0]["type"] in ("missing", "extra_forbidden"):
        return path, sentence
    got = wrong[0]["input"]
    choices = re.findall(r"'([^']+)'", sentence) if isinstance(got, str) else ()
    return path, f"{sentence}; got {show(got)}{nearest(got, choices) if choices else ''}"


def complaint_about(annotation, value):
    """(path inside the value, sentence) of what is wrong with a value, or None."""
    try:
        adapter(annotation).validate_python(value, strict=True)
    except ValidationError as error:
        return complaint(error.errors(include_url=False), value)
