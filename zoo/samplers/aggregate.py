"""The aggregate posterior: the mixture of the posteriors of training examples."""

import numpy as np
import tensorflow as tf

from ..distributions.priors import Prior
from ..domains import Count
from ..quantized import Quantized


class Aggregate(Prior):
    """1/N sum_n q(z|x_n): chooses a training example and draws from its posterior (Makhzani et al. 2015, Eq. 1).

    Where codes are points or indices it gives those of the examples themselves.

    Args:
        examples: N at most; they are kept.
    """

    def __init__(self, *, model, examples: Count = 10_000):
        super().__init__(model.latent_dim, name="aggregate")
        self.examples, self.model = examples, [model]  # in a list, so that its weights are not ours
        self.discrete = isinstance(model, Quantized)
        outputs = model.index_shape if self.discrete else model.encoder.output_shape[1:]
        self.outputs = self.weight("outputs", (examples, *outputs), "zeros")
        own = {} if self.discrete else model.code_inputs
        self.share = own.get("uniform")
        self.inputs = {**own, "uniform": () if self.share is None else (1 + int(np.prod(self.share)),)}

    def fit_examples(self, x):
        """To training examples [N, *input_shape]."""
        (model,) = self.model
        if self.discrete:
            return self.outputs.assign(model.run("encode", x=x)["indices"])
        pieces = [model.encoder(x[i : i + 512], training=False) for i in range(0, len(x), 512)]
        return self.outputs.assign(tf.cast(tf.concat(pieces, 0), tf.float32))

    def transform(self, uniform, **noise):
        (model,) = self.model
        if self.share is not None:
            noise["uniform"] = tf.reshape(uniform[:, 1:], [-1, *self.share])
            uniform = uniform[:, 0]
        chosen = tf.minimum(tf.cast(uniform * self.examples, tf.int32), self.examples - 1)
        outputs = tf.gather(self.outputs, chosen)
        if self.discrete:
            return model.lookup(tf.cast(outputs, tf.int32))
        return model.posteriors.transform(model.posteriors.distribution(outputs), **noise)
