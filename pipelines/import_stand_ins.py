"""Imports of packages that load much more than is needed of them."""

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

_lock = threading.RLock()


@contextmanager
def stand_ins(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """Put other modules in the place of top-level ones while something that imports these is imported.

    Afterwards they are taken out again, with all that was imported under their names, so that a later import
    is a whole one. A module that is loaded already stays: there is nothing to save.

    Python has one table of modules for all threads: while the block runs, others import these only inside of
    `real_imports`, which waits.

    Args:
        modules: stand-in of each module by name; None makes its import fail with an ImportError, as if it
            were not installed.

    Examples:
        >>> with stand_ins({"wave": None}):
        ...     import wave
        Traceback (most recent call last):
        ...
        ModuleNotFoundError: import of wave halted; None in sys.modules
    """
    with _lock:
        absent = {name: module for name, module in modules.items() if name not in sys.modules}
        sys.modules.update(absent)
        try:
            yield
        finally:
            for name in [name for name in sys.modules if name.partition(".")[0] in absent]:
                del sys.modules[name]


@contextmanager
def real_imports() -> Iterator[None]:
    """Wait until no module has a stand-in, and keep it so while the block imports them."""
    with _lock:
        yield


def empty_package(name: str) -> ModuleType:
    """Return a package over the folder of an installed one whose `__init__` is not run.

    Raises:
        ImportError: if no such package is installed.
    """
    spec = find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError(f"no package {name!r} is installed")
    package = ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    return package
