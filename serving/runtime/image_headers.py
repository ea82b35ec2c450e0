"""Sizes of image files, read from their headers before anything is decoded.

A file of a hundred kilobytes can state a size of gigabytes, which decoders allocate before they read further.
"""

import math
import struct
from collections.abc import Iterable, Mapping

import numpy as np

from serving.protocol.serving_error import invalid_argument

#: Number of bytes at the start of a file that are searched for an EXIF block.
EXIF_SEARCH = 2**17

#: Bytes before the TIFF header of an EXIF block, in JPEG and in PNG.
EXIF_MARKS = (b"Exif\0\0", b"eXIf")

#: Values of the EXIF orientation that swap width and height.
TRANSPOSED = (5, 6, 7, 8)

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xDA)}
_START_OF_SCAN = 0xDA
_ORIENTATION_TAG = 0x112


def check_images(inputs: Mapping[str, np.ndarray], max_elements: int) -> None:
    """Check image files before they are decoded.

    Args:
        inputs: Files as arrays [B] of bytes, by input name.
        max_elements: Largest number of values in all images of an input together.

    Raises:
        ServingError: INVALID_ARGUMENT, if a file is neither JPEG nor PNG or has no readable size, if the
            images are too large, or if they differ in size and so cannot form a batch.
    """
    sizes: dict[tuple[int, int], str] = {}
    for name, files in inputs.items():
        rows = [_size(name, file) for file in files.ravel()]
        if 3 * sum(math.prod(size) for size in rows) > max_elements:
            raise invalid_argument(
                f"input {name} holds images of {_list(rows)} pixels, "
                f"which is more than this server's limit of {max_elements} elements"
            )
        sizes |= dict.fromkeys(rows, name)
    if len(sizes) > 1:
        raise invalid_argument(f"all images must have the same size, but have {_list(sizes)} pixels")


def image_size(file: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG or PNG file after rotation by its EXIF orientation.

    Returns:
        Width and height in pixels, or None if the file has another format or its header is truncated.
    """
    if file.startswith(_PNG):
        size = _png_size(file)
    elif file.startswith(_JPEG):
        size = _jpeg_size(file)
    else:
        return None
    return size[::-1] if size and exif_orientation(file) in TRANSPOSED else size


def exif_orientation(file: bytes) -> int:
    """Return the orientation that the EXIF block of a file states, 1 to 8; 1 without a readable block."""
    head = file[:EXIF_SEARCH]
    for mark in EXIF_MARKS:
        for order, tiff in (("<", b"II*\0"), (">", b"MM\0*")):
            start = head.find(mark + tiff)
            if start >= 0:
                return _tiff_orientation(head[start + len(mark) :], order)
    return 1


def _tiff_orientation(block: bytes, order: str) -> int:
    try:
        (position,) = struct.unpack_from(f"{order}I", block, 4)
        (entries,) = struct.unpack_from(f"{order}H", block, position)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", block, position + 2 + 12 * entry)
            if tag == _ORIENTATION_TAG:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _png_size(file: bytes) -> tuple[int, int] | None:
    if len(file) < 24 or file[12:16] != b"IHDR":
        return None
    return struct.unpack(">II", file[16:24])


def _jpeg_size(file: bytes) -> tuple[int, int] | None:
    """Return the largest size that a frame header states; decoders differ in which header they use."""
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
    size = image_size(file)
    if size is None or 0 in size:
        raise invalid_argument(f"input {name} holds a file that is no complete JPEG or PNG")
    return size


def _list(sizes: Iterable[tuple[int, int]]) -> str:
    return ", ".join(sorted({f"{width}x{height}" for width, height in sizes})[:8])
