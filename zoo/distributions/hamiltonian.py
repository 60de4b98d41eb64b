"""Posteriors whose samples move by Hamiltonian dynamics towards codes that the model finds probable.

A code and a momentum move together; the volume that they fill stays the same, so that their joint density is known.
The density that is remembered of a code is that of the pair divided by the one that the momentum should have: it stands
where log q(z|x) does in any bound, and the weights p(x, z) / q(z|x) keep the mean p(x).
"""

from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

from ..errors import InputError
from ..terms.gradients import slope
from .drawn import Drawn
from .posteriors import Normal, Posterior

LOG_2PI = np.float32(np.log(2.0 * np.pi))


def log_standard_normal(v):
    """log N(v; 0, I), [..., D] -> [...]."""
    return -0.5 * tf.reduce_sum(v**2 + LOG_2PI, -1)


def leapfrog(z, momentum, log_density, step):
    """One step of the leapfrog integrator: (z, momentum), each [..., D].

    Args:
        log_density: z -> [...]; minus the potential energy.
        step: [D] or a number.
    """
    momentum += 0.5 * step * slope(log_density, z)
    z += step * momentum
    return z, momentum + 0.5 * step * slope(log_density, z)


def coldness(start, share):
    """sqrt(beta) at a share of the way, from sqrt(beta_0) to 1 (Caterini et al. 2018: quadratic tempering)."""
    return 1.0 / ((1.0 - 1.0 / start) * share**2 + 1.0 / start)


class Hamiltonian(Drawn):
    """Samples of a normal distribution, moved by tempered leapfrog steps (Caterini et al. 2018, Algorithm 1).

    Args:
        base: the normal distribution of the start, event [D].
        log_joint: z -> log p(x, z), [..., B, D] -> [..., B].
        steps: K.
        step: size of a step, [D] or a number.
        start: sqrt(beta_0): the momentum starts as a standard normal divided by it, and is cooled down to its size.
    """

    def __init__(self, base, log_joint, steps, step, start):
        super().__init__(base.mean())
        self.base, self.log_joint, self.steps = base, log_joint, steps
        vars(self)["step"], vars(self)["start"] = step, start

    def draw(self, noise):
        """A sample from standard normal noise [..., 2 D]: of the start, and of the momentum."""
        first, second = tf.split(noise, 2, -1)
        z = self.base.mean() + self.base.stddev() * first
        momentum, log_momentum = self.momentum(z, second)
        log_q = self.base.log_prob(z) + log_momentum
        z, momentum = self.move(z, momentum)
        return self.keep(z, log_q - self.log_momentum(z, momentum))

    def move(self, z, momentum):
        """The end of the way: no step changes the volume of (z, momentum), and the cooling undoes the heating."""
        cold = [coldness(self.start, k / self.steps) for k in range(self.steps + 1)] if self.steps else [1.0]
        momentum /= cold[0]
        for before, after in pairwise(cold):
            z, momentum = self.one_step(z, momentum)
            momentum *= before / after
        return z, momentum

    def momentum(self, z, noise):
        """A momentum at z from standard normal noise, and its log-density."""
        return noise, log_standard_normal(noise)

    def log_momentum(self, z, momentum):
        return log_standard_normal(momentum)

    def one_step(self, z, momentum):
        return leapfrog(z, momentum, self.log_joint, self.step)


class HamiltonianPosterior(Posterior):
    """A normal posterior, and K leapfrog steps on the model's own log p(x, z).

    Its center is the mean of the normal posterior, without steps, which need gradients.

    Args:
        steps: K; none is the normal posterior.
        step_size: at first; learned, below twice this, for each dimension by itself where `one_size` is false.
        temperature: beta_0 at first, in (0, 1); learned.
    """

    one_size = False

    def __init__(self, latent_dim, steps=3, step_size=0.05, temperature=0.3, **kwargs):
        if not 0.0 < temperature < 1.0:
            raise InputError(f"temperature: must lie between 0 and 1; got {temperature}", key="temperature")
        super().__init__(latent_dim, **kwargs)
        self.inputs = {"noise": (2 * latent_dim,)}
        self.steps, self.step_size = steps, step_size
        if steps:
            shape = () if self.one_size else (latent_dim,)
            raw = keras.initializers.Constant(np.log(temperature / (1.0 - temperature)))
            self.raw_step = self.add_weight(name="step", shape=shape, initializer="zeros", autocast=False)
            self.raw_temperature = self.add_weight(name="temperature", shape=(), initializer=raw, autocast=False)

    def distribution(self, outputs, log_joint=None):
        return Hamiltonian(Normal(self.latent_dim).distribution(outputs), log_joint, self.steps, *self.pace())

    def pace(self):
        """(size of a step, sqrt(beta_0))."""
        if not self.steps:
            return 0.0, 1.0
        step = 2.0 * self.step_size * tf.sigmoid(tf.convert_to_tensor(self.raw_step))
        return step, tf.sqrt(tf.sigmoid(tf.convert_to_tensor(self.raw_temperature)))

    def transform(self, q, noise):
        return q.draw(noise)

    def center(self, q):
        mean = q.base.mean()
        return q.keep(mean, q.base.log_prob(mean))

    def spread(self, q):
        return {}
