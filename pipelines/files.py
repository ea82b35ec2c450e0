"""Files that are either whole or absent, and pictures in and out."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import fpng_py
import numpy as np

from pipelines.errors import InputError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".webp")


@contextmanager
def replacing(path: Path | str, replace_folder: bool = False) -> Iterator[Path]:
    """Write a file or folder beside its final name and rename it when all of it is there.

    Yields a path in the same folder with the same suffix. If the block ends normally, what was written
    there takes the final name; otherwise it is removed, and what stood under the final name is untouched.

    Args:
        path: the final name. A file of that name is replaced.
        replace_folder: replace a folder of that name with all that is in it, too.

    Raises:
        InputError: if a folder with something in it has that name and is not to be replaced.
        OSError: naming `path`, if it cannot be written.

    Example:
        >>> with replacing("flow.npz") as part:
        ...     np.savez(part, flow=flow)
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
        # What failed here is the writing of `path`, whatever the name it was written under.
        if error.errno is None or (error.filename and scratch and str(scratch) not in str(error.filename)):
            raise
        raise OSError(error.errno, f"cannot be written ({error.strerror})", str(path)) from error
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)


def check_outputs(*outputs: Path | None, inputs: tuple[Path, ...] = (), may_be_folder: bool = False) -> None:
    """Refuse outputs that would cost the user something, before any work is done.

    Args:
        outputs: names that are to be written; None stands for one that is not wanted.
        inputs: files that are read.
        may_be_folder: outputs may be folders that have something in them.

    Raises:
        InputError: if an output is an input, is named twice, or is a folder with something in it.
    """
    wanted = [Path(path) for path in outputs if path is not None]
    for path in wanted:
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


def read_image(path: Path | str) -> np.ndarray:
    """Read a picture: 8 or 16 bit, grey or colour, with or without transparency.

    Returns:
        uint8, shape (H, W, 3), RGB, turned upright if its EXIF data say so.

    Raises:
        InputError: if the file is absent or OpenCV cannot decode it.
    """
    return cv2.cvtColor(decode_image(check_exists(Path(path)), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def decode_image(path: Path, flags: int) -> np.ndarray:
    """Decode a picture as OpenCV does.

    Args:
        path: of the file.
        flags: OpenCV's, for instance `cv2.IMREAD_UNCHANGED`.

    Returns:
        uint8 or uint16, shape (H, W) or (H, W, C), blue first.

    Raises:
        InputError: if it is empty, cut off, too large for OpenCV, or no picture.
    """
    data = path.read_bytes() if path.is_file() else b""
    # Decoders go on quietly after a missing end: a cut-off JPEG comes out half grey.
    cut_off = (data.startswith(b"\x89PNG") and b"IEND" not in data[-64:]) or (
        data.startswith(b"\xff\xd8") and b"\xff\xd9" not in data
    )
    if not data or cut_off:
        raise InputError(f"{path}: not a picture that can be read ({'cut off' if data else 'empty'})")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise InputError(f"{path}: not a picture that can be read ({error.err})") from error
    if image is None:
        raise InputError(f"{path}: not a picture that can be read (damaged, or of an unknown format)")
    return image


def encode_png(image: np.ndarray) -> bytes:
    """Encode losslessly, fast rather than small: uint8 or uint16, shape (H, W) grey or (H, W, 3) RGB."""
    if image.dtype == np.uint8 and image.ndim == 3:
        height, width, channels = image.shape
        return fpng_py.fpng_encode_image_to_memory(image.tobytes(), width, height, channels)
    _, data = cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)
    return data.tobytes()


def check_picture_path(path: Path | str) -> Path:
    """Return a path that ends in .png, as all pictures that are written do, or raise `InputError`."""
    path = Path(path)
    if path.suffix != ".png":
        raise InputError(f"{path}: pictures are written as PNG; the name must end in .png")
    return path


def write_image(path: Path | str, image: np.ndarray) -> None:
    """Write a picture as PNG: uint8 or uint16, shape (H, W) or (H, W, 3) RGB."""
    with replacing(check_picture_path(path)) as part:
        part.write_bytes(encode_png(image))
