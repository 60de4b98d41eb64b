"""Fine-tuning: what is kept of a model, and that it learns on."""

import numpy as np
import pandas
import polars
import pyarrow
import pytest

import zoo
from zoo import finetuning, presets, scoring, training, transfer, weights
from zoo.errors import InputError

SMALL = ("widths=[8,12]", "latent_dim=4", "jit=false", "limit=200", "batch_size=32", "epochs=1")


def model(name="vae_conv", shape=(28, 28, 1), seed=0, **words):
    import keras

    keras.utils.set_random_seed(seed)
    return zoo.create_model(name, **{"input_shape": shape, "latent_dim": 4, "widths": (8, 12), **words})


def how(moves):
    return {move.name: move.how for move in moves}


@pytest.mark.parametrize("name", ["vae_conv", "vae_dense", "vq_vae_conv", "gan_conv", "vamp_vae_conv"])
def test_a_model_of_the_same_sizes_gets_every_weight(name):
    old, new = model(name), model(name, seed=1)
    moves = transfer.transfer(old, new)
    assert {move.how for move in moves} == {"loaded"}
    floats = [v for v in weights.of_model(new).values() if v.dtype == "float32"]
    assert len(moves) == len(floats)
    inputs = old.random_inputs("sample", 3)
    np.testing.assert_array_equal(old.run("sample", **inputs)["x"], new.run("sample", **inputs)["x"])


def test_colour_sees_a_grey_image_as_grey_did():
    old, new = model(), model(shape=(28, 28, 3), seed=1)
    moves = how(transfer.transfer(old, new))
    assert moves["encoder/conv_1/kernel"] == moves["decoder/head/kernel"] == moves["decoder/head/bias"] == "adapted"
    assert {how for name, how in moves.items() if "conv_1/k" not in name and "decoder/head" not in name} == {"loaded"}
    grey = np.random.default_rng(0).random((5, 28, 28, 1)).astype("float32")
    np.testing.assert_allclose(new.encode(np.repeat(grey, 3, -1)), old.encode(grey), atol=1e-5)
    z = old.encode(grey)
    np.testing.assert_allclose(new.decode(z), np.repeat(old.decode(z), 3, -1), atol=1e-5)


def test_grey_sees_the_mean_of_what_colour_did():
    old, new = model(shape=(28, 28, 3)), model(seed=1)
    transfer.transfer(old, new)
    grey = np.random.default_rng(0).random((5, 28, 28, 1)).astype("float32")
    np.testing.assert_allclose(new.encode(grey), old.encode(np.repeat(grey, 3, -1)), atol=1e-5)


@pytest.mark.parametrize("name", ["vae_conv", "vae_dense"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 20, 1), (40, 36, 1)])
def test_another_size_resamples_what_stands_between_places_and_codes(name, shape):
    old, new = model(name), model(name, shape=shape, seed=1)
    moves = how(transfer.transfer(old, new))
    assert set(moves.values()) <= {"loaded", "adapted"}
    edge = "encoder/head/kernel" if name.endswith("conv") else "encoder/dense_1/kernel"
    assert moves[edge] == "adapted" and moves[
        "decoder/conv_1/kernel" if "conv" in name else "decoder/dense_1/kernel"
    ] == ("loaded")


def test_a_resampled_model_still_knows_a_flat_image():
    old, new = model("vae_dense"), model("vae_dense", shape=(14, 14, 1), seed=1)
    transfer.transfer(old, new)
    flat = [np.full((1, n, n, 1), 0.7, "float32") for n in (28, 14)]
    np.testing.assert_allclose(new.encode(flat[1]), old.encode(flat[0]), rtol=0.05, atol=0.02)


def test_dense_networks_see_colour_as_grey_too():
    old, new = model("vae_dense"), model("vae_dense", shape=(28, 28, 3), seed=1)
    assert set(how(transfer.transfer(old, new)).values()) == {"loaded", "adapted"}
    grey = np.random.default_rng(0).random((5, 28, 28, 1)).astype("float32")
    np.testing.assert_allclose(new.encode(np.repeat(grey, 3, -1)), old.encode(grey), atol=1e-5)
    z = old.encode(grey)
    np.testing.assert_allclose(new.decode(z), np.repeat(old.decode(z), 3, -1), atol=1e-5)


CODED = ["vae_conv", "gm_vae_dense", "vq_vae_conv", "vq_vae_dense"]


@pytest.mark.parametrize("name", CODED)
def test_a_longer_code_begins_as_the_old_one(name):
    old, new = model(name), model(name, latent_dim=7, seed=1)
    moves = how(transfer.transfer(old, new))
    assert set(moves.values()) == {"loaded", "adapted"} and moves["encoder/head/kernel"] == "adapted"
    x = np.random.default_rng(0).random((5, 28, 28, 1)).astype("float32")
    if "vq" not in name:  # whose nearest vector depends on all units
        np.testing.assert_allclose(new.encode(x)[..., :4], old.encode(x), atol=1e-5)
    z = np.random.default_rng(1).normal(size=(5, *new.code_shape)).astype("float32")
    np.testing.assert_allclose(new.decode(z), old.decode(z[..., :4]), atol=1e-5)


@pytest.mark.parametrize("name", CODED)
def test_a_shorter_code_keeps_the_units_that_the_decoder_listens_to(name):
    old, new = model(name), model(name, latent_dim=2, seed=1)
    edge = "decoder/project/kernel" if name.endswith("conv") else "decoder/dense_1/kernel"
    kernel = weights.of_model(old)[edge]
    loud = np.isin(np.arange(4), (1, 3)).astype("float32")
    kernel.assign(kernel.numpy() * np.resize(1e-3 + loud, (kernel.shape[-2], 1)))
    assert set(how(transfer.transfer(old, new)).values()) == {"loaded", "adapted"}
    z = np.random.default_rng(1).normal(size=(5, *old.code_shape)).astype("float32") * loud
    np.testing.assert_allclose(new.decode(z[..., loud > 0]), old.decode(z), atol=1e-5)
    if "vq" not in name:
        x = np.random.default_rng(0).random((5, 28, 28, 1)).astype("float32")
        np.testing.assert_allclose(new.encode(x), old.encode(x)[:, loud > 0], atol=1e-5)


def test_a_generator_does_not_hear_new_units_yet():
    old, new = model("gan_conv"), model("gan_conv", latent_dim=7, seed=1)
    assert set(how(transfer.transfer(old, new)).values()) == {"loaded", "adapted"}
    noise = np.random.default_rng(1).normal(size=(5, 7)).astype("float32")
    np.testing.assert_allclose(
        new.run("sample", noise=noise)["x"], old.run("sample", noise=noise[:, :4])["x"], atol=1e-5
    )


@pytest.mark.parametrize("name", ["vae_conv", "vae_dense"])
def test_size_channels_and_code_change_together(name):
    old, new = model(name), model(name, shape=(12, 20, 3), latent_dim=6, seed=1)
    assert set(how(transfer.transfer(old, new)).values()) == {"loaded", "adapted"}


@pytest.mark.parametrize("name", ["cvae_conv", "joint_vae_dense", "ladder_vae_conv", "planar_vae_dense"])
def test_codes_with_other_numbers_between_them_start_fresh(name):
    old, new = model(name), model(name, latent_dim=7, seed=1)
    moves = how(transfer.transfer(old, new))
    assert moves["encoder/head/kernel"] == moves["encoder/head/bias"] == "fresh"


@pytest.mark.parametrize("name", ["vae_dense", "ae_conv", "vq_vae_conv"])
def test_calibration_is_no_worse_than_undoing_a_scale_and_an_offset(name):
    known, moved = model(name), model(name)
    x = known.reconstruct(np.random.default_rng(0).random((32, 28, 28, 1)))
    named = weights.of_model(moved)
    for kind, offset in (("kernel", 0.0), ("bias", 1.0)):
        weight = named[f"decoder/head/{kind}"]
        weight.assign(4.0 * weight + offset)
    _, _, before, after = transfer.calibrate(moved, x)
    undone, calibrated = (-np.mean(each.likelihood(each.encode(x)).log_prob(x)) for each in (known, moved))
    assert after == pytest.approx(calibrated, rel=1e-4) and after <= undone + 0.01 and after < before


def test_there_is_nothing_to_calibrate_of_a_generator():
    assert transfer.calibrate(model("gan_conv"), np.zeros((4, 28, 28, 1), "float32")) is None


def test_too_little_in_common_is_refused():
    moves = transfer.transfer(model("vae_dense"), model("vae_dense", widths=(9, 13), seed=1))
    with pytest.raises(InputError, match="of the weights"):
        transfer.require_kept(moves, "vae_dense.x")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return training.train("vae_conv", "digits", tmp_path_factory.mktemp("runs") / "base", changes=SMALL)


def test_fine_tuning_writes_a_run_with_numbers_before_and_after(run, tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (120, 12, 10, 3)).astype("uint8")
    seen = []
    tuned = finetuning.finetune(run, images, tmp_path / "tuned", changes=SMALL[2:], announce=lambda *a: seen.append(a))
    preset = presets.Preset(tuned)
    assert set(preset.metadata["metrics"]) == {"before", "test"} and preset.metadata["start"] == str(run)
    assert presets.load(tuned).reconstruct(np.zeros((2, 12, 10, 3))).shape == (2, 12, 10, 3)
    assert "adapted" in how(seen[0][2]).values()
    assert preset.experiment.training.learning_rate == presets.Preset(run).experiment.training.learning_rate
    assert preset.experiment.training.patience == finetuning.PATIENCE
    assert any(note.startswith("outputs calibrated: scale") for note in seen[0][0].notes)
    assert "figures/before_after.png" in preset.metadata["files"]


@pytest.mark.slow
def test_frames_go_all_the_way(tmp_path):
    """A model of a table scores rows of it in their order, and goes on with a table of other columns."""
    random, words = np.random.default_rng(0), ("widths=[8]", "latent_dim=2", "jit=false", "batch_size=32", "epochs=1")
    table = pandas.DataFrame({"height": random.normal(170, 10, 300), "city": random.choice(["Oslo", "Rome"], 300)})
    base = training.train("vae_dense", table, tmp_path / "base", changes=words)
    trained = zoo.load_model(base)
    found = scoring.score(trained, polars.from_pandas(table), rate=0.1).scores
    rows = zoo.data.load(table, preprocessor=trained.preset.preprocessor, validation=0, test=0).train.x
    np.testing.assert_array_equal(found, scoring.score(trained, rows, rate=0.1).scores)
    for wrong, said in ((table.drop(columns="height"), "column 'height' is missing"), (rows[:, :2], "takes")):
        with pytest.raises(InputError, match=said):
            scoring.score(trained, wrong, rate=0.1)
    other = pyarrow.table({"city": random.choice(["Bari", "Graz", "Lima"], 200), "age": random.normal(size=200)})
    tuned = presets.Preset(finetuning.finetune(base, other, tmp_path / "tuned", changes=words[2:]))
    assert tuned.experiment.hyperparameters["columns"] == [3, 1]
    with pytest.raises(InputError, match="columns: take 5 values in all; the data have 4"):
        finetuning.finetune(base, other, tmp_path / "no", changes=["hyperparameters.columns=[4,1]"])
    assert not (tmp_path / "no").exists()


def test_fine_tuning_calibrates_the_threshold_on_the_new_data(tmp_path):
    changes = ("limit=1200", "validation=0.2", "epochs=1", "jit=false", "widths=[16]", "latent_dim=3")
    base = training.train("vae_dense", "digits", tmp_path / "base", changes=changes)
    negative = 255 - zoo.data.load("digits").train.x
    tuned = finetuning.finetune(base, negative, tmp_path / "tuned", changes=(*changes[:3], "epochs=20"))
    before, after = (presets.load(path) for path in (base, tuned))
    held_out = presets.data_for(after.preset, negative).validation.x
    alarms = [np.mean(model.score(held_out / 255) > model.threshold) for model in (before, after)]
    assert after.threshold != before.threshold and alarms[0] > 0.5 and alarms[1] <= 0.02


def test_resizing_to_the_model_keeps_every_weight(run, tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (120, 12, 10, 3)).astype("uint8")
    seen = []
    finetuning.finetune(
        run, images, tmp_path / "t", changes=SMALL[2:], resize="model", announce=lambda *a: seen.append(a)
    )
    assert set(how(seen[0][2]).values()) == {"loaded"} and seen[0][0].shape == (8, 8, 1)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_frozen_part_keeps_its_weights(run, part, tmp_path):
    tuned = finetuning.finetune(run, "digits", tmp_path / "t", changes=SMALL[2:], freeze=part)
    old, new = (weights.values(weights.of_model(presets.load(path))) for path in (run, tuned))
    same = {name: np.array_equal(old[name], new[name]) for name in old if old[name].dtype == "float32"}
    assert all(same[name] for name in same if name.startswith(part))
    assert not any(same[name] for name in same if name.endswith("kernel") and not name.startswith(part))
