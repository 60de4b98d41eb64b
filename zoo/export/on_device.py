"""A TFLite file that goes on learning: the training step and the state of the optimizer are in it."""

import keras
import numpy as np
import tensorflow as tf

from .. import weights
from ..errors import InputError
from . import gradients, litert, parity, products, signatures, tflite, variables

STEPS = 5  # of training that are compared: later ones differ by how rounding errors grow
TOLERANCES = {"train": 1e-4, "save": 1e-5, "restore": 0.0}
OPTIMIZERS = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD}
LARGEST = 3.4e38  # of float32: what is beyond, or is no number, is not finite


def learner(model, optimizer="adam", learning_rate=1e-3):
    """A float32 copy of a model, compiled: it learns without changing the model.

    Raises:
        InputError: the optimizer is not one of OPTIMIZERS, or the learning rate is not positive.
    """
    if optimizer not in OPTIMIZERS:
        raise InputError(f"optimizer: {optimizer!r} cannot learn on a device; it takes {', '.join(OPTIMIZERS)}")
    if not 0 < learning_rate < float("inf"):
        raise InputError(f"learning_rate: needs a positive number, not {learning_rate!r}")
    copy = signatures.copy_in_float32(model)
    copy.compile(OPTIMIZERS[optimizer](learning_rate), jit_compile=False)
    return copy


def write_trainable(model, path, batch=16, **how):
    """Writes the verbs of a float32 model on one example, `train` on a batch, `save` and `restore`: see `functions`.

    Raises:
        GateError: an operation, of the training step say, has no builtin in TFLite; its layer is named.
    """
    tflite.write_functions(functions(learner(model, **how), batch), path, rewrite=variables.once)


def functions(model, batch):
    """{name: concrete function}: the verbs on one example, and `train`, `save` and `restore`.

    Args:
        model: a `learner`.
        batch: examples of a training step.
    """
    named = state(model)
    example = tf.TensorSpec([batch, *model.example_shape], tf.float32, name="x")
    kept = {key: tf.TensorSpec(_axes(v), _kept(v), name=key) for key, v in named.items()}
    with products.of_convolutions(model):  # weights that change are no constants
        verbs = signatures.functions(model, 1)
        step = tf.function(lambda x: train(model, x), autograph=False).get_concrete_function(x=example)
    return {
        **verbs,
        "train": step,
        "save": tf.function(lambda: save(named), autograph=False).get_concrete_function(),
        "restore": tf.function(lambda **values: restore(named, values), autograph=False).get_concrete_function(**kept),
    }


def state(model):
    """{key: variable} of all that the next step depends on; a key is a word, such as "encoder__conv_1__kernel".

    Words, as the names of a signature's inputs are taken for names of arguments.
    """
    named = {k: v for k, v in weights.of_training(model).items() if not k.startswith("means/")}
    return {name.replace("/", "__"): variable for name, variable in named.items()}


def train(model, x):
    """One step of `GenerativeModel.train_step` in operations that TFLite has: {"loss": mean over the batch}."""
    losses, finite = [], tf.constant(True)
    for player in model.players():
        for turn in range(player.steps):
            model.turn = turn
            loss, known = minimise(model, player, x)
            losses, finite = [*losses, loss], finite & known
    model.turn = 0
    model.step.assign_add(1)
    model.skipped.assign_add(tf.cast(~finite, tf.int32))
    model.skipped_in_a_row.assign(tf.where(finite, 0, model.skipped_in_a_row + 1))
    return {"loss": losses[0]}


def minimise(model, player, x):
    """One step of one player, undone where a gradient is not finite: (mean loss, whether all are)."""
    before = [(v.value, tf.identity(v.value)) for v in state(model).values()]
    with gradients.of_builtins(model):
        loss = tf.reduce_mean(player.objective(x, training=True)[0])
    slopes = tf.gradients(loss, [w.value for w in player.weights])
    slopes = [None if slope is None else tf.convert_to_tensor(slope) for slope in slopes]
    sums = [tf.reduce_sum(slope) for slope in slopes if slope is not None]  # not finite where a number is not
    finite = tf.reduce_all([tf.abs(total) <= LARGEST for total in sums])
    player.optimizer.apply(slopes, player.weights)
    for variable, value in before:
        variable.assign(tf.where(finite, variable, value))
    return loss, finite


def save(named):
    """The state as tensors, by key; a number has one axis."""
    return {key: tf.reshape(tf.cast(variable, _kept(variable)), _axes(variable)) for key, variable in named.items()}


def restore(named, values):
    """Sets the state: {"step": its number of training steps}."""
    for key, variable in named.items():
        variable.assign(tf.reshape(tf.cast(values[key], variable.dtype), variable.shape))
    return {"step": tf.reshape(named["step"], [1])}


def _axes(variable):
    """The shape that a variable has in the file: LiteRT takes a read one without axes for one of unknown shape, and
    its C API gives such outputs no room."""
    return tuple(variable.shape) or (1,)


def _kept(variable):
    """The type that a variable has in the file: TFLite cannot assign what it has cast to int64."""
    return tf.float32 if variable.dtype == "float32" else tf.int32


# Whether the file learns as the Keras model does


def verify_trainable(path, model, examples=None, tolerance=None, batch=16, **how):
    """Every verb, and learning, beside the Keras model: a list of parity.Row.

    The row of `train` holds the largest difference of the first losses, relative beyond 1; that of `save` the largest
    difference of the gradients of the first step, relative to the largest of each weight; that of `restore` whether
    what was restored is what was saved. Examples are made strange for it, see `strange`.
    """
    interpreter, x = litert.open_tflite(path), parity.examples_for(model, examples).x
    batches = [np.resize(np.roll(strange(x), step, 0), (batch, *model.example_shape)) for step in range(STEPS)]
    train, save, restore = (interpreter.get_signature_runner(name) for name in ("train", "save", "restore"))
    found, fresh = [(train(x=x)["loss"], save()) for x in batches], lambda: learner(model, **how)
    expected = follow(fresh(), batches)
    (losses, states), last = zip(*found, strict=True), found[-1][1]
    restored = restore(**states[0]), restore(**last)
    compared = {
        "train": parity.difference(np.array(losses), np.array([loss for loss, _ in expected])),
        "save": _gradients(states[0], expected[0][1], lambda: follow(fresh(), batches[:1], jit=True)[0][1]),
        "restore": np.max([parity.difference(after, last[key]) for key, after in save().items()], axis=0),
    }
    sides = {"train": ({"x": batches[0]}, {"loss": losses[0]}), "save": ({}, last), "restore": (last, restored[-1])}
    rows = [
        parity.Row(name, *map(parity.exactly, sides[name]), len(batches), *map(float, errors), TOLERANCES[name])
        for name, errors in compared.items()
    ]
    return litert.verify_tflite(path, model, x, tolerance) + rows


def strange(x):
    """Examples [N, M, ...] with their M parts (rows of an image, columns of a table) in another order.

    What a model knows it reconstructs with errors that are a small difference of large numbers: rounding in the forward
    pass, of 1e-6 say where `reconstruct` may differ by 1e-5, is 1e-5 and more of the gradient that they make.
    """
    return x[:, np.random.default_rng(0).permutation(x.shape[1])]


def follow(model, batches, jit=False):
    """[(loss, state)] of Keras after each step of a learner."""
    step = tf.function(model.train_step, autograph=False, jit_compile=jit)
    return [(_loss(model, step, x), {key: v.numpy() for key, v in state(model).items()}) for x in batches]


def _loss(model, step, x):
    for mean in model.means.values():
        mean.reset_state()
    return step(tf.constant(x))["loss"].numpy()


def _gradients(found, expected, otherwise):
    """(absolute, relative to the largest of a weight) difference of the gradients of two first steps.

    Adam's moments after a step are a tenth of the gradient; of plain descent the new weights are compared. Sums that
    cancel differ more between Keras and Keras with XLA than is allowed here: a weight may equal either.
    """
    keys = [k for k in expected if k.endswith("_momentum")] or [k for k in expected if not k.startswith("optimizer_")]
    errors = {key: _relative(found[key], expected[key]) for key in keys}
    if max(relative for _, relative in errors.values()) > TOLERANCES["save"]:
        other = otherwise()
        errors = {key: min(error, _relative(found[key], other[key])) for key, error in errors.items()}
    return np.max(list(errors.values()), axis=0)


def _relative(found, expected):
    if not expected.size:
        return 0.0, 0.0
    absolute = np.max(np.abs(found.astype("float64") - expected))
    return float(absolute), float(absolute / max(np.max(np.abs(expected)), np.finfo("float32").tiny))
