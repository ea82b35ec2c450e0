"""Pictures that are sent as files: how large they are is read from their headers before they are decoded.

A file of a hundred kilobytes can hold a picture that takes gigabytes, and decoders take them before they
notice anything.
"""

import math
import struct
from collections.abc import Iterable, Mapping

import numpy as np

from serving.protocol.serving_error import invalid_argument

#: The signature whose inputs are files.
ENCODED_SIGNATURE = "encoded"

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xDA)}
_START_OF_SCAN = 0xDA


def check_pictures(inputs: Mapping[str, np.ndarray], max_elements: int) -> None:
    """Hold files against what may be decoded.

    Args:
        inputs: by name, [B] of bytes.
        max_elements: the most values that all pictures of an input may have together.

    Raises:
        Refusal: INVALID_ARGUMENT, for a file that is neither JPEG nor PNG or has no readable size, for
            pictures that are too large, and for pictures of different sizes, which make no batch.
    """
    sizes: dict[tuple[int, int], str] = {}
    for name, files in inputs.items():
        rows = [_size(name, file) for file in files]
        if 3 * sum(math.prod(size) for size in rows) > max_elements:
            raise invalid_argument(
                f"input {name} holds pictures of {_list(rows)} pixels, "
                f"which is more than this server's limit of {max_elements} elements"
            )
        sizes |= dict.fromkeys(rows, name)
    if len(sizes) > 1:
        raise invalid_argument(f"all pictures must have the same size, but have {_list(sizes)} pixels")


def picture_size(file: bytes) -> tuple[int, int] | None:
    """Read width and height from the header of a JPEG or PNG file; None if it is neither or is cut off."""
    if file.startswith(_PNG):
        return _png_size(file)
    if file.startswith(_JPEG):
        return _jpeg_size(file)
    return None


def _png_size(file: bytes) -> tuple[int, int] | None:
    if len(file) < 24 or file[12:16] != b"IHDR":
        return None
    return struct.unpack(">II", file[16:24])


def _jpeg_size(file: bytes) -> tuple[int, int] | None:
    """Return the largest size that any frame header states; decoders differ in which one they take."""
    found, position = None, 2
    while position + 4 <= len(file):
        if file[position] != 0xFF:
            return None
        marker = file[position + 1]
        if marker == 0xFF:  # filling
            position += 1
            continue
        if marker in _WITHOUT_LENGTH:
            position += 2
            continue
        if marker == _START_OF_SCAN:
            return found
        if marker in _START_OF_FRAME and position + 9 <= len(file):
            height, width = struct.unpack(">HH", file[position + 5 : position + 9])
            found = max(found or (0, 0), (width, height), key=math.prod)
        position += 2 + struct.unpack(">H", file[position + 2 : position + 4])[0]
    return None


def _size(name: str, file: bytes) -> tuple[int, int]:
    size = picture_size(file)
    if size is None or 0 in size:
        raise invalid_argument(f"input {name} holds a file that is no whole JPEG or PNG")
    return size


def _list(sizes: Iterable[tuple[int, int]]) -> str:
    return ", ".join(sorted({f"{width}x{height}" for width, height in sizes})[:8])
