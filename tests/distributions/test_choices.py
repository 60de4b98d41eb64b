"""Every posterior with objectives that leave it open, and one line for a choice that has no meaning."""

import numpy as np
import pytest

import zoo
from zoo import metrics
from zoo.distributions import POSTERIORS, PRIORS
from zoo.errors import InputError

X = (np.random.default_rng(0).random((6, 5)) > 0.5).astype("float32")
OF_SPACE = {
    "planar": ("normal", "mixture", "flow"),
    "iaf": ("normal", "mixture", "flow"),
    "normal": ("normal", "mixture", "flow"),
    "von_mises_fisher": ("uniform_sphere",),
    "wrapped_normal": ("wrapped_normal",),
}
PAIRS = [(posterior, prior) for posterior, priors in OF_SPACE.items() for prior in priors]


def made(name, **words):
    return zoo.create_model(f"{name}_dense", input_shape=(5,), latent_dim=3, widths=(8,), **words)


def test_every_choice_is_here():
    assert set(OF_SPACE) == {name for name, posterior in POSTERIORS.items() if posterior.stochastic}
    assert {prior for _, prior in PAIRS} == set(PRIORS)


@pytest.mark.parametrize("posterior, prior", PAIRS)
@pytest.mark.parametrize("name", ["vae", "iwae"])
def test_parts_meet_in_objectives_and_evaluation(name, posterior, prior):
    model = made(name, posterior=posterior, prior=prior)
    loss, parts = model.objective(X)
    assert loss.shape == (6,) and np.all(np.isfinite(loss)) and set(parts) == {"distortion", "rate"}
    found = metrics.importance_weights(model, X, 5)
    assert all(np.all(np.isfinite(values)) for values in found.values())
    assert np.all(found["effective_samples"] >= 1 - 1e-4) and np.all(found["effective_samples"] <= 5 + 1e-3)
    assert model.sample(2).shape == (2, 5) and model.interpolate(X[0], X[1], steps=3).shape == (3, 5)


@pytest.mark.parametrize("posterior", OF_SPACE)
def test_samples_of_the_loss_are_a_function_of_the_step(posterior):
    model = made("vae", posterior=posterior, prior=OF_SPACE[posterior][0])
    first, again = model.objective(X)[0], model.objective(X)[0]
    model.step.assign(1)
    assert np.array_equal(first, again) and not np.array_equal(first, model.objective(X)[0])


@pytest.mark.parametrize("posterior", OF_SPACE)
def test_a_prior_of_another_space_is_refused(posterior):
    for prior in set(PRIORS) - set(OF_SPACE[posterior]):
        with pytest.raises(InputError, match=f"prior: '{prior}' is a distribution over"):
            made("vae", posterior=posterior, prior=prior)


@pytest.mark.parametrize(
    "name", ["vamp_vae", "dip_vae_i", "dip_vae_ii", "beta_tc_vae", "free_bits_vae", "dreg_iwae", "contractive_ae"]
)
def test_an_objective_that_needs_more_of_its_posterior_says_so(name):
    with pytest.raises(InputError, match=r"posterior: must be .*; got 'planar'"):
        made(name, posterior="planar")
