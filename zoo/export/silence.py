"""Keeps what libraries print past Python to themselves."""

import contextlib
import os


@contextlib.contextmanager
def quiet():
    """Silences what the converter and the interpreter write to the descriptor of stderr, past Python."""
    with contextlib.ExitStack() as stack:
        try:
            kept = os.dup(2)
        except OSError:  # stderr is closed
            yield
            return
        stack.callback(os.close, kept)
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        stack.callback(os.dup2, kept, 2)
        yield
