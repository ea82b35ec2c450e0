"""The folder of a training run: whether the run is new, interrupted or finished."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keras_models.presets import is_preset, read_preset
from keras_models.training.nan_guard import BAD_BATCH
from pipelines.errors import InputError
from pipelines.files import check_outputs

_BACKUP = "backup"
_FOLDERS = ("data", "init_from")  # settings that name a folder


def backup_folder(out: Path) -> Path:
    """Return the folder of a run's checkpoints, which exists exactly until the run is finished."""
    return out / _BACKUP


def is_finished(out: Path, recipe: dict) -> bool:
    """Return whether the folder holds a finished run with the same recipe."""
    if not is_preset(out) or backup_folder(out).exists():
        return False
    return not _differences(read_preset(out).recipe, recipe)


def _differences(earlier: dict, recipe: dict) -> list[str]:
    """Return the names of the settings in which two recipes differ.

    Where folders lie, and how their paths are written, makes no difference: digests tell what they hold.
    """
    now = json.loads(json.dumps(recipe))
    names = [name for name in earlier | now if name not in _FOLDERS]
    return [name for name in names if earlier.get(name) != now.get(name)]


@contextmanager
def claim(out: Path, recipe: dict) -> Iterator[None]:
    """Make the folder of a run, or find in it the same run, interrupted; no other training may then use it.

    Raises:
        InputError: If the folder holds another run, or another training is writing into it.
    """
    path = backup_folder(out) / "recipe.json"
    text = json.dumps(recipe, indent=1)
    is_new = not path.exists()
    if is_new and is_preset(out):
        names = ", ".join(_differences(read_preset(out).recipe, recipe))
        raise InputError(
            f"{out}: holds a training run with other settings already ({names}); choose another folder, or "
            "remove this one"
        )
    if is_new:
        check_outputs(out)
        path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(out, os.O_RDONLY)
    try:
        try:
            # The system lets go of it however this process ends.
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{out}: another training is writing into it") from error
        if is_new:
            path.write_text(text)
        elif names := _differences(json.loads(path.read_text()), recipe):
            raise InputError(
                f"{out}: holds an interrupted run with other settings or data ({', '.join(names)}), which "
                f"are in {path}; continue with those, choose another folder, or remove this one"
            )
        yield
    finally:
        os.close(folder)


def remove_if_empty(out: Path) -> None:
    """Remove the folder of a run that ended before it saved a network or a bad batch."""
    if not is_preset(out) and not (out / BAD_BATCH).exists():
        shutil.rmtree(out)


def finish(out: Path) -> None:
    """Mark the run as finished."""
    shutil.rmtree(backup_folder(out))
