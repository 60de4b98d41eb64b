"""The training loop, written once, and what every model of the zoo shares."""

import math
import numbers
import warnings
from collections.abc import Callable
from functools import cached_property, partial
from typing import Literal, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from . import numerics
from .distributions import LIKELIHOODS, POSTERIORS, PRIORS, require_unit_range
from .domains import Columns, Count, Name, Network, Seed, Shape, Widths
from .errors import InputError, nearest
from .networks import BACKBONES

CHUNK, CHUNK_BYTES = 1024, 32 << 20  # examples that a public verb gives to the graph at once, and what they may take


def chunk(shape, most=CHUNK, room=None):
    """How many examples of a shape are looked at at once: `most`, or fewer where they would take more than the room."""
    return max(1, min(most, (room or CHUNK_BYTES) // (4 * math.prod(shape))))


class Player(NamedTuple):
    """One side of the game: what it minimises, over which weights, with which optimizer, how often a step."""

    objective: Callable
    weights: list
    optimizer: keras.optimizers.Optimizer
    steps: int = 1


class Signature(NamedTuple):
    """A verb as a pure function of tensors: what Python, SavedModel and TFLite all run.

    Attributes:
        function: tensors by name, each with a leading batch axis -> {output name: tensor}.
        inputs: {input name: shape of one example}.
    """

    function: Callable
    inputs: dict


class GenerativeModel(keras.Model):
    """A model that says what it minimises; the loop here minimises it.

    Subclasses define `objective(x, y, training) -> (loss, parts)`: the loss of every example, [B], in nats, summed over
    values and codes, and the unweighted terms it is made of, for the log. `parts` lists their names.

    Args:
        input_shape: shape of one example: (H, W, C), (T, C) or (F,).
        latent_dim: D, the length of a code.
        backbone: "dense", "conv", or "lstm" for sequences.
        widths: units (dense) or filters (conv, each level halves the size) from data to code; None: the backbone's own.
        activation: name of a Keras activation for the hidden layers.
        normalization: what follows each hidden linear layer.
        seed: of the noise, with the step and the example; first weights follow `keras.utils.set_random_seed`.
        dtype: "float32" or "mixed_bfloat16".
    """

    parts: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()  # the verbs of `signatures`, for the catalogue

    def __new__(cls, **words):
        model = super().__new__(cls, **words)
        vars(model)["words"] = words  # what get_config returns: no subclass writes one
        return model

    def __init__(
        self,
        *,
        input_shape: Shape,
        latent_dim: Count = 16,
        backbone: Literal["dense", "conv", "lstm"] = "conv",
        widths: Widths | None = None,
        activation: Name = "relu",
        normalization: Literal["none", "batch", "layer", "group"] = "none",
        seed: Seed = 0,
        dtype: Literal["float32", "mixed_bfloat16"] = "float32",
    ):
        super().__init__(dtype=dtype)
        self.example_shape, self.latent_dim = tuple(input_shape), latent_dim
        self.backbone = BACKBONES[backbone]
        self.widths = tuple(widths or self.backbone.WIDTHS)
        self.style = {
            "widths": self.widths,
            "activation": activation,
            "normalization": normalization,
            "dtype": self.dtype_policy.name,
        }
        self.seed, self.turn = seed, 0
        self.threshold = None
        self.step = self.counter("step")
        self.skipped, self.skipped_in_a_row = self.counter("skipped"), self.counter("skipped_in_a_row")
        self.means = {part: keras.metrics.Mean(name=part) for part in ("loss", *self.parts)}

    def counter(self, name):
        return self.add_weight(name=name, shape=(), dtype="int32", initializer="zeros", trainable=False)

    @property
    def threshold(self):
        """The score beyond which an example is an anomaly, a float32 number, or None where nobody has set one.

        A pretrained model has that of its run folder; `fit` forgets it. With it, the signature `score` also gives
        `is_anomaly`, int32 [B], 1 where the score is above it: the same comparison of float32 numbers in Python and in
        exported files. (Not bool, which browsers cannot read.)
        """
        return self._threshold

    @threshold.setter
    def threshold(self, value):
        if value is not None and not (isinstance(value, numbers.Real) and np.isfinite(np.float32(value))):
            raise InputError(f"threshold: needs a finite number, not {value!r}", "threshold")
        self._threshold = None if value is None else float(np.float32(value))
        vars(self).pop("endpoints", None)  # made with the threshold before

    def get_config(self):
        return self.words | ({} if self.threshold is None else {"threshold": self.threshold})

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model of its words, with networks of the user's own built again."""
        build = partial(keras.saving.deserialize_keras_object, custom_objects=custom_objects)
        described = {k: v for k, v in config.items() if isinstance(v, dict) and "class_name" in v}
        words = {**config, **{word: build(network) for word, network in described.items()}}
        threshold = words.pop("threshold", None)
        model = cls(**words)
        model.threshold = threshold
        return model

    # What a model defines

    def objective(self, x, y=None, training=False):
        """Loss of every example, [B], in nats, and its unweighted terms by name."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it minimises")

    def players(self):
        """The sides of the game; the first one's loss is the model's."""
        return [Player(self.objective, self.trainable_weights, self.optimizer)]

    def signatures(self):
        """{verb: Signature}: all that can be exported."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it can do")

    # Parts for them

    def network(self, kind, input_shape, output_shape, **style):
        """An encoder or decoder of the model's backbone, with its weights made."""
        return getattr(self.backbone, kind)(input_shape, output_shape, **{**self.style, "name": kind, **style})

    def key(self, stream):
        """The key of a stream of random numbers at this step."""
        return numerics.key(stream, self.seed, self.step, self.turn)

    def noise(self, stream, shape):
        """Standard normal numbers [B, ...], a function of (seed, step, example) and the name of their use."""
        return numerics.normal(shape, self.key(stream))

    def random(self, inputs, shape, stream):
        """The random numbers that inputs {name: shape} take, [*shape, ...] each; see `noise`."""
        streams = {name: stream if name == "noise" else f"{stream} {name}" for name in inputs}
        return {name: numerics.DRAW[name]([*shape, *inputs[name]], self.key(streams[name])) for name in inputs}

    # The loop

    def compile(self, optimizer="adam", **kwargs):
        super().compile(optimizer=optimizer, **kwargs)
        self.build_optimizers()

    def get_compile_config(self):
        if not self.compiled:
            return None
        return {"optimizer": keras.saving.serialize_keras_object(self.optimizer), "jit_compile": self.jit_compile}

    def compile_from_config(self, config):
        """Keras leaves a model with a `compile` of its own uncompiled."""
        self.compile(**{name: keras.saving.deserialize_keras_object(value) for name, value in config.items()})

    def build_optimizers(self):
        for player in self.players():
            player.optimizer.build(player.weights)

    def train_step(self, data):
        """One step of every player; one whose gradient is not finite changes nothing but a counter."""
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        x, seen, finite = tf.cast(x, tf.float32), {}, tf.constant(True)
        for player in self.players():
            for turn in range(player.steps):
                self.turn = turn
                loss, parts, ok = self.minimise(player, x, y)
                finite = finite & ok
            seen = {"loss": loss} | parts | seen  # the first player's loss is the model's
        self.turn = 0
        self.step.assign_add(1)
        self.skipped.assign_add(tf.cast(~finite, tf.int32))
        self.skipped_in_a_row.assign(tf.where(finite, 0, self.skipped_in_a_row + 1))
        return self.update_means(seen, finite) | {"skipped": self.skipped}

    def fit(self, x=None, *args, **kwargs):
        """As in Keras. An array is looked at first: see `check`; what there is to know of it is said as a warning."""
        y = args[0] if args else kwargs.get("y")
        if isinstance(x, np.ndarray) and (remark := self.check(x, y)):
            warnings.warn(remark, stacklevel=2)
        self.threshold = None  # of scores that it will no longer give
        return super().fit(x, *args, **kwargs)

    def check(self, x, y=None):
        """What to know of a model that is trained on these data [N, *input_shape] with labels [N], or None.

        Raises:
            InputError: the model cannot learn them.
        """
        _checked("x", x, self.example_shape)

    def minimise(self, player, x, y):
        """One step of one player: (loss, parts, whether all gradients are finite)."""
        state = [v for v in self.non_trainable_weights if v.dtype == "float32"]
        before = [tf.convert_to_tensor(v) for v in state]
        with tf.GradientTape() as tape:
            loss, parts = player.objective(x, y, training=True)
            mean = tf.reduce_mean(loss)
        gradients = [_dense(gradient) for gradient in tape.gradient(mean, player.weights)]
        finite = numerics.finite(g for g in gradients if g is not None)

        def apply():
            player.optimizer.apply(gradients, player.weights)
            return tf.constant(True)

        tf.cond(finite, apply, lambda: tf.constant(False))
        for variable, value in zip(state, before, strict=True):
            variable.assign(tf.where(finite, variable, value))
        return loss, parts, finite

    def test_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        loss, parts = self.objective(tf.cast(x, tf.float32), y)
        return self.update_means({"loss": loss} | parts, tf.constant(True))

    def update_means(self, seen, finite):
        weight = tf.cast(finite, tf.float32)
        for name, value in seen.items():
            value = tf.where(finite, tf.reduce_mean(tf.cast(value, tf.float32)), 0.0)
            self.means[name].update_state(value, sample_weight=weight)
        return {name: self.means[name].result() for name in seen}

    # The verbs

    @cached_property
    def endpoints(self):
        """{verb: its compiled function}: `predict` on one image is some hundred times slower."""
        return {name: _compiled(signature) for name, signature in self.signatures().items()}

    def run(self, verb, **inputs):
        """Runs a signature on arrays [N, ...] of any N, in pieces: {output: array}.

        Raises:
            InputError: the model has no such verb, or an input has another shape.
        """
        if verb not in self.endpoints:
            raise InputError(f"{type(self).__name__} cannot {verb}; it has {', '.join(self.endpoints)}")
        shapes = self.signatures()[verb].inputs
        arrays = {name: _checked(name, value, shapes[name]) for name, value in inputs.items()}
        count = len(next(iter(arrays.values())))
        if not count:  # TensorFlow's fused convolutions fail on an empty batch
            one = {name: np.zeros((1, *shapes[name])) for name in arrays}
            return {name: value[:0] for name, value in self.run(verb, **one).items()}
        size = chunk(self.example_shape)
        pieces = [
            self.endpoints[verb]({name: array[start : start + size] for name, array in arrays.items()})
            for start in range(0, count, size)
        ]
        return {name: np.concatenate([piece[name].numpy() for piece in pieces]) for name in pieces[0]}

    def random_inputs(self, verb, n, seed=0):
        """The random numbers that a verb takes for n examples, as a function of the seed."""
        inputs = self.signatures()[verb].inputs
        return {
            name: numerics.DRAW[name]((n, *shape), numerics.key(name, seed)).numpy()
            for name, shape in inputs.items()
            if name in numerics.DRAW
        }

    def sample(self, n=1, seed=0):
        """n new examples, [n, *input_shape], the same for the same seed."""
        return self.run("sample", **self.random_inputs("sample", n, seed))["x"]


class Adversarial:
    """Mixin: a critic plays against the model. Needs `self.critic` and `critic_objective`."""

    critic_steps = 1

    def compile(self, optimizer="adam", critic_optimizer=None, **kwargs):
        """`critic_optimizer` is a copy of `optimizer` when it is not given."""
        if critic_optimizer is None:
            critic_optimizer = keras.optimizers.get(optimizer).get_config()
            critic_optimizer = type(keras.optimizers.get(optimizer)).from_config(critic_optimizer)
        self.critic_optimizer = keras.optimizers.get(critic_optimizer)
        super().compile(optimizer, **kwargs)

    def get_compile_config(self):
        config = super().get_compile_config()
        return config and config | {"critic_optimizer": keras.saving.serialize_keras_object(self.critic_optimizer)}

    def players(self):
        theirs = {id(w) for w in self.critic.trainable_weights}
        ours = [w for w in self.trainable_weights if id(w) not in theirs]
        return [
            Player(self.objective, ours, self.optimizer),
            Player(self.critic_objective, self.critic.trainable_weights, self.critic_optimizer, self.critic_steps),
        ]


CRITIC_STYLE = {"activation": "leaky_relu", "normalization": "none"}  # of a critic that judges each example by itself


class Generator(Adversarial, GenerativeModel):
    """Code to data, against a critic of data; there is no encoder.

    Args:
        output: "sigmoid" for data in [0, 1], "linear" for any other.
        normalization: what follows each hidden linear layer of the generator; the critic has none.
    """

    exports = ("sample",)

    def __init__(
        self,
        *,
        output: Literal["sigmoid", "linear"] = "sigmoid",
        normalization: Literal["none", "batch", "layer", "group"] = "batch",
        **kwargs,
    ):
        super().__init__(normalization=normalization, **kwargs)
        self.squash = {"sigmoid": tf.sigmoid, "linear": tf.identity}[output]
        self.generator = self.network("decoder", (self.size_of_code(),), self.example_shape, name="generator")
        self.critic = self.network(
            "encoder", self.example_shape, (self.size_of_verdict(),), name="critic", **CRITIC_STYLE
        )
        self.built = True

    def size_of_code(self):
        """How many numbers the generator takes."""
        return self.latent_dim

    def size_of_verdict(self):
        """How many numbers the critic gives: the first one says real or fake."""
        return 1

    def build(self, input_shape=None):
        """Everything is built by the constructor."""

    def call(self, z, training=False):
        return self.squash(self.generator(z, training=training))

    def check(self, x, y=None):
        super().check(x)
        if self.squash is tf.sigmoid:
            require_unit_range(x, 'a generator with output "sigmoid"', "output")

    def fakes(self, x, stream, training):
        """As many samples as x has examples."""
        return self(self.noise(stream, [tf.shape(x)[0], self.latent_dim]), training=training)

    def signatures(self):
        return {"sample": Signature(lambda noise: {"x": self(noise)}, {"noise": (self.latent_dim,)})}


class Autoencoder(GenerativeModel):
    """Encoder, prior and decoder: q(z|x), p(z), p(x|z).

    Args:
        posterior: "normal", "deterministic", "planar", "iaf"; "von_mises_fisher" on a sphere, "wrapped_normal"
            in the Poincare ball.
        prior: "normal", "mixture", "flow"; "uniform_sphere" on a sphere, "wrapped_normal" in the Poincare ball.
        likelihood: "gaussian" is the mean-squared-error loss, "bernoulli" the cross-entropy loss; or "laplace",
            "sigma", "log_cosh", "continuous_bernoulli", "categorical", "columns".
        columns: for the likelihood "columns", how many values each takes: 1 a number, more a one-hot category.
        encoder: a network of your own, x [B, *input_shape] -> the posterior's parameters.
        decoder: a network of your own, z [B, D] -> the likelihood's parameters [B, *input_shape].
    """

    exports = ("encode", "decode", "reconstruct", "sample", "score")
    backbones = ("dense", "conv", "lstm")  # for the catalogue

    def __init__(
        self,
        *,
        posterior: Name = "normal",
        prior: Name = "normal",
        likelihood: Name = "bernoulli",
        columns: Columns | None = None,
        encoder: Network = None,
        decoder: Network = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.posteriors = choose("posterior", posterior, POSTERIORS)(self.latent_dim, name="posterior")
        if not self.posteriors.stochastic and getattr(self, "family", None) == "probabilistic":
            raise InputError(
                f"posterior: {self.variant} needs a distribution over codes; {posterior!r} gives points",
                key="posterior",
            )
        self.code_shape = self.shape_of_code()
        sizes = (*self.code_shape[:-1], self.posteriors.size)
        self.encoder = _own("encoder", encoder, self.example_shape, sizes) or self.network(
            "encoder", self.example_shape, sizes
        )
        self.decoder = _own("decoder", decoder, self.code_shape, self.example_shape) or self.own_decoder()
        words = {} if columns is None else {"columns": _checked_columns(columns, likelihood, self.example_shape)}
        self.observation = choose("likelihood", likelihood, LIKELIHOODS)(
            len(self.example_shape), name="likelihood", **words
        )
        self.prior = choose("prior", prior, PRIORS)(self.latent_dim, name="prior")
        if self.prior.space != self.posteriors.space:
            raise InputError(
                f"prior: {prior!r} is a distribution over {self.prior.space}; the posterior {posterior!r} is one over "
                f"{self.posteriors.space}",
                key="prior",
            )
        self.built = True

    def own_decoder(self):
        """The backbone's decoder, behind what the codes' space needs in place of a first linear layer."""
        entrance = self.posteriors.entrance(self.widths[-1])
        if entrance is None:
            return self.network("decoder", self.code_shape, self.example_shape)
        rest = self.network("decoder", (self.widths[-1],), self.example_shape, name="rest")
        activation = keras.layers.Activation(self.style["activation"])
        return keras.Sequential([keras.Input(self.code_shape), entrance, activation, rest], name="decoder")

    def shape_of_code(self):
        return (self.latent_dim,)

    def build(self, input_shape=None):
        """Everything is built by the constructor."""

    # Distributions

    def posterior(self, x, training=False):
        """q(z|x) for data [B, *input_shape]."""
        outputs = tf.cast(self.encoder(x, training=training), tf.float32)
        return self.posteriors.distribution(outputs, lambda z: self.log_joint(x, z, training))

    def likelihood(self, z, training=False):
        """p(x|z) for codes [..., *code_shape]; the leading axes become the batch."""
        leading = tf.shape(z)[: len(z.shape) - len(self.code_shape)]
        outputs = self.decoder(tf.reshape(z, [-1, *self.code_shape]), training=training)
        return self.observation.distribution(tf.reshape(outputs, tf.concat([leading, self.example_shape], 0)))

    def log_joint(self, x, z, training=False):
        """log p(x, z) of data [B, *input_shape] and codes [..., B, D]: [..., B], in nats."""
        return self.likelihood(z, training).log_prob(x) + self.prior.distribution().log_prob(z)

    @property
    def code_inputs(self):
        """{name: shape for one example} of the random numbers that a sample of q takes."""
        return {name: (*self.code_shape[:-1], *shape) for name, shape in self.posteriors.inputs.items()}

    def draw(self, q, stream="code", **words):
        """A sample of q, [B, *code_shape], differentiable in q; `words` are for the posterior's `transform`."""
        drawn = self.random(self.code_inputs, [q.batch_shape_tensor()[0]], stream)
        return self.posteriors.transform(q, **drawn, **words)

    def draws(self, q, samples, stream="code"):
        """K samples of q, [K, B, D]."""
        drawn = self.random(self.code_inputs, [q.batch_shape_tensor()[0], samples], stream)
        return self.posteriors.transform(q, **{name: tf.einsum("bk...->kb...", d) for name, d in drawn.items()})

    def infer(self, x, training=False):
        """q(z|x), a sample z of it, and p(x|z)."""
        q = self.posterior(x, training)
        z = self.draw(q)
        return q, z, self.likelihood(z, training)

    def check(self, x, y=None):
        super().check(x)
        return self.observation.check(x)

    # The verbs as pure functions of tensors

    def signatures(self):
        x = {"x": self.example_shape}
        return {
            "encode": Signature(self.encode_tensors, x),
            "decode": Signature(self.decode_tensors, {"z": self.code_shape}),
            "reconstruct": Signature(self.reconstruct_tensors, x),
            "sample": Signature(self.sample_tensors, self.sampler.inputs),
            "score": Signature(self.judge_tensors, x),
        }

    def encode_tensors(self, x):
        q = self.posterior(x)
        return {"z": self.posteriors.center(q), **self.posteriors.spread(q)}

    def decode_tensors(self, z):
        return {"x_hat": self.likelihood(z).mean()}

    def reconstruct_tensors(self, x):
        return self.decode_tensors(self.encode_tensors(x)["z"])

    def sample_tensors(self, **noise):
        return {"x": self.decode_tensors(self.sampler.transform(**noise))["x_hat"]}

    @property
    def sampler(self):
        """What the codes of samples come from: the prior, or what was fitted to codes after it; see `use`."""
        return vars(self).get("fitted", self.prior)

    def use(self, sampler=None):
        """Lets samples begin with a fitted sampler; None: with the prior again. It is no weight of the model."""
        vars(self).pop("fitted", None)
        vars(self).pop("endpoints", None)
        if sampler is not None:
            vars(self)["fitted"] = sampler

    def score_tensors(self, x):
        """How strange x is: -log p(x|z) at the mean code, plus the rate where codes are random; in nats."""
        q = self.posterior(x)
        z = self.posteriors.center(q)
        distortion = -self.likelihood(z).log_prob(x)
        return {"score": distortion + self.prior.kl(q, z) if self.stochastic else distortion}

    def judge_tensors(self, **inputs):
        """The score, and by the threshold, where there is one, whether it is that of an anomaly."""
        found = self.score_tensors(**inputs)
        if self.threshold is None:
            return found
        return found | {"is_anomaly": tf.cast(found["score"] > self.threshold, tf.int32)}

    @property
    def stochastic(self):
        """Whether a code is a distribution rather than a point."""
        return self.posteriors.stochastic

    def call(self, x, training=False):
        return self.likelihood(self.posteriors.center(self.posterior(x, training)), training).mean()

    # The verbs on arrays

    def encode(self, x):
        """Codes of data [N, *input_shape]: the centers of the posteriors, [N, *code_shape]."""
        return self.run("encode", x=x)["z"]

    def decode(self, z):
        """Means of p(x|z) for codes [N, *code_shape]: [N, *input_shape]."""
        return self.run("decode", z=z)["x_hat"]

    def reconstruct(self, x):
        """decode(encode(x)), [N, *input_shape]."""
        return self.run("reconstruct", x=x)["x_hat"]

    def score(self, x):
        """How strange each example is, [N], in nats: the negative evidence lower bound at the mean code."""
        return self.run("score", x=x)["score"]

    def interpolate(self, a, b, steps=8):
        """Decoded codes on the way from a to b: on the straight line, where codes lie in all of space.

        Args:
            a, b: one example each, [*input_shape], or as many pairs as there are, [N, *input_shape].
            steps: points on the line, both ends included.

        Returns:
            [steps, *input_shape], or [N, steps, *input_shape].
        """
        a, b = np.asarray(a), np.asarray(b)
        if a.ndim == len(self.example_shape):
            return self.interpolate(a[None], b[None], steps)[0]
        start, stop = self.encode(a), self.encode(b)
        line = np.stack([self.prior.between(start, stop, t) for t in np.linspace(0, 1, steps, dtype="float32")], 1)
        return self.decode(line.reshape(-1, *self.code_shape)).reshape(len(a), steps, *self.example_shape)


def choose(word, value, table):
    """An entry of a table of parts, or an error with the nearest names; a variant gives a part of its own as it is."""
    if callable(value):
        return value
    if value not in table:
        raise InputError(f"{word}: unknown {value!r}{nearest(value, table)} it takes: {', '.join(table)}", key=word)
    return table[value]


def _dense(gradient):
    """A gradient as a tensor; Keras's optimizers take the rows of a lookup that repeat for as many gradients."""
    return None if gradient is None else tf.convert_to_tensor(gradient)


def _compiled(signature):
    specs = {name: tf.TensorSpec([None, *shape], tf.float32) for name, shape in signature.inputs.items()}
    function = partial(_called, signature.function)  # a lambda would count as one function that is traced for each verb
    return tf.function(function, input_signature=[specs], autograph=False)


def _called(function, inputs):
    return function(**inputs)


def _checked(name, value, shape):
    array = np.asarray(value)
    if array.shape[1:] != tuple(shape):
        raise InputError(
            f"{name} has shape {array.shape}; this model takes [N, {', '.join(map(str, shape))}]", key=name
        )
    return array.astype("float32", copy=False)


def _checked_columns(columns, likelihood, shape):
    """The widths of columns, when they are those of a table of that shape."""
    if likelihood != "columns":
        raise InputError(f"columns: are for the likelihood 'columns', not {likelihood!r}", key="columns")
    if sum(columns) != shape[-1]:
        raise InputError(f"columns: take {sum(columns)} values in all; the data have {shape[-1]}", key="columns")
    return tuple(columns)


def _own(name, network, input_shape, output_shape):
    """A network of the user's, when its shapes fit."""
    if network is None:
        return None
    found = tuple(network.input_shape[1:]), tuple(network.output_shape[1:])
    if found != (tuple(input_shape), tuple(output_shape)):
        raise InputError(
            f"{name}: maps {found[0]} to {found[1]}; this model needs {tuple(input_shape)} to {tuple(output_shape)}",
            key=name,
        )
    return network


def bits_per_dim(nats, shape):
    """A loss in nats for one example of that shape, in bits for each of its values."""
    return nats / (math.log(2.0) * math.prod(shape))
