"""`zoo doctor`: what the machine has, and what is wrong with it."""

import os
import platform
from importlib import metadata
from pathlib import Path

import typer

from .. import __version__, catalog
from ..errors import GateError, ZooError
from . import console, options

commands = typer.Typer()

STACK = [
    *("tensorflow", "keras", "tf-keras", "tensorflow-probability", "tensorflow-datasets", "importlib_resources"),
    *("numpy", "safetensors", "pydantic", "ruamel.yaml", "typer", "rich", "matplotlib", "pillow", "scikit-learn"),
    *("ai-edge-litert", "litert-quantizer"),
]


@commands.command(rich_help_panel="Look")
def doctor(json: options.Json = False):
    """Shows versions, machine and folders; exit code 3 if something is missing."""
    found = examine()
    console.report(found, json, lambda data: console.facts(flat(data)))
    if found["problems"]:
        raise GateError("; ".join(found["problems"]))


def examine():
    """Everything the doctor looks at."""
    from ..data.source import cache_folder

    packages = {name: version(name) for name in STACK}
    problems = [f"{name} is not installed" for name, found in packages.items() if found is None]
    try:
        catalog.require_tensorflow()
        models, presets = len(catalog.list_models()), sorted(catalog.presets())
    except ZooError as error:
        models, presets = 0, []
        problems.append(str(error))
    return {
        "zoo": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "packages": packages,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(memory() / 2**30, 1),
        "tfds_folder": folder(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"),
        "cache_folder": folder(cache_folder()),
        "models": models,
        "presets": presets,
        "problems": problems,
    }


def version(package):
    """The installed version of a package, without importing it, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def memory():
    """Bytes of memory this process may use: the machine's, or the container's limit."""
    limit = Path("/sys/fs/cgroup/memory.max")
    allowed = limit.read_text().strip() if limit.is_file() else "max"
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return min(machine, int(allowed)) if allowed.isdigit() else machine


def folder(path):
    path = Path(path).expanduser()
    return f"{path}{'' if path.is_dir() else ' (not there yet)'}"


def flat(found):
    """The packages among the other facts, one a line."""
    packages = {f"  {name}": value or "missing" for name, value in found["packages"].items()}
    return {key: value for name, facts in found.items() for key, value in entries(name, facts, packages)}


def entries(name, facts, packages):
    return [("packages", ""), *packages.items()] if name == "packages" else [(name, facts)]
