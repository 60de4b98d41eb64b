"""A short form of tests/kills.py; ZOO_KILLS=50 is the long one, over all its models."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "kills.py"
KILLS = os.environ.get("ZOO_KILLS")


def test_killed_runs_resume_to_the_same_weights():
    words = ["--kills", KILLS] if KILLS else ["--kills", "2", "vq_vae_dense"]
    done = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "the same weights, history and files" in done.stdout
