"""The folder of a training run: whether the run is new, interrupted or finished."""

import json
import shutil
from pathlib import Path

from keras_models.presets import is_preset, read_preset
from keras_models.training.nan_guard import BAD_BATCH
from pipelines.errors import InputError
from pipelines.files import check_outputs

_BACKUP = "backup"


def backup_folder(out: Path) -> Path:
    """Return the folder of a run's checkpoints, which exists exactly until the run is finished."""
    return out / _BACKUP


def is_finished(out: Path, recipe: dict) -> bool:
    """Return whether the folder holds a finished run with the same recipe."""
    if not is_preset(out) or backup_folder(out).exists():
        return False
    return read_preset(out).recipe == json.loads(json.dumps(recipe))


def claim(out: Path, recipe: dict) -> None:
    """Make the folder of a run, or find in it the same run, interrupted.

    Raises:
        InputError: If the folder holds another run.
    """
    path = backup_folder(out) / "recipe.json"
    text = json.dumps(recipe, indent=1)
    if path.exists():
        if path.read_text() != text:
            raise InputError(
                f"{out}: holds an interrupted run with other settings, which are in {path}; continue with "
                "those, choose another folder, or remove this one"
            )
        return
    if is_preset(out):
        raise InputError(
            f"{out}: holds a training run with other settings already; choose another folder, or remove this "
            "one"
        )
    check_outputs(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def remove_if_empty(out: Path) -> None:
    """Remove the folder of a run that ended before it saved a network or a bad batch."""
    if not is_preset(out) and not (out / BAD_BATCH).exists():
        shutil.rmtree(out)


def finish(out: Path) -> None:
    """Mark the run as finished."""
    shutil.rmtree(backup_folder(out))
