"""Keeps what libraries print past Python to themselves."""

import contextlib
import os
import tempfile


@contextlib.contextmanager
def quiet():
    """Silences what the converter and the interpreter write to the descriptor of stderr, past Python."""
    with open(os.devnull, "w") as nowhere, _to(nowhere):
        yield


@contextlib.contextmanager
def recorded():
    """Keeps what is written to the descriptor of stderr, past Python: yields () -> text, which may be called later."""
    with tempfile.TemporaryFile("w+", errors="replace") as kept:
        said = []

        def text():
            kept.seek(0)
            return kept.read()

        try:
            with _to(kept):
                yield lambda: said[0] if said else text()
        finally:
            said.append(text())


@contextlib.contextmanager
def _to(file):
    """Leads the descriptor of stderr to a file."""
    with contextlib.ExitStack() as stack:
        try:
            kept = os.dup(2)
        except OSError:  # stderr is closed
            yield
            return
        stack.callback(os.close, kept)
        os.dup2(file.fileno(), 2)
        stack.callback(os.dup2, kept, 2)
        yield
