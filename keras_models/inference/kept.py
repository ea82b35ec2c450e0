"""Networks that are kept in memory for the next call, for as long as their files stay the same."""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from keras_models.presets import is_preset, preset_files, preset_folder
from pipelines.import_stand_ins import real_imports

Name = TypeVar("Name", bound=Path | str)
T = TypeVar("T")

_state = {"has_loaded": False, "is_forked": False}


def kept(load: Callable[[Name], T], prefix: str = "") -> Callable[[Name], T]:
    """Keep what a function loads by the name of a preset or the folder of a run or SavedModel: the last four.

    It is loaded again once a file or the precision policy has changed, or the name leads to another folder.
    Threads wait for one another.

    Args:
        load: Function of a name, or of the path of a folder.
        prefix: What may stand before the name of a preset or folder.

    Raises (when called):
        RuntimeError: for a network, in a process that was forked after one had been loaded.

    Examples:
        >>> @kept
        ... def load(name):
        ...     return object()
        >>> load("zero") is load("zero") is not load("default")
        True
    """
    cached = functools.lru_cache(maxsize=4)(lambda name, files: load(name))

    @functools.wraps(load)
    def get(name: Name) -> T:
        files = _files(name.removeprefix(prefix) if isinstance(name, str) else name)
        if files and _state["is_forked"]:
            raise RuntimeError(
                "TensorFlow does not work in a process that was forked after it had run: it would wait for "
                "ever. Start processes by multiprocessing.get_context('spawn')"
            )
        with real_imports():
            found = cached(name, files and (*files, _precision()))
        _state["has_loaded"] |= bool(files)  # classical methods do not need TensorFlow
        return found

    return get


def _files(name: Path | str) -> tuple:
    """Return folder, names, sizes and times of change of the files that a name stands for."""
    folder = preset_folder(name)
    if not folder.is_dir():
        return ()
    files = preset_files(folder) if is_preset(folder) else sorted(folder.rglob("*"))
    stats = [(path, path.stat()) for path in files if path.is_file()]
    return folder.absolute(), *((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats)


def _precision() -> str:
    """Return the precision policy in which a network would be built."""
    keras = sys.modules.get("keras")
    return keras.mixed_precision.global_policy().name if keras else "float32"


def _after_fork() -> None:
    _state["is_forked"] = _state["has_loaded"]


os.register_at_fork(after_in_child=_after_fork)
