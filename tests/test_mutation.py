"""The mistakes that `tests/mutation.py` plants."""

import ast

import pytest

from . import mutation

SOURCE = '''
class Model:
    def __init__(self, *, estimates: Count = 5, samples: Count = 5, beta: Real = 1.0):
        self.kept = 3 * beta

    def objective(self, x, y=None):
        """The loss, 2 of them."""
        return self.helper(x[:, 0]) {expression}

    def other(self):
        return 1 + 1
'''


def changed(expression, functions=("objective",)):
    source = SOURCE.replace("{expression}", expression)
    found = list(mutation.mutants(source, set(functions)))
    original = ast.unparse(ast.parse(source))
    assert all(mutated != original and ast.parse(mutated) for _, _, mutated in found)
    return [change.split(" -> ")[1].removeprefix("self.helper(x[:, 0]) ") for _, change, _ in found]


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("+ a", ["- a", "self.helper(x[:, 0])", "a"]),
        ("- a", ["+ a", "self.helper(x[:, 0])", "-a"]),
        ("* a", ["self.helper(x[:, 0])", "a"]),
        ("/ a", ["* a", "self.helper(x[:, 0])"]),
        ("> a", ["< a"]),
    ],
)
def test_signs_and_terms(expression, expected):
    assert changed(expression) == expected


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("-a", ["a"]),
        ("-1", ["2"]),
        ("0.0", ["1.0"]),
        ("0.5", ["1.0"]),
        ("tf.reduce_sum(a, b)", ["tf.reduce_mean(a, b)"]),
        ("tf.stop_gradient(a)", ["a"]),
        ("log_mean_exp(a, axis=b)", ["tf.reduce_logsumexp(a, axis=b)"]),
        ("self.estimates", ["self.samples"]),
        ("self.beta", []),
        ("real_or_fake(a, b)", ["real_or_fake(b, a)"]),
        ("(a, {})", ["(-a, {})"]),
        ("a[0, 1:]", []),
    ],
)
def test_expressions(expression, expected):
    assert changed(f"if {expression} else b") == expected


def test_the_functions_that_make_the_loss_are_found(tmp_path):
    file = tmp_path / "model.py"
    file.write_text("class A:\n def objective(s):\n  s.a()\n def a(s):\n  s.b()\n def b(s): ...\n def verb(s): ...\n")
    assert mutation.objectives(file) == {"objective", "a", "b"}


def test_every_target_has_tests_that_could_notice():
    known = mutation.targets()
    assert {"vae", "vq_vae", "terms/divergences"} <= set(known)
    for target in known:
        tests, names = mutation.tests_of(target)
        assert all((mutation.ROOT / test.partition("::")[0]).is_file() for test in tests), target
        assert target.startswith("terms/") or (target in names and "tests/test_contract.py" in tests[-1])


def test_exact_tests_are_found_by_the_variant_they_name():
    from . import test_objectives

    tests, names = mutation.tests_of("piwae")
    assert "tests/test_objectives.py" in tests and names == {"piwae", "piwae_dense", "piwae_conv", "piwae_lstm"}
    assert mutation.says(test_objectives.test_piwae_takes_m_bounds_of_k, names)
    assert not mutation.says(test_objectives.test_ms_ssim_vae, names)
    assert mutation.of_contract("ae") >= {"ae_dense"} and len(mutation.of_contract("ae")) == 3
