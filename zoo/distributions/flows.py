"""Normal distributions bent by flows: posteriors with correlations, and a prior of any shape."""

import tensorflow as tf
import tensorflow_probability as tfp

from ..networks.flows import AutoregressiveFlow, planar
from .drawn import Drawn
from .posteriors import Normal, Posterior
from .priors import Prior

tfd = tfp.distributions


class Bent(Drawn):
    """The image of independent normals under a map: log q(f(z)) = log q0(z) - log |det df/dz|.

    Args:
        base: q0, with event [D].
        forward: z [..., D] -> f(z), log |det| [...].
        inverse: the same of the inverse of f, where it has one.
    """

    def __init__(self, base, forward, inverse=None):
        super().__init__(base.mean())
        self.base, self.forward, self.inverse = base, forward, inverse

    def draw(self, noise):
        """A sample from standard normal noise."""
        start = self.base.mean() + self.base.stddev() * noise
        z, log_determinant = self.forward(start)
        return self.keep(z, self.base.log_prob(start) - log_determinant)

    def density(self, z):
        if self.inverse is None:
            return super().density(z)
        start, log_determinant = self.inverse(z)
        return self.base.log_prob(start) + log_determinant


class BentPosterior(Posterior):
    """A posterior that is made of a normal one by a flow; its center is the image of the mean."""

    def transform(self, q, noise):
        return q.draw(noise)

    def center(self, q):
        return q.draw(tf.zeros_like(q.base.mean()))

    def spread(self, q):
        return {}


class Planar(BentPosterior):
    """Planar flows, each with parameters that the encoder gives (Rezende & Mohamed 2015, Sec. 4).

    Args:
        flows: how many; none is the normal posterior.
    """

    def __init__(self, latent_dim, flows=10, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.flows, self.size = flows, 2 * latent_dim + flows * (2 * latent_dim + 1)

    def distribution(self, outputs, log_joint=None):
        base, rest = tf.split(outputs, [2 * self.latent_dim, -1], -1)
        parameters = tf.split(rest, self.flows, -1) if self.flows else []

        def forward(z):
            log_determinant = tf.zeros_like(z[..., 0])
            for each in parameters:
                u, w, b = tf.split(each, [self.latent_dim, self.latent_dim, 1], -1)
                z, more = planar(z, u, w, b[..., 0])
                log_determinant += more
            return z, log_determinant

        return Bent(Normal(self.latent_dim).distribution(base), forward)


class InverseAutoregressive(BentPosterior):
    """An inverse autoregressive flow, which sees a context that the encoder gives (Kingma et al. 2016, Eq. 10).

    Args:
        flows: how many steps; none is the normal posterior.
        widths: units of the hidden layers of each step.
    """

    def __init__(self, latent_dim, flows=2, widths=(320,), **kwargs):
        super().__init__(latent_dim, **kwargs)
        context = latent_dim if flows else 0
        self.size = 2 * latent_dim + context
        self.flow = AutoregressiveFlow(latent_dim, flows, widths, context, name="flow")

    def distribution(self, outputs, log_joint=None):
        base, context = tf.split(outputs, [2 * self.latent_dim, -1], -1)
        normal = Normal(self.latent_dim).distribution(base)
        return Bent(normal, lambda z: self.flow.forward(z, context), lambda z: self.flow.inverse(z, context))


class FlowPrior(Prior):
    """A learned prior: an autoregressive flow takes it to the standard normal (Chen et al. 2017, Sec. 3.2).

    Its density takes one pass of each network, a sample D passes.

    Args:
        flows: how many steps; none is the standard normal.
        widths: units of the hidden layers of each step.
    """

    def __init__(self, latent_dim, flows=2, widths=(320,), **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.flow = AutoregressiveFlow(latent_dim, flows, widths, name="flow")

    def distribution(self):
        zeros = tf.zeros([self.latent_dim])
        normal = tfd.Independent(tfd.Normal(zeros, tf.ones_like(zeros)), 1)
        return Bent(normal, self.flow.inverse, self.flow.forward)

    def transform(self, noise):
        return self.flow.inverse(noise)[0]
