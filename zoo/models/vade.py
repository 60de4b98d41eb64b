"""VaDE."""

from functools import partial

import numpy as np
import tensorflow as tf

from ..base import Autoencoder, Signature
from ..catalog import register
from ..distributions.priors import Mixture
from ..domains import Count
from ..errors import InputError
from ..terms.divergences import kl_to_components


@register(family="probabilistic", paper="https://arxiv.org/abs/1611.05148")
class VaDE(Autoencoder):
    """Clusters data by a VAE whose prior is a mixture: an example belongs to the normal that its code fell into.

    Loss (Jiang et al. 2017, Eq. 9), with gamma_c = p(c|z) at the sample z ~ q(z|x) (Eq. 16):
        L(x) = -E_q(z|x)[log p(x|z)] + sum_c gamma_c (log gamma_c / pi_c + KL(q(z|x) || N(m_c, diag(s_c^2))))

    As in the paper, let it begin near a solution: train a `vae`, give its weights on (`zoo finetune`, or `set_weights`
    of encoder and decoder), and call `start_clusters(x)` before training.

    Args:
        components: how many clusters.
    """

    parts = ("distortion", "rate")
    exports = ("encode", "decode", "reconstruct", "sample", "score", "cluster")

    def __init__(self, *, components: Count = 10, **kwargs):
        super().__init__(prior=partial(Mixture, components=components), **kwargs)

    def objective(self, x, y=None, training=False):
        q, z, p = self.infer(x, training)
        distortion = -p.log_prob(x)
        rate = kl_to_components(q, z, self.prior.distribution())
        return distortion + rate, {"distortion": distortion, "rate": rate}

    def signatures(self):
        return super().signatures() | {"cluster": Signature(self.cluster_tensors, {"x": self.example_shape})}

    def cluster_tensors(self, x):
        """The cluster of each example, int32 [B], and p(c|z) of all of them at the mean code, [B, K]."""
        share = self.prior.distribution().posterior_marginal(self.posterior(x).mean()).probs_parameter()
        return {"cluster": tf.argmax(share, -1, output_type=tf.int32), "probability": share}

    def cluster(self, x):
        """The cluster of each example of data [N, *input_shape]: int32, [N]."""
        return self.run("cluster", x=x)["cluster"]

    def start_clusters(self, x, seed=0):
        """Sets the prior to a mixture fitted to the codes of data [N, *input_shape]."""
        from sklearn.mixture import GaussianMixture

        codes, components = self.encode(x), self.prior.logits.shape[0]
        if len(codes) < components:
            raise InputError(f"{len(codes)} examples cannot start {components} clusters", key="components")
        found = GaussianMixture(components, covariance_type="diag", random_state=seed).fit(codes)
        self.prior.logits.assign(np.log(found.weights_))
        self.prior.means.assign(found.means_)
        self.prior.scales.assign(np.log(np.expm1(np.maximum(np.sqrt(found.covariances_) - 1e-4, 1e-3))))
