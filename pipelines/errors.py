"""The error that means: what you handed over cannot be used, and this is what to do."""


class InputError(ValueError):
    """A mistake in the input rather than in the program.

    The message names the file or argument, says what is wrong with it and what to do. The command line
    prints it as one line and exits with code 2; Python callers catch it as a `ValueError`.
    """
