"""The versions of a model on disk, and which of them are to be served."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from pipelines.errors import InputError
from serving.protocol.stubs import model_server_config_pb2

_log = logging.getLogger(__name__)

_PARTS = ("saved_model.pb", "variables/variables.index")

# What is left out is said once, not at each look.
_said: set[Path] = set()


def is_whole(folder: Path) -> bool:
    """Tell whether a folder has the files without which it is no SavedModel (yet)."""
    return all((folder / part).is_file() for part in _PARTS)


def versions_in(folder: Path) -> dict[int, Path]:
    """Return the whole versions of one model by number, in ascending order.

    Folders whose names are not numbers are left alone; so are numbers without the files of a SavedModel,
    which somebody may be copying at this moment.
    """
    found = {}
    for path in folder.iterdir():
        if not (path.name.isascii() and path.name.isdecimal() and path.is_dir()):
            continue
        if is_whole(path):
            found[int(path.name)] = path
            _said.discard(path)
        elif path not in _said:
            _said.add(path)
            _log.warning("%s: not a whole SavedModel, left out", path)
    return dict(sorted(found.items()))


def wanted_versions(found: Iterable[int], config: model_server_config_pb2.ModelConfig) -> set[int]:
    """Return the versions that a model's version policy asks for.

    Without a policy it is the latest version, as in TensorFlow Serving
    (sources/storage_path/file_system_storage_path_source.cc).
    """
    policy = config.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return set(found)
    if choice == "specific":
        return set(found) & set(policy.specific.versions)
    return set(sorted(found)[-max(1, policy.latest.num_versions) :])


def fingerprint(folder: Path) -> tuple:
    """Return something that changes when a file in a folder does: names, sizes and times."""
    stats = []
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                stat = os.stat(os.path.join(path, name))
            except FileNotFoundError:  # removed meanwhile, which is a change too
                continue
            stats.append((path, name, stat.st_size, stat.st_mtime_ns))
    return tuple(sorted(stats))


def find_models(folder: Path | str) -> dict[str, dict[int, Path]]:
    """Return the versions of all models in a folder.

    Raises:
        InputError: if the folder is absent or holds no model.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    if versions_in(folder):
        raise InputError(
            f"{folder}: this is one model; give the folder that holds it, {folder.absolute().parent}"
        )
    found = {
        path.name: versions_in(path)
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    }
    models = {name: versions for name, versions in found.items() if versions}
    if not models:
        raise InputError(
            f"{folder}: no models here (folders like face_flow/1700000000/saved_model.pb); "
            "make one with `faceflow export`"
        )
    return models
