"""Publishing a version: it is written under a hidden name, and renamed to its number once complete."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import InputError
from serving.repository.versions import versions_in

_PREFIX = ".new-"


@contextmanager
def scratch_folder(base: Path) -> Iterator[Path]:
    """Create a hidden folder beside the versions of a model, and remove it after the `with` block.

    Folders that a killed process has left are removed first. A running process holds a lock on its folder.
    """
    for path in base.glob(f"{_PREFIX}*"):
        if _is_abandoned(path):
            shutil.rmtree(path, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=base) as scratch, _lock(scratch).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(scratch)


def publish(part: Path, base: Path) -> Path:
    """Rename a version to its number: the time in seconds, or the latest version plus one if that is larger.

    Args:
        part: Complete SavedModel in a folder of `scratch_folder`.
        base: Folder of the model.

    Returns:
        The folder of the version.

    Raises:
        InputError: If the folder cannot be renamed.
    """
    version = max([int(time.time()), *(number + 1 for number in versions_in(base))])
    while True:
        try:
            os.rename(part, base / str(version))
            return base / str(version)
        except OSError as error:
            # Another version of the same second, or a half-copied one, has this name.
            if not (base / str(version)).exists():
                raise InputError(f"{base}: the model cannot be written there ({error})") from error
            version += 1


def _is_abandoned(path: Path) -> bool:
    try:
        with _lock(path).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked, or not created yet
        return False
    return True


def _lock(scratch: Path | str) -> Path:
    return Path(scratch) / "lock"
