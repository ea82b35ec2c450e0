"""Images in and out: decoded from any common format, written as PNG."""

from pathlib import Path

import cv2
import fpng_py
import numpy as np

from pipelines.errors import InputError
from pipelines.files import check_exists, replacing

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".webp")


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
