"""Models of the zoo as scikit-learn estimators: anomaly detection and features for tables, or anything that is rows.

detector = AnomalyDetector("vae_dense", contamination=0.02).fit(X)
detector.predict(X)                                   # 1 normal, -1 anomaly
make_pipeline(AutoencoderTransformer("ae_dense", latent_dim=8), LogisticRegression())
"""

import keras
import numpy as np
import tensorflow as tf
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, OutlierMixin, TransformerMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from . import catalog, config, training, weights
from .data import Preprocessor, Split
from .distributions.likelihoods import Sigma
from .errors import InputError, nearest
from .metrics.anomaly import (
    SAMPLES,
    SCORES,
    anomaly_scores,
    conformal_p_values,
    conformal_threshold,
    mixture_scores,
    mixture_width,
)

WIDTHS = (128, 64)  # of dense networks, where nobody says: tables are smaller than images
RESOLUTIONS = (1.0, 0.3, 0.1)
CHECK = 100  # steps between two looks at the rows that are not trained on
FEWEST = 40  # rows of which some are left out of training
BLOCK = 256  # rows at once: always as many, so that a row's numbers do not depend on the rows beside it
CENTERS, MEASURED = 5000, 1000  # training rows that a mixture is made of, and rows that its width is measured on
MIXTURE = "mixture"  # the criterion that needs the training rows
LARGEST = 30.0  # standard deviations from the mean at which a value is cut


class _Rows(BaseEstimator):
    """A model of the zoo that is trained on the rows of a matrix.

    Args:
        model: name of an autoencoder, see `zoo.list_models`.
        input_shape: shape of one example, for rows that are images or sequences; (F,) when None.
        latent_dim: D, the length of a code.
        hyperparameters: other constructor words of the model, by name.
        steps: of training.
        batch_size: rows a step; all of them where there are fewer.
        learning_rate: of Adam, falling to 0 along a cosine.
        random_state: of weights, noise, order and the held-out rows: None, an int or a RandomState.
    """

    def __init__(
        self,
        model="vae_dense",
        *,
        input_shape=None,
        latent_dim=8,
        hyperparameters=None,
        steps=1500,
        batch_size=128,
        learning_rate=2e-3,
        random_state=None,
    ):
        self.model = model
        self.input_shape = input_shape
        self.latent_dim = latent_dim
        self.hyperparameters = hyperparameters
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def _scale(self, X):
        """Fits the scaling to the rows of X, and returns a seed."""
        shape = tuple(self.input_shape or X.shape[1:])
        if np.prod(shape) != X.shape[1]:
            raise InputError(f"input_shape: {shape} has {np.prod(shape)} values; a row has {X.shape[1]}", "input_shape")
        self.example_shape_ = shape
        self.preprocessor_ = Preprocessor.standard(X, "table", "float32")
        return int(check_random_state(self.random_state).randint(2**31 - 2**10))

    def _new_model(self, seed, **defaults):
        """An untrained model; `defaults` are words that it gets where it has them and the user does not give them."""
        variant, backbone = catalog.resolve(self.model)
        defaults |= {"widths": WIDTHS} if backbone == "dense" else {}
        takes = catalog.info(self.model).words
        words = {w: v for w, v in defaults.items() if w in takes and not list(catalog.wrong_values(variant, {w: v}))}
        keras.utils.set_random_seed(seed)
        given = {"input_shape": self.example_shape_, "latent_dim": self.latent_dim, "seed": seed}
        model = catalog.create_model(self.model, **{**given, **words, **(self.hyperparameters or {})})
        if not hasattr(model, "encode"):
            raise InputError(f"model: {self.model} has no encoder", "model")
        return model

    def _train(self, models, X, unseen=None):
        """Trains models of one architecture on rows of X, in a loop that is compiled once.

        With rows that are not trained on, each model keeps the weights that had the lowest loss on these.
        """
        first = models[0]
        settings = config.Training(
            batch_size=min(self.batch_size, len(X)),
            learning_rate=self.learning_rate,
            schedule="cosine",
            seed=first.seed,
        )
        first.compile(training.optimizer_for(settings, self.steps))
        loop = training.Loop(first, Split(self._values(X)), lambda x: x, settings)
        state, named = weights.of_training(first), weights.of_model(first)
        start, learned = weights.values(state), []
        loss = None if unseen is None else _loss(first, self._values(unseen))
        for model in models:
            weights.assign(state, start | weights.values(weights.of_model(model)))
            best = np.inf
            while steps := min(self.steps - int(first.step), self.steps if unseen is None else CHECK):
                loop.advance(steps)
                found = -np.inf if unseen is None else float(loss())
                if found < best:
                    best, kept = found, weights.values(named)
            if skipped := int(first.skipped):
                raise InputError(f"training diverged: {skipped} of {self.steps} gradients were not finite")
            learned.append(kept)
        for model, arrays in zip(models, learned, strict=True):
            weights.assign(weights.of_model(model), arrays)

    def _values(self, X):
        """Rows as model values, [N, *input_shape]; what is beyond any normal value is cut."""
        values = np.clip(self.preprocessor_.apply(X.astype("float32")), -LARGEST, LARGEST)
        return values.reshape(-1, *self.example_shape_)

    def _checked(self, X):
        """The rows of X, when the estimator is fitted and they are as those it was fitted to."""
        check_is_fitted(self)
        return validate_data(self, X, dtype=np.float64, reset=False)

    def _in_blocks(self, function, values):
        """function(values) for any number of rows, in blocks of one size."""
        padded = np.resize(values, (-(-len(values) // BLOCK) * BLOCK, *values.shape[1:]))
        blocks = [function(padded[start : start + BLOCK]) for start in range(0, len(padded), BLOCK)]
        return np.concatenate(blocks)[: len(values)].astype(np.float64)


class AnomalyDetector(OutlierMixin, _Rows):
    """Finds rows that a model, trained on the others, finds strange.

    A row is strange where it is far from what the model makes of the training rows: its score is its `-log p` in a
    mixture of normal distributions around their reconstructions, its own left out, as wide as makes rows likeliest that
    the model was not trained on. Nobody knows beforehand how far off an anomaly is. A model whose likelihood is wide
    keeps the large traits of a row alone, one whose likelihood is narrow keeps the small ones too; so several are
    trained, and their scores, each less the median and over the interquartile range of rows that they were not trained
    on, are averaged. Where the training rows hold anomalies in groups, these excuse each other: take "likelihood".

    Args:
        model, input_shape, latent_dim, hyperparameters, steps, batch_size, learning_rate, random_state: see above.
        contamination: the fraction of training rows that are beyond the threshold, in (0, 0.5].
        criterion: "mixture", as above; or of a row by itself, see `zoo.metrics.anomaly.anomaly_scores`.
        samples: of the code for each row, where the criterion draws any.
        resolutions: standard deviations of the likelihood, in those of the columns: a model is trained for each. There
            is one model only where codes are points, or the likelihood is another one than `Sigma`.
        validation_fraction: of the rows that are not trained on, of 40 or more, in [0, 1). Each model keeps the weights
            that had the lowest loss on them: narrow likelihoods overfit small tables.
        threshold: "quantile" of the scores of the training rows; or "conformal": a part of the rows is held out from
            training, and a new normal row is called an anomaly with probability at most `contamination`.
        held_out: that part, in (0, 1).

    Attributes:
        models_: the Keras models.
        widths_: of the mixture of each model, in standard deviations of the columns.
        offset_: `decision_function` is `score_samples` less this.
        normal_scores_: scores of the held-out rows, with a conformal threshold.
    """

    def __init__(
        self,
        model="vae_dense",
        *,
        contamination=0.1,
        criterion=MIXTURE,
        samples=SAMPLES,
        resolutions=RESOLUTIONS,
        validation_fraction=0.15,
        threshold="quantile",
        held_out=0.2,
        input_shape=None,
        latent_dim=8,
        hyperparameters=None,
        steps=1500,
        batch_size=128,
        learning_rate=2e-3,
        random_state=None,
    ):
        super().__init__(
            model,
            input_shape=input_shape,
            latent_dim=latent_dim,
            hyperparameters=hyperparameters,
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            random_state=random_state,
        )
        self.contamination = contamination
        self.criterion = criterion
        self.samples = samples
        self.resolutions = resolutions
        self.validation_fraction = validation_fraction
        self.threshold = threshold
        self.held_out = held_out

    def fit(self, X, y=None):
        """Trains on rows X [N, F], most of them normal; y is not looked at."""
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        if not 0 < self.contamination <= 0.5:
            raise InputError(f"contamination: needs a fraction in (0, 0.5], not {self.contamination}", "contamination")
        if self.criterion not in (known := (MIXTURE, *SCORES)):
            hint = nearest(self.criterion, known)
            raise InputError(f"criterion: unknown {self.criterion!r}{hint} it takes: {', '.join(known)}", "criterion")
        if self.threshold not in ("quantile", "conformal"):
            raise InputError(f"threshold: takes quantile or conformal, not {self.threshold!r}", "threshold")
        if not 0 <= self.validation_fraction < 1:
            raise InputError(
                f"validation_fraction: needs a fraction in [0, 1), not {self.validation_fraction}",
                "validation_fraction",
            )
        if not len(self.resolutions) or min(self.resolutions) <= 0:
            raise InputError(f"resolutions: need numbers above 0, not {self.resolutions}", "resolutions")
        if self.threshold == "conformal":
            X, held_out = train_test_split(X, test_size=self.held_out, random_state=self.random_state)
            self._train_models(X)
            self.normal_scores_ = np.sort(self._strangeness(held_out))
            self.offset_ = -conformal_threshold(self.normal_scores_, self.contamination)
        else:
            self._train_models(X)
            self.offset_ = np.quantile(-self._strangeness(X), self.contamination)
        return self

    def _train_models(self, X):
        """Trains a model for each resolution, and measures what it finds of rows that it is not trained on."""
        seed = self._scale(X)
        self.models_ = [self._new_model(seed, likelihood="sigma")]
        if self.models_[0].stochastic and isinstance(self.models_[0].observation, Sigma):
            others = range(1, len(self.resolutions))
            self.models_ += [self._new_model(seed + i, likelihood="sigma") for i in others]
            for model, sigma in zip(self.models_, self.resolutions, strict=True):
                model.observation.hold(sigma)
        seen = unseen = X
        if len(X) >= FEWEST and self.validation_fraction:
            seen, unseen = train_test_split(X, test_size=self.validation_fraction, random_state=seed)
        self._train(self.models_, seen, None if unseen is X else unseen)
        unseen = self._values(unseen)
        if self.criterion == MIXTURE:
            self._make_mixtures(seen, unseen, seed)
        found = self._each(unseen)
        self._medians = np.median(found, axis=0)
        spread = np.subtract(*np.quantile(found, [0.75, 0.25], axis=0))
        self._spreads = np.where(spread > 0, spread, 1.0)

    def _make_mixtures(self, seen, unseen, seed):
        """What each model makes of training rows, and the width that fits to others; or to each other, without any."""
        values = self._values(np.random.default_rng(seed).permutation(seen)[:CENTERS])
        self._numbers = {row.tobytes(): number for number, row in enumerate(values)}
        self._centers = [_flat(self._in_blocks(model.reconstruct, values)) for model in self.models_]
        measured = np.random.default_rng(seed).permutation(unseen)[:MEASURED]
        own = self._own(measured)
        self.widths_ = [mixture_width(_flat(measured), centers, own) for centers in self._centers]

    def _own(self, values):
        """The number of the centre that was made of each row, -1 where none was, [N]."""
        return np.array([self._numbers.get(row.tobytes(), -1) for row in values])

    def score_samples(self, X):
        """How normal each row is, [N]: the negative of its anomaly score."""
        return -self._strangeness(self._checked(X))

    def decision_function(self, X):
        """`score_samples` less the threshold, [N]: negative for anomalies."""
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """1 for normal rows, -1 for anomalies, [N]."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X):
        """How likely a normal row is at least as strange, [N], see `conformal_p_values`; with a conformal threshold."""
        X = self._checked(X)
        if not hasattr(self, "normal_scores_"):
            raise InputError("p_values: needs rows that were held out; fit with threshold='conformal'", "threshold")
        return conformal_p_values(self.normal_scores_, self._strangeness(X))

    def _strangeness(self, X):
        return ((self._each(self._values(X)) - self._medians) / self._spreads).mean(1)

    def _each(self, values):
        """The score of each row by each model, [N, models]."""
        return np.stack([self._in_blocks(self._score(i), values) for i in range(len(self.models_))], axis=1)

    def _score(self, i):
        """The function that scores values by the i-th model."""
        if self.criterion == MIXTURE:
            centers, width = self._centers[i], self.widths_[i]
            return lambda values: mixture_scores(_flat(values), centers, width, self._own(values))
        rows = BLOCK * min(self.samples, 32)
        return lambda values: anomaly_scores(self.models_[i], values, self.criterion, self.samples, rows=rows)


def _flat(values):
    return values.reshape(len(values), -1)


def _loss(model, values):
    """A function that gives the mean loss of the model, as it is, on these values."""
    values = tf.constant(values)
    return tf.function(lambda: tf.reduce_mean(model.objective(values)[0]), autograph=False)


class AutoencoderTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _Rows):
    """The codes of rows, and rows of codes: a non-linear `PCA`."""

    def fit(self, X, y=None):
        """Trains on rows X [N, F]; y is not looked at."""
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        self.model_ = self._new_model(self._scale(X), likelihood="gaussian")
        self._train([self.model_], X)
        self._n_features_out = int(np.prod(self.model_.code_shape))
        return self

    def transform(self, X):
        """Codes of rows, [N, D]."""
        codes = self._in_blocks(self.model_.encode, self._values(self._checked(X)))
        return codes.reshape(len(codes), -1)

    def inverse_transform(self, X):
        """Rows of codes [N, D], [N, F]."""
        check_is_fitted(self)
        codes = np.asarray(X, np.float32)
        if codes.ndim != 2 or codes.shape[1] != self._n_features_out:
            raise InputError(f"codes of shape {codes.shape}; this transformer gives [N, {self._n_features_out}]")
        values = self._in_blocks(self.model_.decode, codes.reshape(-1, *self.model_.code_shape))
        return self.preprocessor_.invert(values.reshape(len(values), -1))
