"""A prior over the indices of quantised codes, one after the other (van den Oord et al. 2017, Sec. 3.3)."""

import math

import tensorflow as tf
from keras import layers

from ..base import GenerativeModel
from ..domains import Count, Positive
from .mixture import choose


class Autoregressive(GenerativeModel):
    """p(i) = prod_t p(i_t | i_1 ... i_t-1) over places in reading order, by a gated recurrent unit.

    Loss: -log p(i), in nats. A sample takes one step of the unit for each place.

    Args:
        units: of the recurrent state, and of the vector that stands for an index.
        epochs: passes over the codes.
        learning_rate: of Adam.
    """

    parts = ("nll",)

    def __init__(self, *, model, units: Count = 128, epochs: Count = 60, learning_rate: Positive = 2e-3):
        self.vectors, self.places = model.size, model.index_shape
        length = math.prod(self.places)
        super().__init__(input_shape=self.places, latent_dim=units, backbone="dense", seed=model.seed)
        self.epochs, self.learning_rate = epochs, learning_rate
        vars(self)["lookup"] = model.lookup
        self.start = self.add_weight(name="start", shape=(units,), initializer="zeros")
        self.place = self.add_weight(name="place", shape=(length, units), initializer="zeros")
        self.embedding = layers.Embedding(self.vectors, units, name="embedding")
        self.unit = layers.GRUCell(units, name="unit")
        self.head = layers.Dense(self.vectors, name="head")
        self.embedding.build(None)
        self.unit.build((None, units))
        self.head.build((None, units))
        self.built = True

    @property
    def inputs(self):
        return {"uniform": self.places}

    def steps(self, count, next_index):
        """Runs along the places; `next_index(t, logits [B, K]) -> int32 [B]` says how each is filled."""
        state = tf.zeros([count, self.latent_dim])
        seen = tf.zeros_like(state) + self.start
        for t in range(math.prod(self.places)):
            output, state = self.unit(seen + self.place[t], [state])
            state = state[0] if isinstance(state, list | tuple) else state
            seen = self.embedding(next_index(t, self.head(output)))

    def log_prob(self, indices):
        """log p of indices [B, *places]: [B], in nats."""
        flat, found = tf.reshape(tf.cast(indices, tf.int32), [tf.shape(indices)[0], -1]), []

        def given(t, logits):
            found.append(-tf.nn.sparse_softmax_cross_entropy_with_logits(flat[:, t], logits))
            return flat[:, t]

        self.steps(tf.shape(flat)[0], given)
        return tf.add_n(found)

    def objective(self, x, y=None, training=False):
        nll = -self.log_prob(x)
        return nll, {"nll": nll}

    def draw(self, uniform):
        """Indices [B, *places] from uniform numbers of that shape."""
        flat, found = tf.reshape(uniform, [tf.shape(uniform)[0], math.prod(self.places)]), []

        def drawn(t, logits):
            found.append(choose(flat[:, t], tf.nn.softmax(logits)))
            return found[-1]

        self.steps(tf.shape(flat)[0], drawn)
        return tf.reshape(tf.stack(found, 1), [-1, *self.places])

    def transform(self, uniform):
        return self.lookup(self.draw(uniform))
