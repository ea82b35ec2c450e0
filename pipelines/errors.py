"""The error for input that cannot be used."""


class InputError(ValueError):
    """A mistake in the input rather than in the program.

    The message names the file or argument, what is wrong with it, and what to do. The command line prints it
    as one line and exits with code 2; Python callers catch it as a `ValueError`.
    """
