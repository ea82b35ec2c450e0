"""Images in and out: decoded from any common format, upright, 8 bits a channel; written as PNG."""

import io
import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import fpng_py
import numpy as np
from PIL import Image, ImageOps

from pipelines.errors import InputError
from pipelines.files import check_exists, replacing

#: Suffixes of files in a folder that count as pictures of a clip. A file that is named may have any suffix.
IMAGE_SUFFIXES = (
    *(".avif", ".bmp", ".heic", ".heif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif"),
    *(".tiff", ".webp"),
)

# What OpenCV cannot decode becomes an `InputError`; its own report on stderr would be a second one.
cv2.setLogLevel(0)

_log = logging.getLogger("faceflow")
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xae\x42\x60\x82"
_JPEG, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_BIT_DEPTHS = (8, 10, 12, 14, 16)  # of cameras, whose values lie in 16-bit files as they are


def read_image(path: Path | str) -> np.ndarray:
    """Read a picture: PNG, JPEG, TIFF, BMP, PNM, WebP, AVIF or GIF, grey or colour, 8 or 16 bits a channel.

    Transparency is dropped. Of 16-bit files the range in use counts, see `to_8_bits`; frames of one clip must
    share it, so read those with `read_images`.

    Returns:
        uint8, shape (H, W, 3), RGB, turned upright as its EXIF orientation says.

    Raises:
        InputError: if the file is absent, empty, truncated, of a format or type that is not read, or damaged.

    Examples:
        >>> frame1 = read_image("onset.png")  # doctest: +SKIP
    """
    return read_images([path])[0]


def read_images(paths: Sequence[Path | str]) -> list[np.ndarray]:
    """Read pictures of one clip: as `read_image`, with one scale for the values of all 16-bit files.

    Returns:
        A list of uint8 [H, W, 3], RGB.
    """
    decoded = [decode_colour(check_exists(Path(path))) for path in paths]
    depth = bit_depth(decoded, str(paths[0]))
    return [to_8_bits(image, depth) for image in decoded]


def bit_depth(images: Sequence[np.ndarray], name: str) -> int:
    """Return the bits that hold the values of all 16-bit pictures of a clip; logs it if less than 16.

    Cameras of 10 and 12 bits write their values into 16-bit files as they are; taken as a share of 65,535
    they are nearly black.

    Args:
        images: uint8 or uint16; those of 8 bits do not count.
        name: name of the clip or the first file, for the message.

    Returns:
        8, 10, 12, 14 or 16; 16 without 16-bit pictures.
    """
    largest = max((int(image.max()) for image in images if image.dtype == np.uint16), default=0)
    if largest == 0:
        return 16
    depth = next(bits for bits in _BIT_DEPTHS if largest < 1 << bits)
    if depth < 16:
        _log.warning(
            "%s: values up to %d in 16-bit files; they are taken as %d bits, %d is white",
            *(name, largest, depth, (1 << depth) - 1),
        )
    return depth


def to_8_bits(image: np.ndarray, depth: int) -> np.ndarray:
    """Scale a uint16 picture of `depth` bits to uint8, 2^depth - 1 to 255; return a uint8 picture as is."""
    if image.dtype == np.uint8:
        return image
    scaled = image.astype(np.float32) * np.float32(255 / ((1 << depth) - 1))
    return np.minimum(np.round(scaled), 255).astype(np.uint8)


def decode_colour(path: Path) -> np.ndarray:
    """Decode a picture of any format, upright: uint8 or uint16 [H, W, 3], RGB.

    Raises:
        InputError: as `read_image`.
    """
    data = _read_bytes(path)
    kind = _format(data)
    if kind in ("WebP", "AVIF", "GIF"):
        return _decode_with_pillow(path, data)
    if kind == "HEIC":
        raise InputError(
            f"{path}: HEIC pictures are not read; convert it (heif-convert {path.name} {path.stem}.png), or "
            "have the phone write JPEG"
        )
    # OpenCV turns JPEG, PNG and TIFF upright by itself, unlike WebP.
    image = _decode(path, data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def decode_image(path: Path, flags: int) -> np.ndarray:
    """Decode a file of numbers, such as a mask or a KITTI flow, as OpenCV does.

    Args:
        path: path of the file.
        flags: OpenCV's, for instance `cv2.IMREAD_UNCHANGED`.

    Returns:
        uint8 or uint16, shape (H, W) or (H, W, C), blue first.

    Raises:
        InputError: if it is empty, truncated, too large for OpenCV, or no picture.
    """
    return _decode(path, _read_bytes(path), flags)


def _read_bytes(path: Path) -> bytes:
    data = path.read_bytes() if path.is_file() else b""
    if not data:
        raise InputError(
            f"{path}: not a picture that can be read ({'empty' if path.is_file() else 'a folder'})"
        )
    # Decoders do not report a missing end: a truncated JPEG comes out half grey. Bytes after it do no harm.
    if (data.startswith(_PNG) and _PNG_END not in data) or (
        data.startswith(_JPEG) and _JPEG_END not in data[_jpeg_scan(data) :]
    ):
        raise InputError(f"{path}: not a picture that can be read (truncated)")
    return data


def _jpeg_scan(data: bytes) -> int:
    """Return where the compressed picture begins: the segments before may hold a thumbnail, another JPEG."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        if data[place + 1] == 0xDA:
            return place
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return min(place, len(data))


def _format(data: bytes) -> str | None:
    """Return the name of a format that OpenCV is not asked to read."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:4] == b"GIF8":
        return "GIF"
    if data[4:8] == b"ftyp":
        brands = data[8 : int.from_bytes(data[:4], "big")]
        if b"avif" in brands or b"avis" in brands:
            return "AVIF"
        if any(brand in brands for brand in (b"heic", b"heix", b"hevc", b"heim", b"mif1")):
            return "HEIC"
    return None


def _decode_with_pillow(path: Path, data: bytes) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB")).copy()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a picture that can be read ({error})") from error


def _decode(path: Path, data: bytes, flags: int) -> np.ndarray:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise InputError(f"{path}: not a picture that can be read ({error.err})") from error
    if image is None or image.dtype not in (np.uint8, np.uint16):
        if image is not None or data[:4] in (b"II*\0", b"MM\0*"):
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if image is not None:
            raise InputError(
                f"{path}: its values are {image.dtype}; convert it to 8 or 16 bits a channel, for instance "
                "with skimage.util.img_as_uint"
            )
        raise InputError(f"{path}: not a picture that can be read (damaged, or of an unknown format)")
    return image


def encode_png(image: np.ndarray) -> bytes:
    """Encode losslessly, fast rather than small: uint8 or uint16, shape (H, W) grey or (H, W, 3) RGB.

    Raises:
        InputError: for an array of another type.
    """
    if image.dtype not in (np.uint8, np.uint16):
        raise InputError(f"a picture is uint8 or uint16, not {image.dtype}; scale it to 0..255 first")
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
    """Write a picture as PNG: uint8 or uint16, shape (H, W) or (H, W, 3) RGB.

    Raises:
        InputError: for another suffix, or an array of another type.
    """
    with replacing(check_picture_path(path)) as part:
        part.write_bytes(encode_png(image))
