"""Variables of a file that are read and set once: the same results, with fewer operations."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from zoo.export import flatbuffer, litert, tflite, variables


class Counter(tf.Module):
    """Signatures that read and set two variables in every order."""

    def __init__(self):
        super().__init__()
        self.a, self.b = tf.Variable([1.0, 2.0]), tf.Variable([5.0, 5.0])

    def step(self, x):
        """Reads a before and after it is set, sets it twice, and reads b in between."""
        before = tf.identity(self.a)
        self.a.assign(self.a + x)
        doubled = 2.0 * self.a
        self.b.assign_sub(self.a)
        self.a.assign(tf.where(x[0] > 0.0, self.a, before))
        return {"doubled": doubled, "sum": self.a + self.b}

    def branch(self, x):
        """A variable that is set elsewhere is read again."""
        before = 3.0 * self.a
        tf.cond(x[0] > 0.0, lambda: self.a.assign(x + before) + 0.0, lambda: before)
        return {"before": before, "after": self.a + 0.0}

    def look(self, x):
        return {"a": self.a.read_value(), "b": self.b.read_value(), "x": x + 0.0}


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """A file as the converter makes it, and with its variables read and set once."""
    counter, path = Counter(), tmp_path_factory.mktemp("variables") / "model.tflite"
    x = tf.TensorSpec([2], tf.float32, name="x")
    named = {name: tf.function(getattr(counter, name), autograph=False) for name in ("step", "branch", "look")}
    tflite.write_functions({name: function.get_concrete_function(x=x) for name, function in named.items()}, path)
    return path.read_bytes(), variables.once(path.read_bytes())


def counted(content, signature):
    """(reads, sets) of a signature."""
    model = flatbuffer.unpacked(content)
    (graph,) = (d.subgraphIndex for d in model.signatureDefs if d.signatureKey == signature.encode())
    known = flatbuffer.codes(model)
    codes = [known[operation.opcodeIndex] for operation in model.subgraphs[graph].operators]
    return tuple(codes.count(getattr(schema.BuiltinOperator, f"{kind}_VARIABLE")) for kind in ("READ", "ASSIGN"))


def test_results_are_the_same(contents):
    calls = [
        ("step", 1),
        ("look", 0),
        ("step", -1),
        ("branch", 2),
        ("look", 0),
        ("branch", -2),
        ("step", 3),
        ("look", 0),
    ]
    for before, after in zip(*([answers(content, calls) for content in contents]), strict=True):
        assert before.keys() == after.keys()
        for name in before:
            np.testing.assert_array_equal(before[name], after[name])


def answers(content, calls):
    interpreter = litert.opened(content)
    runners = {name: interpreter.get_signature_runner(name) for name, _ in calls}
    return [runners[name](x=np.float32([x, x])) for name, x in calls]


def test_a_step_reads_and_sets_each_variable_once(contents):
    assert counted(contents[0], "step") > (2, 2) and counted(contents[1], "step") == (2, 2)


def test_what_another_graph_sets_is_read_again(contents):
    assert counted(contents[1], "branch")[0] == 2


def test_what_is_only_given_out_is_still_read(contents):
    assert counted(contents[1], "look") == counted(contents[0], "look") == (2, 0)
