"""TFLite files that nobody vouches for, in a child process with limits: what crashes there is one line here."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from .errors import InputError

SECONDS, MEGABYTES = 120, 4096  # of one answer, and of processor time; of address space
WARM_UP = 10


class Guarded:
    """An interpreter of a TFLite file in a child process; a context manager.

    The child runs what it is sent and answers; it cannot write files, and dies where it takes too much memory or time.
    This has the methods of LiteRT's `Interpreter` that `export.litert` calls.

    Args:
        path: the file.
        threads: of the interpreter.
        seconds: that an answer may take.

    Raises:
        InputError: at once or at any later call: the file cannot be read, is not TFLite, crashes or hangs.
    """

    def __init__(self, path, threads=1, seconds=SECONDS):
        self.path, self.seconds = Path(path), seconds
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        root = str(Path(__file__).resolve().parent.parent)
        paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        self.child = subprocess.Popen(
            [sys.executable, "-m", "zoo.sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        try:
            self.known, _ = self._ask({"threads": threads}, {"content": np.frombuffer(content, "uint8")})
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            with suppress(OSError):
                pipe.close()

    def get_signature_list(self):
        """{signature: {"inputs": names, "outputs": names}}."""
        return {verb: {side: list(known[side]) for side in known} for verb, known in self.known.items()}

    def get_signature_runner(self, verb):
        """A function of arrays by name, with `get_input_details`."""
        return Runner(self, verb)

    def times(self, verb, inputs=None, runs=100):
        """(seconds of each of some runs of a signature, after a warm-up; MB that the child has taken at most).

        Args:
            inputs: {name: array}; random numbers in [0, 1), and zeros for integers, when None.
        """
        said, arrays = self._ask({"verb": verb, "runs": runs, "random": inputs is None}, inputs or {})
        return arrays["seconds"], said["megabytes"]

    def _ask(self, question, arrays):
        late = threading.Timer(self.seconds, self.child.kill)
        late.start()
        try:
            _send(self.child.stdin, question, arrays)
            said, found = _receive(self.child.stdout)
        except (OSError, ValueError, EOFError):
            reason = self._reason(late)
            raise InputError(f"{self.path}: {reason}") from None
        finally:
            late.cancel()
        if "error" in said:
            raise InputError(f"{self.path}: {said['error']}")
        return said, found

    def _reason(self, late):
        if not late.is_alive():
            return f"took LiteRT longer than {self.seconds:g} s"
        with suppress(subprocess.TimeoutExpired):
            self.child.wait(10)
        code = self.child.returncode
        name = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        return f"not a sound TFLite file: it crashes LiteRT ({name})"


class Runner:
    """A signature of a guarded file."""

    def __init__(self, guarded, verb):
        self.guarded, self.verb = guarded, verb

    def get_input_details(self):
        """{input: {"shape"}}."""
        return {name: {"shape": shape} for name, shape in self.guarded.known[self.verb]["inputs"].items()}

    def __call__(self, **inputs):
        """{output: array}. Raises RuntimeError where LiteRT cannot run the signature on them."""
        said, arrays = self.guarded._ask({"verb": self.verb}, inputs)
        if "failed" in said:
            raise RuntimeError(said["failed"])
        return arrays


# Both sides: a line of JSON, then arrays


def _send(stream, said, arrays):
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    line = json.dumps({**said, "bytes": packed.tell()}).encode()
    stream.write(line + b"\n" + packed.getvalue())
    stream.flush()


def _receive(stream):
    line = stream.readline()
    if not line:
        raise EOFError
    said = json.loads(line)
    with np.load(io.BytesIO(stream.read(said.pop("bytes"))), allow_pickle=False) as packed:
        return said, dict(packed)


# The child


def serve(asked, answer):
    """Opens the file in the first question, answers questions until there are no more."""
    question, arrays = _receive(asked)
    try:
        interpreter = opened(arrays.pop("content").tobytes(), question["threads"])
        _send(answer, described(interpreter), {})
    except Exception as error:  # of the interpreter, the reader of the file, or memory
        return _send(answer, {"error": f"not a readable TFLite file ({first_line(error)})"}, {})
    while True:
        try:
            question, arrays = _receive(asked)
        except EOFError:
            return
        _send(answer, *answered(interpreter, question, arrays))


def opened(content, threads):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=threads)
    interpreter.allocate_tensors()
    if not interpreter.get_signature_list():
        raise ValueError("it has no signatures")
    return interpreter


def described(interpreter):
    """{signature: {"inputs": {name: shape}, "outputs": {name: shape}}}."""
    runners = {verb: interpreter.get_signature_runner(verb) for verb in interpreter.get_signature_list()}
    return {
        verb: {
            side: {name: [int(size) for size in known["shape"]] for name, known in details().items()}
            for side, details in (("inputs", runner.get_input_details), ("outputs", runner.get_output_details))
        }
        for verb, runner in runners.items()
    }


def answered(interpreter, question, arrays):
    """(what is said, arrays) of one question."""
    runner = interpreter.get_signature_runner(question["verb"])
    if question.get("random"):
        arrays = {name: _random(known) for name, known in runner.get_input_details().items()}
    try:
        if "runs" not in question:
            return {}, dict(runner(**arrays))
        for _ in range(WARM_UP):
            runner(**arrays)
        seconds = np.array([_timed(runner, arrays) for _ in range(question["runs"])])
        return {"megabytes": _megabytes()}, {"seconds": seconds}
    except Exception as error:
        if "runs" in question:
            return {"error": f"signature {question['verb']} does not run ({first_line(error)})"}, {}
        return {"failed": first_line(error)}, {}


def _random(known):
    shape, kind = known["shape"], np.dtype(known["dtype"])
    return np.random.default_rng(0).random(shape).astype(kind) if kind.kind == "f" else np.zeros(shape, kind)


def _timed(runner, arrays):
    start = time.perf_counter()
    runner(**arrays)
    return time.perf_counter() - start


def _megabytes():
    """What this process has taken at most; `getrusage` would count what its parent had when it made it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def limit():
    """Gives this process little to do harm with."""
    import resource

    limits = {"AS": MEGABYTES << 20, "CPU": 10 * SECONDS, "CORE": 0, "FSIZE": 0}
    for name, most in limits.items():
        with suppress(ValueError, OSError):  # a lower limit is there already
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


if __name__ == "__main__":
    limit()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    serve(sys.stdin.buffer, answers)
