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
def replacing(path: Path | str) -> Iterator[Path]:
    """Write a file or folder beside its final name and rename it when all of it is there.

    Yields a path in the same folder with the same suffix. If the block ends normally, what was written
    there takes the final name and replaces what stood there, file or folder; otherwise it is removed, and
    what stood under the final name is untouched.

    Example:
        >>> with replacing("flow.npz") as part:
        ...     np.savez(part, flow=flow)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A hidden folder beside the target: same file system, so that the rename is atomic.
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    part = scratch / path.name
    try:
        yield part
        if path.is_dir():
            os.replace(path, scratch / "replaced")
        os.replace(part, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


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
    path = check_exists(Path(path))
    data = np.fromfile(path, np.uint8) if path.is_file() else np.empty(0, np.uint8)
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if bgr is None:
        raise InputError(f"{path}: not a picture that can be read (empty, damaged or of an unknown format)")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def encode_png(image: np.ndarray) -> bytes:
    """Encode losslessly, fast rather than small: uint8 or uint16, shape (H, W) grey or (H, W, 3) RGB."""
    if image.dtype == np.uint8 and image.ndim == 3:
        height, width, channels = image.shape
        return fpng_py.fpng_encode_image_to_memory(image.tobytes(), width, height, channels)
    _, data = cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)
    return data.tobytes()


def write_image(path: Path | str, image: np.ndarray) -> None:
    """Write a picture as PNG: uint8 or uint16, shape (H, W) or (H, W, 3) RGB."""
    with replacing(path) as part:
        part.write_bytes(encode_png(image))
