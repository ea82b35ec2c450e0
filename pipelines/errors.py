"""The error for input that cannot be used."""

from pathlib import Path


class InputError(ValueError):
    """A mistake in the input rather than in the program.

    The message names the file or argument, what is wrong with it, and what to do. The command line prints it
    as one line and exits with code 2; Python callers catch it as a `ValueError`.
    """

    def naming(self, *paths: Path) -> "InputError":
        """Return this error with the files that it is about, unless its message names one of them.

        Errors of reading name their file; those of what is in it cannot.

        Examples:
            >>> InputError("no face found").naming(Path("face.png"))
            InputError('face.png: no face found')
            >>> InputError("face.png: no such file").naming(Path("face.png"), Path("other.png"))
            InputError('face.png: no such file')
        """
        if any(str(path) in str(self) for path in paths):
            return self
        return InputError(f"{', '.join(map(str, paths))}: {self}")
