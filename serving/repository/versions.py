"""Versions of a model on disk, and their selection by a version policy."""

import logging
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import tensorflow as tf
from tensorflow.python.saved_model import loader_impl

from pipelines.errors import InputError
from serving.protocol.stubs import model_server_config_pb2

_log = logging.getLogger(__name__)

_GRAPHS = ("saved_model.pb", "saved_model.pbtxt")
_VARIABLES = "variables/variables.index"
_SHARD = re.compile(r"variables\.data-\d{5}-of-(\d{5})")
_VARIABLE_OPS = ("VarHandleOp", "Variable", "VariableV2")

_VERSIONS = 2**63  # requests name versions as int64

# An incomplete folder is logged once, not at each poll.
_logged: set[Path] = set()


def is_complete(folder: Path) -> bool:
    """Tell whether a folder has all files of a SavedModel; some may still be being copied.

    A graph without variables, as TensorFlow 1 saves them, needs no `variables` folder.

    Raises:
        OSError: If this user may not look into the folder.
    """
    graphs = [folder / name for name in _GRAPHS if (folder / name).is_file()]
    if not graphs:
        return False
    if (folder / _VARIABLES).is_file():
        shards = [_SHARD.fullmatch(path.name) for path in (folder / _VARIABLES).parent.iterdir()]
        counts = [int(shard[1]) for shard in shards if shard]
        return bool(counts) and len(counts) == counts[0]
    stat = graphs[0].stat()
    return _without_variables(folder, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)  # folders are polled ten times a second
def _without_variables(folder: Path, modified: int, size: int) -> bool:
    """Tell whether a graph can be parsed and has no variables. Time and size only serve as the cache key."""
    try:
        saved = loader_impl.parse_saved_model(str(folder))
    except (OSError, tf.errors.OpError):
        return False
    graphs = [graph.graph_def for graph in saved.meta_graphs]
    functions = [function for graph in graphs for function in graph.library.function]
    nodes = [node for graph in graphs for node in graph.node]
    nodes += [node for function in functions for node in function.node_def]
    return bool(nodes) and not any(node.op in _VARIABLE_OPS for node in nodes)


def versions_in(folder: Path) -> dict[int, Path]:
    """Return the complete versions of one model by number, in ascending order.

    Incomplete folders (`is_complete`), those that this user may not look into, and folders whose names are
    not version numbers are ignored.

    Raises:
        OSError: If the folder of the model cannot be read.
    """
    found = {}
    for path in folder.iterdir():
        if not (path.name.isascii() and path.name.isdecimal() and int(path.name) < _VERSIONS):
            continue
        try:
            if not path.is_dir():
                continue
            reason = "" if is_complete(path) else "incomplete SavedModel"
        except OSError as error:
            reason = f"cannot be read ({error.strerror})"
        if reason:
            _log_once(path, reason)
        else:
            found[int(path.name)] = path
            _logged.discard(path)
    return dict(sorted(found.items()))


def _log_once(path: Path, reason: str) -> None:
    if path not in _logged:
        _logged.add(path)
        _log.warning("%s: %s, skipped", path, reason)


def wanted_versions(found: Iterable[int], config: model_server_config_pb2.ModelConfig) -> set[int]:
    """Return the versions that a model's version policy asks for.

    Without a policy, this is the latest version, as in TensorFlow Serving
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
    """Return names, sizes and times of all files in a folder, to detect changes."""
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
        InputError: If the folder is absent or holds no model.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    if versions_in(folder):
        raise InputError(
            f"{folder}: this is the folder of one model; give its parent folder, {folder.absolute().parent}"
        )
    found = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            try:
                found[path.name] = versions_in(path)
                _logged.discard(path)
            except PermissionError as error:  # as of `lost+found`
                _log_once(path, f"cannot be read ({error.strerror})")
    models = {name: versions for name, versions in found.items() if versions}
    if not models:
        raise InputError(
            f"{folder}: no models here (folders like face_flow/1700000000/saved_model.pb); "
            "make one with `faceflow export`"
        )
    return models
