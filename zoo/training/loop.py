"""Steps over data, compiled."""

import tensorflow as tf

from .. import data as datasets
from .. import numerics

PATIENCE = 10  # gradients in a row that are not finite before the run is given up


class Loop:
    """Steps of a model over data in memory; batch and noise are functions of (seed, step).

    Args:
        model: compiled.
        split: raw training examples, held as one tensor or read from the disk batch by batch; the last incomplete batch
            of an epoch is left out.
        preprocess: raw batch -> model values.
        settings: the training section of an experiment.
        binarize: "none", "threshold" or "stochastic".
    """

    def __init__(self, model, split, preprocess, settings, binarize="none"):
        self.model, self.preprocess, self.seed = model, preprocess, settings.seed
        self.binarize = {"none": lambda x: x, "threshold": _threshold, "stochastic": self._draw}[binarize]
        self.gather, self.y = Reader(split.x), None if split.y is None else tf.constant(split.y)
        self.count, self.batch = len(split), min(settings.batch_size, len(split))
        self.steps = self.count // self.batch
        # XLA has no fast strided convolution gradients for CPUs: measured, conv networks lose a quarter of their speed
        jit = "dense" in model.backbone.__name__ if settings.jit is None else settings.jit
        self.step = tf.function(model.train_step, jit_compile=jit)

    @tf.function
    def run(self, steps):
        """That many steps, all within one epoch: the loop that Keras's `fit` would leave to Python."""
        epoch, start = self.model.step // self.steps, self.model.step % self.steps
        order = tf.random.experimental.stateless_shuffle(tf.range(self.count), tf.stack([self.seed, epoch]))
        for position in tf.range(start, start + steps):
            if self.model.skipped_in_a_row >= PATIENCE:
                break
            chosen = tf.reshape(order[position * self.batch : (position + 1) * self.batch], [self.batch])
            x = self.binarize(self.preprocess(self.gather(chosen)))
            self.step(x if self.y is None else (x, tf.gather(self.y, chosen)))

    def advance(self, steps):
        """That many steps, in calls that end where epochs end."""
        while steps:
            call = min(steps, self.steps - int(self.model.step) % self.steps)
            self.run(tf.constant(call))
            steps -= call

    def _draw(self, x):
        return numerics.binarize(x, numerics.key("binarize", self.seed, self.model.step))


class Reader:
    """From row numbers [B] to examples [B, ...], in a graph; those in memory and those on the disk give the same.

    Attributes:
        problem: why they could not be read, which TensorFlow does not pass on.
    """

    def __init__(self, x):
        self.x, self.problem = x if isinstance(x, datasets.Stored) else tf.constant(x), None

    def __call__(self, rows):
        if not isinstance(self.x, datasets.Stored):
            return tf.gather(self.x, rows)
        found = tf.numpy_function(self.read, [rows], self.x.dtype)
        return tf.ensure_shape(found, [rows.shape[0], *self.x.shape[1:]])

    def read(self, rows):
        try:
            return self.x[rows]
        except Exception as error:
            self.problem = error
            raise


def _threshold(x):
    return tf.cast(x >= 0.5, tf.float32)
