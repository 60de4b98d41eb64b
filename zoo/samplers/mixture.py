"""A Gaussian mixture of the codes (Ghosh et al. 2020, Sec. 4: ex-post density estimation)."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from ..distributions.priors import Prior
from ..domains import Count
from ..errors import InputError

tfd = tfp.distributions


class Mixture(Prior):
    """sum_k w_k N(z; m_k, S_k) with full covariances, as scikit-learn fits it.

    Args:
        components: K.
    """

    def __init__(self, *, model, components: Count = 10):
        super().__init__(model.latent_dim, name="mixture")
        self.components, size = components, self.latent_dim
        self.inputs = {"noise": (size,), "uniform": ()}
        self.log_weights = self.weight("log_weights", (components,), "zeros")
        self.means = self.weight("means", (components, size), "zeros")
        self.factors = self.weight("factors", (components, size, size), "zeros")  # lower Cholesky factors of S_k

    def fit(self, codes, seed=0):
        """To codes [N, D].

        Raises:
            InputError: there are fewer codes than components.
        """
        from sklearn.mixture import GaussianMixture

        if len(codes) < self.components:
            raise InputError(f"components: {self.components}, more than the {len(codes)} codes to fit", "components")
        found = GaussianMixture(self.components, random_state=seed).fit(np.asarray(codes, np.float64))
        self.log_weights.assign(np.log(found.weights_))
        self.means.assign(found.means_)
        self.factors.assign(np.linalg.cholesky(found.covariances_))

    def distribution(self):
        log_weights, means, factors = (tf.convert_to_tensor(v) for v in (self.log_weights, self.means, self.factors))
        normals = tfd.MultivariateNormalTriL(means, factors)
        return tfd.MixtureSameFamily(tfd.Categorical(logits=log_weights), normals)

    def transform(self, noise, uniform):
        chosen = choose(uniform, tf.exp(tf.convert_to_tensor(self.log_weights)))
        return tf.gather(self.means, chosen) + tf.reduce_sum(tf.gather(self.factors, chosen) * noise[:, None], -1)


def choose(uniform, probabilities):
    """The index in which a uniform number [B] falls, of probabilities [K] or [B, K]: int32 [B]."""
    below = uniform[:, None] > tf.cumsum(probabilities, -1)[..., :-1]
    return tf.reduce_sum(tf.cast(below, tf.int32), -1)
