"""The optimizer and its learning rate, also one that is found by a range test."""

import keras
import tensorflow as tf

from .. import weights
from ..errors import InputError
from . import learning_rate
from .loop import Loop
from .preparation import PIECE, some_examples

OPTIMIZERS = {
    "adam": "Adam",
    "adamw": "AdamW",
    "adamax": "Adamax",
    "nadam": "Nadam",
    "sgd": "SGD",
    "rmsprop": "RMSprop",
    "lion": "Lion",
}


def optimizer_for(settings, steps):
    """A Keras optimizer.

    Args:
        settings: the training section of an experiment.
        steps: length of the run, for the schedule.
    """
    if settings.learning_rate == "auto":
        raise InputError(
            "training.learning_rate: auto is for zoo train and zoo finetune; give a number",
            key="training.learning_rate",
        )
    words = {"learning_rate": _learning_rate(settings, steps), "global_clipnorm": settings.clip_norm}
    if settings.beta_1 is not None:
        if settings.optimizer in ("sgd", "rmsprop"):
            raise InputError(f"training.beta_1: {settings.optimizer} has none", key="training.beta_1")
        words["beta_1"] = settings.beta_1
    if settings.weight_decay or settings.optimizer == "adamw":
        words["weight_decay"] = settings.weight_decay
    return getattr(keras.optimizers, OPTIMIZERS[settings.optimizer])(**words)


def _learning_rate(settings, steps):
    peak, warmup = settings.learning_rate, settings.warmup_steps
    if settings.schedule == "cosine":
        ramp = {"warmup_target": peak, "warmup_steps": warmup} if warmup else {}
        return keras.optimizers.schedules.CosineDecay(0.0 if warmup else peak, max(1, steps - warmup), **ramp)
    if warmup:
        return keras.optimizers.schedules.PolynomialDecay(0.0, warmup, peak)
    return peak


def with_learning_rate(experiment, model, bundle):
    """The experiment with a number for a learning rate, and what to say of one that was found; see `learning_rate`.

    The model is as it was, afterwards.
    """
    if experiment.training.learning_rate != "auto":
        return experiment, ()
    if "score" not in model.signatures():
        raise InputError(
            f"training.learning_rate: auto goes by the loss, which says nothing of {experiment.model}; give a number",
            key="training.learning_rate",
        )
    before = weights.values(weights.of_model(model))
    constant = {"learning_rate": float(learning_rate.RATES[0]), "schedule": "constant", "warmup_steps": 0}
    settings = experiment.training.model_copy(update=constant)
    model.compile(optimizer_for(settings, 1))
    loop = Loop(model, bundle.train, bundle.preprocessor.apply, settings, experiment.data.binarize)
    x, y = some_examples(bundle, experiment, PIECE)
    data = tf.constant(x) if y is None else (tf.constant(x), tf.constant(y))
    test = tf.function(model.test_step)

    def advance(rate):
        for player in model.players():
            player.optimizer.learning_rate = rate
        loop.advance(1)

    def judge():
        for mean in model.means.values():
            mean.reset_state()
        return float(test(data)["loss"])

    with experiment.locating():
        rate = learning_rate.range_test(advance, judge)
    for mean in model.means.values():
        mean.reset_state()
    weights.assign(weights.of_model(model), before)
    training = experiment.training.model_copy(update={"learning_rate": rate})
    said = f"learning rate {rate:g}: a tenth of where the loss was lowest in a range test"
    return experiment.model_copy(update={"training": training}), (said,)
