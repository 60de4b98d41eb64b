"""A TFLite file of unknown origin is opened in a process of its own first: a crash there is one line here.

Run as a script, this file is that process: python sandbox.py FILE.tflite
"""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

SECONDS, MEMORY = 120, 4 << 30  # of processor time; of addresses, beside 4 times the file
PATIENCE = 600  # seconds
LARGEST = 2 << 30  # bytes that a FlatBuffer may have
IDENTIFIER = b"TFL3"  # from the fifth byte on


def signatures_of(path):
    """{signature: {"inputs", "outputs": {name: {"dtype", "shape"}}}} of a file whose signatures all run.

    Raises:
        InputError: it cannot be read, is no TFLite file, or crashes the interpreter.
    """
    from ..errors import InputError

    path = Path(path)
    try:
        with path.open("rb") as file:
            head, size = file.read(8), path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if head[4:] != IDENTIFIER or size > LARGEST:
        raise InputError(f"{path}: not a TFLite file")
    words = [sys.executable, "-P", __file__, path.resolve()]
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise InputError(f"{path}: does not end in the interpreter") from None
    if done.returncode == 0:
        return json.loads(done.stdout)
    if done.returncode < 0:
        raise InputError(f"{path}: crashes the interpreter ({signal.Signals(-done.returncode).name})")
    lines = done.stderr.strip().splitlines() or ["no reason given"]
    raise InputError(f"{path}: not a TFLite file that runs ({lines[-1][:200]})")


def opened(path):
    """What `signatures_of` says, found out here and now."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    found = {}
    for name in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(name)
        taken = runner.get_input_details()
        given = runner(**{key: np.zeros(details["shape"], details["dtype"]) for key, details in taken.items()})
        shapes = {key: (details["shape"], details["dtype"]) for key, details in taken.items()}
        found[name] = {
            "inputs": {key: _said(shape, dtype) for key, (shape, dtype) in shapes.items()},
            "outputs": {key: _said(array.shape, array.dtype) for key, array in given.items()},
        }
    return found


def _said(shape, dtype):
    import numpy as np

    return {"dtype": str(np.dtype(dtype)), "shape": [int(n) for n in shape]}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    limit = MEMORY + 4 * Path(sys.argv[1]).stat().st_size
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print(json.dumps(opened(sys.argv[1])))
