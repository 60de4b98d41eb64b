"""A masked autoregressive flow of the codes (Papamakarios et al. 2017)."""

import tensorflow as tf

from ..base import GenerativeModel
from ..distributions import PRIORS
from ..domains import Count, Positive, Widths
from .codes import Scale


class Flow(GenerativeModel):
    """Takes standardised codes to standard normal noise, at the highest likelihood of the codes.

    Loss: -log p(z), in nats.

    Args:
        flows: how many steps.
        flow_widths: units of the hidden layers of each step.
        epochs: passes over the codes.
        learning_rate: of Adam.
    """

    parts = ("nll",)

    def __init__(
        self,
        *,
        model,
        flows: Count = 5,
        flow_widths: Widths = (128, 128),
        epochs: Count = 60,
        learning_rate: Positive = 1e-3,
    ):
        size = model.latent_dim
        super().__init__(input_shape=(size,), latent_dim=size, backbone="dense", seed=model.seed)
        self.epochs, self.learning_rate = epochs, learning_rate
        self.scale = Scale(size, name="scale")
        self.prior = PRIORS["flow"](size, flows=flows, widths=flow_widths, name="flow")
        self.built = True

    @property
    def inputs(self):
        return {"noise": (self.latent_dim,)}

    def log_prob(self, z):
        """log p(z) of codes [..., D]: [...], in nats."""
        return self.prior.distribution().log_prob(self.scale.apart(z)) + self.scale.log_determinant()

    def objective(self, x, y=None, training=False):
        nll = -self.log_prob(x)
        return nll, {"nll": nll}

    def transform(self, noise):
        return self.scale.back(self.prior.transform(noise))

    def call(self, z, training=False):
        return self.log_prob(tf.convert_to_tensor(z))
