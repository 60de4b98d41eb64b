"""Codes that hold categories, beside numbers or alone: posteriors and priors over normals and one-hot vectors.

A code is D normal numbers, then one one-hot vector for each categorical variable.
"""

import tensorflow as tf
import tensorflow_probability as tfp

from ..numerics import softplus
from .posteriors import Posterior
from .priors import Prior

tfd = tfp.distributions
TINY = 1e-7


def one_hot(logits, uniform, temperature=None):
    """A sample of a categorical variable by the Gumbel-max trick, [..., K].

    Args:
        logits: [..., K].
        uniform: numbers in (0, 1], [..., K].
        temperature: of the relaxed sample, which has a gradient (Jang et al. 2017, Eq. 2); None: an exact one.
    """
    gumbel = -tf.math.log(TINY - tf.math.log(uniform + TINY))
    if temperature is not None:
        return tf.nn.softmax((logits + gumbel) / temperature)
    return tf.one_hot(tf.argmax(logits + gumbel, -1, output_type=tf.int32), logits.shape[-1])


class Categories(Posterior):
    """q(z, c|x) = N(z; m, diag(s^2)) prod_i Cat(c_i; softmax(l_i)).

    Args:
        latent_dim: length of a code: D numbers, and the one-hot vectors.
        classes: K_i, how many values each categorical variable has; what is left of the length are numbers.
    """

    space = "numbers and categories"

    def __init__(self, latent_dim, classes, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.classes, self.numbers = tuple(classes), latent_dim - sum(classes)
        self.size = 2 * self.numbers + sum(classes)
        uniform = {"uniform": (sum(classes),)} if classes else {}
        self.inputs = ({"noise": (self.numbers,)} if self.numbers else {}) | uniform

    def distribution(self, outputs, log_joint=None):
        parts, n = [], self.numbers
        if n:
            scale = softplus(outputs[..., n : 2 * n] + 0.5413) + 1e-4
            parts.append(tfd.Independent(tfd.Normal(outputs[..., :n], scale), 1))
        logits = tf.split(outputs[..., 2 * n :], self.classes, -1) if self.classes else []
        return tfd.Blockwise([*parts, *(tfd.OneHotCategorical(logits=each, dtype=tf.float32) for each in logits)])

    def transform(self, q, noise=None, uniform=None, temperature=None):
        parts = list(q.distributions)
        numbers = [parts[0].mean() + parts[0].stddev() * noise] if self.numbers else []
        drawn = [] if uniform is None else tf.split(uniform, self.classes, -1)
        logits = [part.logits for part in parts[len(numbers) :]]
        return tf.concat([*numbers, *(one_hot(a, u, temperature) for a, u in zip(logits, drawn, strict=True))], -1)

    def center(self, q):
        """The mean of the numbers and the probabilities of the categories."""
        return tf.concat([part.mean() for part in q.distributions], -1)

    def spread(self, q):
        return {"stddev": q.distributions[0].stddev()} if self.numbers else {}


class CategoriesPrior(Prior):
    """p(z, c) = N(z; 0, I) prod_i 1 / K_i.

    Args:
        classes: see `Categories`.
    """

    space = "numbers and categories"

    def __init__(self, latent_dim, classes, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.classes, self.numbers = tuple(classes), latent_dim - sum(classes)
        uniform = {"uniform": (sum(classes),)} if classes else {}
        self.inputs = ({"noise": (self.numbers,)} if self.numbers else {}) | uniform

    def distribution(self):
        zeros = tf.zeros([self.numbers])
        numbers = [tfd.Independent(tfd.Normal(zeros, tf.ones_like(zeros)), 1)] if self.numbers else []
        flat = [tfd.OneHotCategorical(logits=tf.zeros([k]), dtype=tf.float32) for k in self.classes]
        return tfd.Blockwise([*numbers, *flat])

    def transform(self, noise=None, uniform=None):
        parts = [] if uniform is None else tf.split(uniform, self.classes, -1)
        return tf.concat([*([noise] if self.numbers else []), *(one_hot(tf.zeros_like(u), u) for u in parts)], -1)

    def rates(self, q):
        """(KL of the numbers, KL of the categories) of every example in nats, [B] each, in closed form."""
        pairs = zip(q.distributions, self.distribution().distributions, strict=True)
        kl = [tfd.kl_divergence(a, b) for a, b in pairs]
        nothing = tf.zeros(q.batch_shape_tensor())
        return kl[0] if self.numbers else nothing, tf.add_n([nothing, *kl[1 if self.numbers else 0 :]])

    def kl(self, q, z):
        return tf.add_n(self.rates(q))


class Labelled(Posterior):
    """q(z|x,y) = N(z; m, diag(s^2)) beside a known label: codes are D numbers and the one-hot label.

    Args:
        classes: how many labels there are.
    """

    space = "numbers and a label"

    def __init__(self, latent_dim, classes, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.numbers = latent_dim - classes
        self.size, self.inputs = 2 * self.numbers, {"noise": (self.numbers,)}

    def distribution(self, outputs, log_joint=None):
        """outputs: of the encoder, and then the label, [B, 2 D + classes]."""
        n = self.numbers
        scale = softplus(outputs[..., n : 2 * n] + 0.5413) + 1e-4
        z = tfd.Independent(tfd.Normal(outputs[..., :n], scale), 1)
        return tfd.Blockwise([z, tfd.Independent(tfd.Deterministic(outputs[..., 2 * n :]), 1)])

    def transform(self, q, noise):
        z, label = q.distributions
        drawn = z.mean() + z.stddev() * noise
        label = tf.broadcast_to(label.mean(), tf.concat([tf.shape(drawn)[:-1], tf.shape(label.mean())[-1:]], 0))
        return tf.concat([drawn, label], -1)

    def center(self, q):
        return tf.concat([part.mean() for part in q.distributions], -1)

    def spread(self, q):
        return {"stddev": q.distributions[0].stddev()}


class LabelledPrior(CategoriesPrior):
    """p(z, y) = N(z; 0, I) / classes."""

    space = "numbers and a label"

    def __init__(self, latent_dim, classes, **kwargs):
        super().__init__(latent_dim, (classes,), **kwargs)
        self.inputs = {"noise": (self.numbers,), "label": (classes,)}

    def transform(self, noise, label):
        return tf.concat([noise, label], -1)

    def kl_of_numbers(self, q):
        """KL(q(z|x,y) || p(z)) of every example, [B], in nats."""
        return tfd.kl_divergence(q.distributions[0], self.distribution().distributions[0])

    def kl(self, q, z):
        """With the label, which costs log(classes) nats."""
        return self.kl_of_numbers(q) + tf.math.log(float(self.classes[0]))
