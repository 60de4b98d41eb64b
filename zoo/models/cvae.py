"""Conditional VAE."""

from ..catalog import register
from ..conditional import Conditional


@register(family="probabilistic", paper="https://papers.nips.cc/paper/5775-learning-structured-output-representation")
class CVAE(Conditional):
    """A VAE of data with labels: say the label, and it draws an example of it.

    Loss (Sohn et al. 2015, Eq. 4, the data in place of the output and with the same p(z) for every label y):
        L(x, y) = -E_q(z|x,y)[log p(x|z,y)] + KL(q(z|x,y) || p(z))

    A code is z and the one-hot label. Data without labels can be encoded too: each example then has the label under
    which it is least strange. Training needs labels 0, 1, ..., classes - 1.

    Args:
        latent_dim: length of z.
        classes: how many labels there are.
    """

    parts = ("distortion", "rate")

    def objective(self, x, y=None, training=False):
        q = self.posterior(x, training, self.one_hot(y))
        z = self.draw(q)
        distortion = -self.likelihood(z, training).log_prob(x)
        rate = self.prior.kl_of_numbers(q)
        return distortion + rate, {"distortion": distortion, "rate": rate}
