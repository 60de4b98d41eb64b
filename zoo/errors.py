"""What can go wrong, by the exit code of the command that meets it."""


class ZooError(Exception):
    """The work failed. Every message is one line: what was found, where, what is needed."""

    exit_code = 1


class InputError(ZooError, ValueError):
    """Bad input or usage; nothing was written.

    Args:
        message: one line.
        key: the configuration key or argument the message is about, where there is one.
    """

    exit_code = 2

    def __init__(self, message, key=None):
        super().__init__(message)
        self.key = key


class GateError(ZooError):
    """A gate was not met: parity, divergence, `--fail-under`."""

    exit_code = 3


class WriteError(ZooError, OSError):
    """The output cannot be written: it exists, is not writable, or there is no space."""

    exit_code = 4


def nearest(name, known, count=3):
    """The sentence that helps after a wrong name: the nearest known ones, or nothing.

    >>> nearest("vea_conv", ["vae_conv", "gan_conv"])
    "; did you mean 'vae_conv'?"
    """
    import difflib

    close = difflib.get_close_matches(str(name), [str(k) for k in known], n=count, cutoff=0.5)
    if not close:
        return ""
    *rest, last = [repr(c) for c in close]
    return f"; did you mean {', '.join(rest) + ' or ' if rest else ''}{last}?"
