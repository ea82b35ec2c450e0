"""Atomic writes: files and folders that are written completely or not at all. The folder of the cache."""

import atexit
import json
import math
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pipelines.errors import InputError


@contextmanager
def replacing(path: Path | str, replace_folder: bool = False) -> Iterator[Path]:
    """Write a file or folder under a temporary name and rename it when it is complete.

    Yields a path with the same name in a temporary folder beside the target. If the block ends normally, what
    was written there is renamed to the target; otherwise it is removed, and an existing target is unchanged.

    Args:
        path: target. An existing file is replaced.
        replace_folder: replace an existing folder with all of its content, too.

    Raises:
        InputError: if the target is a folder that is not empty, without `replace_folder`.
        OSError: naming `path`, if it cannot be written.

    Examples:
        >>> with replacing("flow.npz") as part:
        ...     np.savez(part, flow=np.zeros((4, 4, 2)))
    """
    path = Path(path)
    check_outputs(path, may_be_folder=replace_folder)
    # A hidden folder beside the target: same file system, so that the rename is atomic.
    scratch = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        part = scratch / path.name
        yield part
        if path.is_dir():
            os.replace(path, scratch / "replaced")
        os.replace(part, path)
    except OSError as error:
        # What failed is the writing of `path`, under whatever temporary name.
        if error.errno is None or (error.filename and scratch and str(scratch) not in str(error.filename)):
            raise
        raise OSError(error.errno, f"cannot be written ({error.strerror})", str(path)) from error
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)


def write_json(path: Path, content: object) -> None:
    """Write plain values as JSON; NaN and infinity, which JSON lacks, become null.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_json(Path(folder, "x.json"), {"f1": [0.5, float("nan")]})
        ...     json.loads(Path(folder, "x.json").read_text())
        {'f1': [0.5, None]}
    """
    with replacing(path) as part:
        part.write_text(json.dumps(_without_nan(content), indent=1, allow_nan=False) + "\n")


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def check_outputs(*outputs: Path | None, inputs: tuple[Path, ...] = (), may_be_folder: bool = False) -> None:
    """Refuse outputs that would overwrite the user's data, before any work is done.

    Args:
        outputs: paths to be written; None for an optional output that is not requested.
        inputs: files to be read.
        may_be_folder: accept outputs that are folders with content.

    Raises:
        InputError: if an output is an input, is named twice, is `-`, or is a folder that is not empty.
    """
    wanted = [Path(path) for path in outputs if path is not None]
    for path in wanted:
        if str(path) == "-":
            raise InputError("-: results are not written to the standard output; name a file")
        if any(path.resolve() == Path(read).resolve() for read in inputs):
            raise InputError(f"{path}: is read and cannot be written as well; choose another name")
        if path.resolve() == Path.cwd():
            raise InputError(f"{path}: is the folder you are in; name a new one in it")
        if path.is_dir() and any(path.iterdir()) and not may_be_folder:
            raise InputError(f"{path}: is a folder with something in it; choose another name")
    if len({path.resolve() for path in wanted}) < len(wanted):
        raise InputError(f"{wanted[0]}: two outputs have the same name")


def check_exists(path: Path) -> Path:
    """Return `path`, or raise `InputError` if there is nothing under that name."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    return path


def cache_folder() -> Path:
    """Return the folder of what is computed or fetched once: `$XDG_CACHE_HOME/faceflow`, or in `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "faceflow"


def without_wildcards(folder: Path) -> Path:
    """Give a folder a name without `*`, `?` and `[`, for libraries that expand them, as TensorFlow does.

    Args:
        folder: any folder.

    Returns:
        The folder itself, or a link to it. The link lasts as long as the process, because a model may read
        its files late.
    """
    if not set(str(folder)) & set("*?["):
        return folder
    link = Path(_folder_of_links()) / str(uuid.uuid4())
    link.symlink_to(folder.absolute())
    return link


@cache
def _folder_of_links() -> str:
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return folder.name
