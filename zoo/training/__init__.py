"""Training: from an experiment to a run folder, step by step, and on from any checkpoint to the same weights.

preparation.py   what a run begins with: data, and an experiment and a model that suit them
optimizers.py    the optimizer; its learning rate can be found by learning_rate.py
loop.py          steps over data, compiled
run.py           one run in its folder: epochs, checkpoints, the end
"""

import dataclasses
import warnings
from pathlib import Path

from .. import data as datasets
from .. import presets
from . import preparation
from .loop import Loop
from .optimizers import optimizer_for, with_learning_rate
from .run import Interrupted, Progress, Run

__all__ = ["Interrupted", "Loop", "Progress", "Run", "optimizer_for", "train"]


def train(
    model,
    data=None,
    out=None,
    *,
    changes=(),
    resume=False,
    force=False,
    progress=None,
    announce=None,
    callbacks=(),
    doctor=warnings.warn,
):
    """Trains a model and writes a run folder.

    Args:
        model: a name such as "vae_conv", the path of a configuration, or an `Experiment`.
        data: what `zoo.data.load` takes, in place of the experiment's source; or a `Bundle`.
        out: the run folder; "runs/<model>" when None, or the folder to resume.
        changes: "key=value" texts or a mapping, over the configuration.
        resume: goes on from the checkpoint in `out`, to the weights that an unbroken run would have had.
        force: replaces a run folder that exists.
        progress: called with a Progress every half second and at the end of each epoch.
        announce: called once with the data `Bundle`, the model, and the `zoo.transfer.Move`s of its start (or None).
        callbacks: Keras callbacks. Those of batches are called once for every half second of steps, as Keras does with
            `steps_per_execution`; `model.stop_training` ends the run. Which weights are kept is for `training.keep` to
            say: with "last", as the callbacks leave them.
        doctor: called with one line for every illness that `zoo.collapse` recognises; None: nobody looks.

    Returns:
        The path of the run folder.

    Raises:
        InputError: bad configuration or data. GateError: training diverged. WriteError: `out` cannot be written.
    """
    experiment = preparation.read_experiment(model, data, changes)
    out = Path(out or (model if resume and Path(str(model)).is_dir() else f"runs/{experiment.model}"))
    if resume:
        experiment = preparation.resumed(out, experiment)
    else:
        presets.require_free(out, force)  # before data are read, which may take long
    preparation.be_deterministic(experiment.training.deterministic)
    preparation.require_masking(experiment)
    bundle = data if isinstance(data, datasets.Bundle) else preparation.load_data(experiment, data)
    experiment = preparation.suited(experiment, bundle)
    network = presets.build(experiment, bundle.shape)
    with experiment.locating():
        bundle = preparation.remarked(network, bundle, experiment.data.binarize)
    moves = preparation.start(network, experiment)
    notes = () if moves is None or resume else preparation.calibrated(network, bundle, experiment)
    experiment, found = with_learning_rate(experiment, network, bundle)
    if announce:
        announce(dataclasses.replace(bundle, notes=(*bundle.notes, *notes, *found)), network, moves)
    if doctor:
        callbacks = (*callbacks, preparation.doctor_of(bundle, experiment, doctor))
    run = Run(network, bundle, experiment, out, progress or (lambda event: None), callbacks)
    if resume:
        presets.tidy(out)
    else:
        presets.create(out, force)
        presets.write_text(out / "config.yaml", experiment.to_yaml())
    with run.telling_how_to_go_on():
        run.go()
        run.finish()
    return out
