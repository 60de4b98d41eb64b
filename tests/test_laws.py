"""The laws of the house, read from the source."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import zoo
from zoo import catalog

ZOO = Path(zoo.__file__).parent
ROOT = ZOO.parent
SOURCES = {path.relative_to(ZOO): path for path in sorted(ZOO.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
MODELS = {name.stem: tree for name, tree in TREES.items() if name.parts[0] == "models" and name.stem != "__init__"}

FLOORS = [  # from the ground; a line is a floor, or a step within one
    {"errors"},
    {"domains", "yaml", "sandbox"},
    {"checks"},
    {"catalog", "schedules", "numerics"},
    {"config"},
    {"terms", "networks"},
    {"distributions"},
    {"base"},
    {"quantized", "conditional"},
    {"models"},
    {"data"},
    {"weights"},
    {"samplers", "metrics", "figures"},
    {"notation"},
    {"presets"},
    {"export"},
    {"transfer", "collapse"},
    {
        "training",
        "finetuning",
        "scoring",
        "sklearn",
        "comparison",
        "evaluation",
        "sampling",
        "benchmark",
        "report",
        "cards",
        "verification",
        "importing",
    },
    {"cli", "web", "__init__", "__main__"},
]
FLOOR = {family: number for number, families in enumerate(FLOORS) for family in families}
VERBS = FLOOR["training"]
FACES = FLOOR["cli"]


def family(path):
    """`models` for models/vae.py, `base` for base.py."""
    return path.parts[0].removesuffix(".py")


def imports(path, tree):
    """Yields the dotted names inside the zoo that a file imports: `base`, `models.vae`, `__init__`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "zoo":
                    yield alias.name.partition(".")[2] or "__init__"
        elif isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == "zoo"):
            here = ["zoo", *path.parent.parts]
            start = here[: len(here) - node.level + 1] if node.level else []
            parts = [*start, *(node.module.split(".") if node.module else [])][1:]
            if parts:
                yield ".".join([*parts, *(a.name for a in node.names if len(node.names) == 1)])
            else:
                yield from (a.name if a.name in FLOOR else "__init__" for a in node.names if a.name != "__version__")


def attributes(tree):
    """The dotted names a file uses: `tf.GradientTape`, `tfds.load`."""
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)}


def files_using(pattern):
    return {str(path) for path, tree in TREES.items() if any(re.search(pattern, name) for name in attributes(tree))}


def test_the_reader_of_imports_sees_every_form():
    source = (
        "import zoo.base\nfrom . import a\nfrom .b import c\nfrom .. import data, x\nfrom ..base import D\nimport keras"
    )
    found = list(imports(Path("models/vae.py"), ast.parse(source)))
    assert found == ["base", "models.a", "models.b.c", "data", "__init__", "base.D"]


# Law 1


@pytest.mark.parametrize("path", TREES, ids=str)
def test_imports_point_down(path):
    here = family(path)
    assert here in FLOOR, f"{path} stands on no floor: give it one in FLOORS"
    for name in imports(path, TREES[path]):
        there = name.partition(".")[0]
        assert there == here or (there in FLOOR and FLOOR[there] < FLOOR[here]) or faces(here, there), (
            f"{path} (floor {FLOOR[here]}) imports {name}"
        )


def faces(here, there):
    """The verbs may use each other, as the faces may."""
    return {FLOOR.get(here), FLOOR.get(there)} in ({VERBS}, {FACES})


@pytest.mark.parametrize("path", TREES, ids=str)
def test_only_models_import_models(path):
    if family(path) != "models":
        assert not [name for name in imports(path, TREES[path]) if name.partition(".")[0] == "models"]


@pytest.mark.parametrize("variant", MODELS)
def test_a_model_imports_no_sibling_but_its_parent(variant):
    bases = {ast.unparse(base) for base in registered(variant).bases}
    for name in imports(Path("models", f"{variant}.py"), MODELS[variant]):
        if name.startswith("models."):
            assert name.split(".")[-1] in bases, f"{variant} imports {name}"


# Law 2


def test_two_levels_and_no_drawers():
    for path in TREES:
        assert len(path.parts) <= 2, path
        for part in path.with_suffix("").parts:
            assert not re.search(r"(^|_)(utils?|helpers?|common|misc)($|_)", part), path


# Laws 3 and 6


def registered(variant):
    """The one class of a file of models."""
    (node,) = [n for n in MODELS[variant].body if isinstance(n, ast.ClassDef) and catalog.registration(n)]
    return node


@pytest.mark.parametrize("variant", MODELS)
def test_file_class_and_config_have_one_name(variant):
    assert variant.replace("_", "") == registered(variant).name.lower()
    assert (ROOT / "configs" / f"{variant}.yaml").is_file()


def test_every_config_is_of_a_variant():
    assert {path.stem for path in (ROOT / "configs").glob("*.yaml")} == set(MODELS)


@pytest.mark.parametrize("variant", MODELS)
def test_reduces_to_a_variant_by_its_own_words(variant):
    entry = catalog.read_folder()[variant]
    if entry.reduces_to:
        special, words = entry.reduces_to
        assert special in MODELS
        catalog.check_words(variant, words)


# Law 4


def test_one_loop():
    allowed = {"base.py"} | {str(path) for path in TREES if path.parts[0] == "terms"}
    assert "base.py" in files_using(r"\bGradientTape$")
    assert files_using(r"\bGradientTape$") <= allowed


@pytest.mark.parametrize(
    "pattern", [r"\bTFLiteConverter\b", r"^(tfds|tensorflow_datasets)\.(load|builder|data_source)$"]
)
def test_one_file_each(pattern):
    assert len(files_using(pattern)) <= 1


def test_one_file_for_weights():
    using = [
        path
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(a.name.startswith("safetensors") for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("safetensors"))
    ]
    assert len(set(using)) <= 1, using


# Law 5


@pytest.mark.parametrize("variant", MODELS)
def test_writes_the_objective_or_the_parts(variant):
    node = registered(variant)
    written = {method.name for method in node.body if isinstance(method, ast.FunctionDef)}
    parents = {registered(other).name for other in MODELS} & {ast.unparse(base) for base in node.bases}
    if parents:
        assert written == {"__init__"}, f"{node.name} changes {written} of {parents}"
    else:
        assert "objective" in written


@pytest.mark.parametrize("path", TREES, ids=str)
def test_nobody_calls_the_objective_of_the_parent(path):
    assert "super().objective" not in attributes(TREES[path])


# The words of models


@pytest.mark.parametrize("variant", MODELS)
def test_every_word_is_annotated_documented_and_takes_its_default(variant):
    for name, word in catalog.read_folder()[variant].words.items():
        assert word.annotation != "Any", f"{name} has no annotation"
        assert word.doc or name == "name", f"{name} stands in no Args section"  # `name` is every Keras model's
        if word.default is not catalog.Required:
            catalog.check_words(variant, {name: word.default})


@pytest.mark.parametrize("variant", MODELS)
def test_every_variant_has_a_summary_an_equation_and_a_paper(variant):
    entry = catalog.read_folder()[variant]
    assert entry.summary.endswith(".") and len(entry.equation.splitlines()) >= 2
    assert entry.paper.startswith("https://")


# The package


def test_one_version():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == zoo.__version__


@pytest.mark.parametrize("name", zoo.NEEDS_TENSORFLOW)
def test_every_verb_is_defined_where_the_package_looks(name):
    module, function = zoo.NEEDS_TENSORFLOW[name]
    files = [path for path in (ZOO / f"{module}.py", ZOO / module / "__init__.py") if path.is_file()]
    if not files:
        pytest.skip(f"zoo/{module} is not written yet")
    top = ast.parse(files[0].read_text(encoding="utf-8")).body
    defined = {node.name for node in top if isinstance(node, ast.FunctionDef)}
    imported = {a.asname or a.name for node in top if isinstance(node, ast.ImportFrom) for a in node.names}
    assert function in defined | imported
