"""What models that are told a label share."""

from functools import partial

import numpy as np
import tensorflow as tf

from .base import Autoencoder, Signature
from .distributions.categories import Labelled, LabelledPrior
from .domains import Count
from .errors import InputError


class Conditional(Autoencoder):
    """An autoencoder whose encoder and decoder see the label of each example: a code is z and the one-hot label.

    Data without labels can be encoded too: each example then has the label under which it is least strange. Training
    needs labels 0, 1, ..., classes - 1.

    Args:
        latent_dim: length of z.
        classes: how many labels there are.
    """

    exports = ("encode", "decode", "reconstruct", "sample", "score", "classify")
    conditional = True  # it learns from labels

    def __init__(self, *, latent_dim: Count = 16, classes: Count = 10, **kwargs):
        self.classes = classes
        super().__init__(
            latent_dim=latent_dim + classes,
            posterior=partial(Labelled, classes=classes),
            prior=partial(LabelledPrior, classes=classes),
            encoder=None,
            **kwargs,
        )

    def network(self, kind, input_shape, output_shape, **style):
        """The encoder sees the label: as more channels, or beside the values of a vector."""
        if kind == "encoder":
            flat = self.backbone.__name__.endswith("dense")
            *places, channels = (int(np.prod(input_shape)),) if flat else input_shape
            input_shape = (*places, channels + self.classes)
        return super().network(kind, input_shape, output_shape, **style)

    def posterior(self, x, training=False, label=None):
        """q(z|x,y) beside the label, one-hot [B, classes]; None: the likeliest one."""
        label = tf.one_hot(self.classify_tensors(x)["label"], self.classes) if label is None else label
        *places, channels = self.encoder.input_shape[1:]
        values = tf.reshape(x, [-1, *places, channels - self.classes])
        planes = tf.reshape(label, [-1, *[1] * len(places), self.classes])
        planes = tf.broadcast_to(planes, tf.concat([tf.shape(values)[:-1], [self.classes]], 0))
        outputs = tf.cast(self.encoder(tf.concat([values, planes], -1), training=training), tf.float32)
        return self.posteriors.distribution(tf.concat([outputs, label], -1))

    def one_hot(self, y):
        """Labels [B] as the networks take them, [B, classes]; raises InputError where there are none."""
        self.require_labels(y)
        return tf.one_hot(tf.cast(y, tf.int32), self.classes)

    def require_labels(self, y):
        if y is None:
            raise InputError(f"{self.name} needs a label for each example; these data have none")

    def check(self, x, y=None):
        """As for other models, and that every example has a label that the model takes."""
        self.require_labels(y)
        if np.min(y) < 0 or np.max(y) >= self.classes:
            raise InputError(
                f"classes: labels run from {np.min(y)} to {np.max(y)}; this model takes 0 to {self.classes - 1}",
                key="classes",
            )
        return super().check(x)

    # The verbs

    def signatures(self):
        x, label = {"x": self.example_shape}, {"label": (self.classes,)}
        given = {
            "encode": Signature(self.encode_tensors, x | label),
            "reconstruct": Signature(self.reconstruct_tensors, x | label),
            "score": Signature(self.judge_tensors, x | label),
            "sample": Signature(self.sample_tensors, {"noise": (self.latent_dim - self.classes,)} | label),
            "classify": Signature(self.classify_tensors, x),
        }
        return super().signatures() | given

    def encode_tensors(self, x, label):
        q = self.posterior(x, label=label)
        return {"z": self.posteriors.center(q), **self.posteriors.spread(q)}

    def reconstruct_tensors(self, x, label):
        return self.decode_tensors(self.encode_tensors(x, label)["z"])

    def score_tensors(self, x, label):
        """-log p(x|z,y) at the mean code plus the rate, without -log p(y)."""
        q = self.posterior(x, label=label)
        return {"score": self.prior.kl_of_numbers(q) - self.likelihood(self.posteriors.center(q)).log_prob(x)}

    def sample_tensors(self, noise, label):
        return {"x": self.decode_tensors(tf.concat([noise, label], -1))["x_hat"]}

    def classify_tensors(self, x):
        """The label under which x is least strange, int32 [B], and the score of x under each, [B, classes], in nats."""
        scores = []
        for each in range(self.classes):
            label = tf.one_hot(tf.fill([tf.shape(x)[0]], each), self.classes)
            scores.append(self.score_tensors(x, label)["score"])
        scores = tf.stack(scores, -1)
        return {"label": tf.argmin(scores, -1, output_type=tf.int32), "scores": scores}

    def run(self, verb, label=None, **inputs):
        """Runs a signature; `label` is a label, one for each example, [N], or one-hot, [N, classes]."""
        if verb in ("encode", "reconstruct", "score", "sample"):
            count = len(next(iter(inputs.values())))
            label = self.classify(inputs["x"]) if label is None else np.asarray(label)
            if label.ndim < 2:
                label = np.eye(self.classes, dtype="float32")[np.broadcast_to(label, count)]
            inputs["label"] = label
        return super().run(verb, **inputs)

    def classify(self, x):
        """The likeliest label of each example of data [N, *input_shape]: int32, [N]."""
        return super().run("classify", x=x)["label"]

    def encode(self, x, label=None):
        """Codes [N, D + classes] of data [N, *input_shape]; without labels, those of the likeliest."""
        return self.run("encode", label, x=x)["z"]

    def reconstruct(self, x, label=None):
        """decode(encode(x, label)), [N, *input_shape]."""
        return self.run("reconstruct", label, x=x)["x_hat"]

    def score(self, x, label=None):
        """How strange each example is as one of its label, [N], in nats."""
        return self.run("score", label, x=x)["score"]

    def sample(self, n=1, seed=0, label=None):
        """n new examples [n, *input_shape] of a label, or of labels [n]; drawn alike when None."""
        drawn = self.random_inputs("sample", n, seed)
        if label is not None:
            drawn["label"] = label
        return self.run("sample", **drawn)["x"]
