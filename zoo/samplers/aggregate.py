"""The aggregate posterior: the mixture of the posteriors of training examples."""

import numpy as np
import tensorflow as tf

from ..base import Autoencoder
from ..distributions.hamiltonian import HamiltonianPosterior
from ..distributions.priors import Prior
from ..domains import Count
from ..quantized import Quantized
from .codes import PIECE, codes_of


class Aggregate(Prior):
    """1/N sum_n q(z|x_n): chooses a training example and draws from its posterior (Makhzani et al. 2015, Eq. 1).

    Where codes are points or indices it gives those of the examples themselves. Where a posterior is more than what the
    encoder says of x, as one that moves along gradients of the likelihood is, it gives a code that was drawn for each
    example.

    Args:
        examples: N at most; they are kept.
    """

    def __init__(self, *, model, examples: Count = 10_000):
        super().__init__(model.latent_dim, name="aggregate")
        self.examples, self.model = examples, [model]  # in a list, so that its weights are not ours
        self.discrete = isinstance(model, Quantized)
        self.draws = not self.discrete and _is_told_by_the_encoder(model)
        kept = (
            model.encoder.output_shape[1:] if self.draws else model.index_shape if self.discrete else model.code_shape
        )
        self.kept = self.weight("kept", (examples, *kept), "zeros")
        own = model.code_inputs if self.draws else {}
        self.share = own.get("uniform")
        self.inputs = {**own, "uniform": () if self.share is None else (1 + int(np.prod(self.share)),)}

    def fit_examples(self, x, seed=0):
        """To training examples [N, *input_shape]."""
        (model,) = self.model
        if not self.draws:
            return self.kept.assign(codes_of(model, x, seed))
        pieces = [model.encoder(x[i : i + PIECE], training=False) for i in range(0, len(x), PIECE)]
        return self.kept.assign(tf.cast(tf.concat(pieces, 0), tf.float32))

    def transform(self, uniform, **noise):
        (model,) = self.model
        if self.share is not None:
            noise["uniform"] = tf.reshape(uniform[:, 1:], [-1, *self.share])
            uniform = uniform[:, 0]
        chosen = tf.minimum(tf.cast(uniform * self.examples, tf.int32), self.examples - 1)
        found = tf.gather(self.kept, chosen)
        if self.discrete:
            return model.lookup(tf.cast(found, tf.int32))
        return model.posteriors.transform(model.posteriors.distribution(found), **noise) if self.draws else found


def _is_told_by_the_encoder(model):
    """Whether q(z|x) is known from what the encoder gives for x."""
    return type(model).posterior is Autoencoder.posterior and not isinstance(model.posteriors, HamiltonianPosterior)
