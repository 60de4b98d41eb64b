"""Kills training runs at random moments, resumes them, and compares what they end with to runs that nobody killed.

python tests/kills.py                     50 kills, dealt to all models
python tests/kills.py --kills 10 vae_conv

A run is a process of `zoo train`; one that was killed is followed by the same command with --resume, until one gets to
the end. A checkpoint is written after every step, so that kills fall into the writing too.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
MODELS = {
    "ae_dense": (),
    "vae_conv": ("data.binarize=stochastic",),
    "iwae_dense": ("samples=3",),
    "vq_vae_dense": ("codes=16", "decay=0.9"),
    "factor_vae_dense": ("critic_widths=[16]",),
    "gan_dense": (),
}
SETTINGS = ("widths=[16]", "latent_dim=3", "jit=false", "limit=300", "batch_size=32", "epochs=8", "schedule=cosine")
PATIENCE = 600  # seconds that a run may take


def life(model, out, deadline=None):
    """Runs `zoo train` in a process of its own, or goes on with what is in `out`.

    Args:
        deadline: seconds after which it is killed, if it is still there.

    Returns:
        Whether it got to the end: a finished run has no checkpoint any more.
    """
    started = (out / "config.yaml").is_file()
    words = [
        *("train", model, "--data", "digits", "--out", str(out)),
        *(("--resume",) if started else ()),
        *(word for setting in (*SETTINGS, *MODELS[model], "checkpoint_seconds=0") for word in ("--set", setting)),
    ]
    child = os.fork()
    if not child:
        with open(out.with_suffix(".log"), "a") as log:
            os.dup2(log.fileno(), 1), os.dup2(log.fileno(), 2)
        train(words)
    began = time.monotonic()
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() - began > (deadline or PATIENCE):
            os.kill(child, signal.SIGKILL)
            ended = os.waitpid(child, 0)
            break
        time.sleep(0.002)
    code = os.waitstatus_to_exitcode(ended[1])
    if code not in ((0, -signal.SIGKILL) if deadline else (0,)):
        sys.exit(f"{' '.join(words)}: ended with {code}\n{out.with_suffix('.log').read_text()[-2000:]}")
    return code == 0 or ((out / "metadata.json").is_file() and place(out) == "before a checkpoint")


def train(words):
    """The command, in the child; it does not return."""
    from zoo import cli, training

    training.run.CALL = 0.0  # one step a call, and a checkpoint after it
    try:
        cli.main(words)
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        code = 70
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(code)


def ending(run):
    """What must be the same: {file of the run: its contents, where they do not tell the time}."""
    exact = ("model.safetensors", "history.csv", "config.yaml", "preprocessor.json", "golden.npz", "thresholds.json")
    files = {file.relative_to(run).as_posix(): file for file in run.rglob("*") if file.is_file()}
    return {name: file.read_bytes() if name in exact else b"" for name, file in files.items()}


def kill(model, count, folder, draw):
    """Kills runs of a model `count` times: where the kills fell; SystemExit where a run ends differently."""
    began = time.monotonic()
    life(model, folder / "whole")
    seconds, whole = time.monotonic() - began, ending(folder / "whole")
    training = max(0.1, seconds - (time.time() - (folder / "whole" / "preprocessor.json").stat().st_mtime))
    fell, runs = {"before a checkpoint": 0, "in training": 0, "in the report": 0}, 0
    while sum(fell.values()) < count:
        run, done, moments = folder / f"run-{runs}", False, [training, training, seconds]
        while not done:  # killed two times in training, which small models spend less time with, and once anywhere
            most = moments.pop(0) if moments and sum(fell.values()) < count else None
            done = life(model, run, None if most is None else draw.uniform(0, most))
            if not done:
                fell[place(run)] += 1
        if different := sorted(name for name, _ in set(ending(run).items()) ^ set(whole.items())):
            sys.exit(f"{model}: {', '.join(dict.fromkeys(different))}: not as in the run that nobody killed; see {run}")
        runs += 1
    return fell


def place(run):
    """Where a run was when it was killed."""
    if not (run / "checkpoint.safetensors").is_file():
        return "before a checkpoint"
    return "in the report" if (run / "preprocessor.json").is_file() else "in training"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--kills", type=int, default=50, help="of all models together")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    words = parser.parse_args()
    models = words.models or list(MODELS)
    if unknown := set(models) - set(MODELS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(MODELS)}")
    sys.path.insert(0, str(ROOT))
    import zoo.training  # noqa: F401  the processes below begin with it

    draw = random.Random(words.seed)
    folder = Path(tempfile.mkdtemp(prefix="zoo-kills-"))
    os.environ.setdefault("ZOO_CACHE", str(folder / "cache"))
    for index, model in enumerate(models):
        count = words.kills * (index + 1) // len(models) - words.kills * index // len(models)
        if count:
            (folder / model).mkdir()
            fell = kill(model, count, folder / model, draw)
            said = ", ".join(f"{number} {where}" for where, number in fell.items() if number)
            print(f"{model:20} {count:3} kills ({said}): the same weights, history and files", flush=True)
    shutil.rmtree(folder)  # what went wrong stays


if __name__ == "__main__":
    main()
