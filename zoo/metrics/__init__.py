"""Numbers about models: functions of arrays and of the model API.

A metric of a data set is {"value": mean, "standard_error": of that mean}; what is said of each example comes as an
array [N].
"""

from .clusters import clustering
from .codes import active_units, linear_probe, rate_per_dimension
from .generation import class_features, frechet_distance, precision_recall
from .likelihood import elbo, importance_weighted_nll, importance_weights
from .modes import mode_coverage
from .reconstruction import mse, psnr
from .sequences import bits_per_token, perplexity, token_accuracy
from .summary import mean

__all__ = [
    "active_units",
    "bits_per_token",
    "class_features",
    "clustering",
    "elbo",
    "frechet_distance",
    "importance_weighted_nll",
    "importance_weights",
    "linear_probe",
    "mean",
    "mode_coverage",
    "mse",
    "perplexity",
    "precision_recall",
    "psnr",
    "rate_per_dimension",
    "token_accuracy",
]
