"""Plants mistakes in the objectives of the models and in the terms they are made of, and counts those the tests find.

python tests/mutation.py                         what has changed since docs/mutation.json was written
python tests/mutation.py iwae terms/divergences  these
python tests/mutation.py --all --fail-under 95   everything; fails when fewer than 95 % are found

A mistake is one change of the source: a sign, a term or a weight left out, a sum for a mean, one word of the
constructor for another (M for K), one player for the other, a constant, a gradient that is not stopped. The tests of a
target run in one process, in which the mutated source takes the module's place: exact tests first, then those of the
contract, until one fails.
"""

import argparse
import ast
import collections
import contextlib
import copy
import functools
import hashlib
import importlib
import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "mutation.json"
SECONDS = 360  # of processor time that the tests of one mutant may take, however busy the machine is
CONTRACT = (  # the tests of the contract that see a loss, the fastest first
    "test_loss_of_every_example_and_declared_parts",
    "test_reduces_to",
    "test_every_weight_is_trained_by_exactly_one_player",
    "test_fit_lowers_the_loss",
)
OTHERS = {
    "reduce_sum": "reduce_mean",
    "reduce_mean": "reduce_sum",
    "maximum": "minimum",
    "minimum": "maximum",
    "argmin": "argmax",
    "argmax": "argmin",
}
PASSING = {"stop_gradient", "abs", "sqrt", "exp"}  # calls that a mutant leaves out, with their argument in their place
OPPOSITE = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Div: ast.Mult, ast.Gt: ast.Lt, ast.Lt: ast.Gt}


# Mistakes


def mutants(source, functions=None):
    """Yields (line, "before -> after", mutated source) for every mistake.

    Args:
        functions: names of the functions and methods to change; all but constructors when None.
    """
    tree = ast.parse(source)
    words = words_of(tree)
    for number, node in enumerate(places(tree, functions)):
        for changed in changes(node, words):
            twin = copy.deepcopy(tree)
            place = places(twin, functions)[number]
            new = ast.fix_missing_locations(Swap(place, changed).visit(twin))
            yield node.lineno, f"{ast.unparse(node)} -> {ast.unparse(changed)}", ast.unparse(new)


def places(tree, functions):
    """The expressions of the functions, without indices and without annotations."""
    found = []
    for outer in ast.walk(tree):
        if isinstance(outer, ast.FunctionDef) and (outer.name in functions if functions else outer.name != "__init__"):
            found += [node for statement in outer.body for node in expressions(statement)]
    return list(dict.fromkeys(found))


def expressions(node):
    if isinstance(node, ast.Subscript):
        yield from expressions(node.value)
        return
    if isinstance(node, ast.FunctionDef):
        return  # it has places of its own
    if isinstance(node, ast.expr):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from expressions(child)


class Swap(ast.NodeTransformer):
    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else self.generic_visit(node)


def words_of(tree):
    """{word: words that could be taken for it}: those that the constructor annotates alike."""
    constructors = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    kinds = {a.arg: ast.unparse(a.annotation) for n in constructors for a in n.args.kwonlyargs if a.annotation}
    return {word: [w for w, k in kinds.items() if k == kind and w != word] for word, kind in kinds.items()}


def changes(node, words):
    """Yields what a mistake could put in the place of an expression."""
    if isinstance(node, ast.BinOp):
        yield from of_operation(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.Constant(node.value + 1 if isinstance(node.value, int) else 2 * node.value or 1.0)
    elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.elts[1], ast.Dict):
        yield ast.Tuple([ast.UnaryOp(ast.USub(), node.elts[0]), node.elts[1]], node.ctx)  # a loss and its parts
    elif isinstance(node, ast.Call):
        yield from of_call(node)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in OPPOSITE:
        yield ast.Compare(node.left, [OPPOSITE[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
        yield from (ast.Attribute(node.value, word, node.ctx) for word in words.get(node.attr, ()))


def of_operation(node):
    """Another sign, and one side alone."""
    if type(node.op) in OPPOSITE:
        yield ast.BinOp(node.left, OPPOSITE[type(node.op)](), node.right)
    yield node.left
    if isinstance(node.op, ast.Add | ast.Mult):
        yield node.right
    elif isinstance(node.op, ast.Sub):
        yield ast.UnaryOp(ast.USub(), node.right)


def of_call(node):
    """Another function of the same arguments, or the first argument alone."""
    name = ast.unparse(node.func)
    short = name.removeprefix("tf.")
    if name != short and short in OTHERS:
        yield ast.Call(ast.parse(f"tf.{OTHERS[short]}", mode="eval").body, node.args, node.keywords)
    if name != short and short in PASSING:
        yield node.args[0]
    if name == "real_or_fake":
        yield ast.Call(node.func, node.args[::-1], node.keywords)
    if name == "log_mean_exp":
        yield ast.Call(ast.parse("tf.reduce_logsumexp", mode="eval").body, node.args, node.keywords)


# What is changed, and by which tests it should be noticed


def targets():
    """{target: file}: every variant, and every module of terms."""
    from zoo import catalog

    models = {variant: entry.file for variant, entry in catalog.read_folder().items()}
    terms = {f"terms/{file.stem}": file for file in sorted((ROOT / "zoo" / "terms").glob("[!_]*.py"))}
    return models | terms


def objectives(file):
    """The methods that decide the loss: the objectives of all players, and those of the class that they use."""
    methods = {n.name: n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.FunctionDef)}
    found, queue = set(), [name for name in methods if name.endswith("objective")]
    while queue:
        name = queue.pop()
        if name in methods and name not in found:
            found.add(name)
            queue += [n.attr for n in ast.walk(methods[name]) if isinstance(n, ast.Attribute)]
    return found - {"__init__"}


def tests_of(target):
    """(the files and tests to collect, the names that a test must have in its code or among its parameters)."""
    if target.startswith("terms/"):
        return [f"tests/terms/test_{target.partition('/')[2]}.py"], set()
    from zoo import catalog

    entry = catalog.catalogue()[target]
    names = {target, *(f"{target}_{backbone}" for backbone in entry.backbones)}
    files = set((ROOT / "tests").glob("test_*.py")) - {ROOT / "tests" / "test_contract.py"}
    exact = [file for file in sorted(files) if re.search(r"objectives?\(", text := file.read_text()) and target in text]
    contract = [f"tests/test_contract.py::{test}" for test in CONTRACT]
    return [*(str(file.relative_to(ROOT)) for file in exact), *contract], names


def of_contract(target):
    """The models that the contract is held for: the variant's on one backbone, and two that reduce to it."""
    from zoo import catalog

    entries = catalog.catalogue()
    special = [name for name, entry in entries.items() if entry.reduces_to and entry.reduces_to[0] == target][:2]
    return {"_".join([name, *entries[name].backbones[:1]]) for name in [target, *special]}


def says(function, names):
    """Whether the code of a test, or its name, has one of the names."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    strings = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return bool(strings & names) or any(f"_{name}_" in f"{function.__name__}_" for name in names)


def parameters(item):
    return {str(value) for value in item.callspec.params.values()} if hasattr(item, "callspec") else set()


# One target, in a process of its own


class Judge:
    """Runs the tests of a target with its module as it is, and as each mutant makes it."""

    def __init__(self, target, file):
        self.file = file
        self.module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        self.tests, self.names = tests_of(target)
        self.models = of_contract(target) if self.names else set()
        self.folder = tempfile.TemporaryDirectory()
        self.count, self.kills = 0, collections.Counter()

    def passes(self):
        """Whether all tests pass."""
        import pytest

        without = [
            word for name in ("cacheprovider", "warnings", "unraisableexception") for word in ("-p", f"no:{name}")
        ]
        arguments = ["-x", "-q", "--tb=no", "--assert=plain", *without, "--rootdir", str(ROOT), *self.tests]
        with contextlib.redirect_stdout(io.StringIO()) as said, limited(SECONDS):
            code = pytest.main(arguments, plugins=[self])
        self.said = said.getvalue()
        return code == 0

    def notices(self, item):
        """Whether a test is of this target."""
        if item.path.name == "test_contract.py":
            return bool(self.models & parameters(item))
        return not self.names or bool(self.names & parameters(item)) or says(item.function, self.names)

    def pytest_collection_modifyitems(self, items):
        items[:] = filter(self.notices, items)
        for module in {item.module for item in items}:
            for value in vars(module).values():
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()
        items.sort(key=lambda item: -self.kills[item.nodeid])  # what found one mistake is likely to find the next

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.kills[report.nodeid] += 1

    def put(self, source):
        """Puts a source in the place of the module's, wherever its names have been imported."""
        module = importlib.import_module(self.module)
        before = {name: value for name, value in vars(module).items() if inspect.getmodule(value) is module}
        self.count += 1
        path = Path(self.folder.name, f"{self.file.stem}_{self.count}.py")  # AutoGraph reads sources again
        path.write_text(source)
        exec(compile(source, str(path), "exec"), vars(module))
        for name, old in before.items():
            replace(old, vars(module)[name])


def replace(old, new):
    """Makes every module that has imported `old` have `new`, and every instance of a class `old` one of `new`."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("zoo", "tests"):
            for key, value in list(vars(module).items()):
                if value is old:
                    setattr(module, key, new)
                elif isinstance(old, type) and type(value) is old:
                    value.__class__ = new


@contextlib.contextmanager
def limited(seconds):
    def stop(*_):
        raise TimeoutError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def judge(target):
    """{"mutants", "killed", "survivors", ...} of one target."""
    os.chdir(ROOT)
    file = targets()[target]
    source, judged = file.read_text(), Judge(target, file)
    judged.put(ast.unparse(ast.parse(source)))
    if not judged.passes():
        sys.exit(f"{target}: its tests fail without any mistake:\n{judged.said}")
    functions = None if target.startswith("terms/") else objectives(file)
    survivors, count, began = [], 0, time.time()
    for line, change, mutated in mutants(source, functions) if functions != set() else ():
        judged.put(mutated)
        count += 1
        if judged.passes():
            survivors.append({"line": line, "change": change})
    return {
        "source": digest(file),
        "mutants": count,
        "killed": count - len(survivors),
        "survivors": survivors,
        "seconds": round(time.time() - began),
    }


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


# All


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help="variants, or modules such as terms/divergences")
    parser.add_argument("--all", action="store_true", help="also what has not changed since the last run")
    parser.add_argument("--fail-under", type=float, default=0.0, metavar="PERCENT", help="of mistakes found")
    parser.add_argument("--judge", help=argparse.SUPPRESS)
    words = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if words.judge:
        print(json.dumps(judge(words.judge)))
        return 0
    known, results = targets(), json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    if unknown := set(words.targets) - set(known):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    for target in words.targets or known:
        if not (words.all or words.targets) and results.get(target, {}).get("source") == digest(known[target]):
            continue
        done = subprocess.run(
            [sys.executable, __file__, "--judge", target], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"{target}: {(done.stderr or done.stdout).strip()[-2000:]}")
            continue
        results[target] = json.loads(done.stdout.splitlines()[-1])
        show(target, results[target])
        RESULTS.write_text(json.dumps({t: results[t] for t in known if t in results}, indent=1) + "\n")
    return summary({target: results[target] for target in known if target in results}, words.fail_under, known)


def show(target, found):
    print(f"{target:24} {found['mutants']:4} mutants {found['killed']:4} killed  {found['seconds']:4} s", flush=True)
    for survivor in found["survivors"]:
        print(f"    line {survivor['line']}: {survivor['change']}", flush=True)


def summary(results, least, known):
    made, killed = (sum(found[key] for found in results.values()) for key in ("mutants", "killed"))
    share = 100.0 * killed / max(made, 1)
    missing = [target for target in known if target not in results]
    print(f"{killed} of {made} mutants killed: {share:.1f} %" + (f"; not run: {', '.join(missing)}" * bool(missing)))
    return int(share < least or bool(missing))


if __name__ == "__main__":
    sys.exit(main())
