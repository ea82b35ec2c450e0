"""The error for input that cannot be used."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """A mistake in the input rather than in the program.

    The message names the file or argument, what is wrong with it, and what to do. The command line prints it
    as one line and exits with code 2; Python callers catch it as a `ValueError`.
    """


@contextmanager
def naming(*paths: Path) -> Iterator[None]:
    """Put the paths before the message of an `InputError`, unless it begins with one of them.

    Errors of reading name their file, `FILE: ...`, or a file in a folder, `FOLDER/FILE: ...`; those of what
    is in it cannot.

    Args:
        paths: The files that are used.

    Examples:
        >>> with naming(Path("face.png")):
        ...     raise InputError("no face found")
        Traceback (most recent call last):
        pipelines.errors.InputError: face.png: no face found
        >>> with naming(Path("no")):
        ...     raise InputError("no face found")
        Traceback (most recent call last):
        pipelines.errors.InputError: no: no face found
    """
    try:
        yield
    except InputError as error:
        if str(error).startswith(tuple(f"{path}{end}" for path in paths for end in (":", "/"))):
            raise
        raise InputError(f"{', '.join(map(str, paths))}: {error}") from error
