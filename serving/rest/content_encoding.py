"""Bodies other than plain JSON: compressed requests, and responses as NumPy files."""

import io
import zlib
from collections.abc import Mapping

import grpc
import numpy as np

from serving.protocol.serving_error import ServingError, invalid_argument

#: Media type of a response in NumPy's `.npz` format: `np.load(io.BytesIO(body))["flow"]`.
NPZ = "application/x-npz"

_GZIP = 16 + zlib.MAX_WBITS  # a gzip header in front
_GZIP_MAGIC = b"\x1f\x8b"
# Each member costs time, however small; compressors by blocks write one for every 64 KiB of up to 64 MiB.
_MOST_MEMBERS = 2048
_CHUNK = 2**16  # bytes: what follows a member is copied


def decompressed(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Return the body of a request without its gzip compression, of which it may have several members.

    Args:
        body: Body as it was received.
        encoding: Value of `Content-Encoding`. As in TensorFlow Serving, any value that contains `gzip` means
            gzip.
        max_bytes: Largest size of the result, bytes.

    Raises:
        ServingError: INVALID_ARGUMENT, if the body is not gzip data; RESOURCE_EXHAUSTED, if the result is
            larger than `max_bytes`.
    """
    if "gzip" not in encoding.lower():
        return body
    parts, size, place = [], 0, 0
    for _ in range(_MOST_MEMBERS):
        stream = zlib.decompressobj(_GZIP)
        while not stream.eof and place < len(body):
            chunk = body[place : place + _CHUNK]
            try:
                parts.append(stream.decompress(chunk, max_bytes + 1 - size))
            except zlib.error as error:
                raise invalid_argument(f"Failed to uncompress the gzipped body ({error})") from error
            size += len(parts[-1])
            if size > max_bytes:
                message = f"Received message larger than max ({max_bytes} bytes)"
                raise ServingError(grpc.StatusCode.RESOURCE_EXHAUSTED, message)
            place += len(chunk) - len(stream.unused_data)
        if not stream.eof:
            raise invalid_argument("Failed to uncompress the gzipped body (it is truncated)")
        if body[place : place + 2] != _GZIP_MAGIC:
            return b"".join(parts)
    raise invalid_argument(f"The gzipped body has more than {_MOST_MEMBERS} members")


def npz(outputs: Mapping[str, np.ndarray]) -> bytes:
    """Return outputs as an uncompressed `.npz` file; strings as fixed-length bytes."""
    file = io.BytesIO()
    arrays = {name: array.astype("S") if array.dtype.hasobject else array for name, array in outputs.items()}
    np.savez(file, **arrays)
    return file.getvalue()
