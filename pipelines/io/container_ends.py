"""Where containers of video say that they end, to tell a truncated file from a whole one.

Decoders do not report frames that are missing at the end. MPEG program streams, FLV and ASF state no end:
only a damaged last frame shows that their files are truncated.
"""

import re
import struct
from pathlib import Path
from typing import BinaryIO

_START = 65536  # bytes
_OGG_PAGE = 27 + 255 + 255 * 255  # bytes at most
_TRANSPORT_PACKETS = ((0, 188), (4, 192))  # place of the sync byte 0x47 in a packet, bytes of a packet
_DV_FRAMES = (120_000, 144_000)  # bytes of a frame of 525 and of 625 lines
_MXF_PARTITION = b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01"


def is_truncated(path: Path) -> bool:
    """Tell whether the container of a video states an end that its file does not have.

    Args:
        path: Path of the file. Its suffix does not matter.

    Returns:
        True for MP4, AVI, Matroska, WebM, Ogg, GIF, MPEG transport streams, MXF, DV and YUV4MPEG files that
        are shorter than they state or end within a packet; False for whole files and other containers.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_START)
        if start[:4] == b"RIFF":
            stated = struct.unpack("<I", start[4:8])[0]
            return stated < 0xFFFFFFFF and stated + 8 > size
        if start[:4] == b"GIF8":
            return not _last_bytes(file, size, 64).rstrip(b"\0").endswith(b";")
        if start[:4] == b"OggS":
            return _ogg_page_is_truncated(_last_bytes(file, size, 2 * _OGG_PAGE))
        if start[:4] == b"\x1a\x45\xdf\xa3":  # EBML
            return _matroska_end(start) > size
        if start[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
            return _media_data_end(file, size) > size
        if start.startswith(_MXF_PARTITION):
            return _mxf_footer(start) >= size
        if start.startswith(b"YUV4MPEG2 "):
            return _ends_within_a_picture(start, size)
        if start.startswith(b"\x1f\x07\x00"):  # header block of DV's first sequence
            return size % _DV_FRAMES[start[3] >> 7] != 0
        for sync, packet in _TRANSPORT_PACKETS:
            if len(start) > 4 * packet and set(start[sync : 4 * packet : packet]) == {0x47}:
                return size % packet != 0
    return False


def _last_bytes(file: BinaryIO, size: int, count: int) -> bytes:
    file.seek(-min(size, count), 2)
    return file.read()


def _ogg_page_is_truncated(end: bytes) -> bool:
    """Tell whether the last page of an Ogg file is shorter than its table of segments says."""
    page = end[end.rfind(b"OggS") :]
    if len(page) <= 27 or len(page) < 27 + page[26]:  # the table, whose length byte 26 states, is incomplete
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _mxf_footer(start: bytes) -> int:
    """Return the position of the footer that the first partition of an MXF file states; 0 for none."""
    long_form = start[16] & 0x7F if start[16] & 0x80 else 0  # bytes of the length behind its first one
    place = 17 + long_form + 24  # behind version, grid, this and the previous partition
    return int.from_bytes(start[place : place + 8], "big")


def _ends_within_a_picture(start: bytes, size: int) -> bool:
    """Tell whether the pictures of a YUV4MPEG file, all of one size, do not fill it."""
    header, _, rest = start.partition(b"\n")
    fields = {field[:1]: field[1:] for field in header.split()[1:]}
    width, height, kind = int(fields[b"W"]), int(fields[b"H"]), fields.get(b"C", b"420")
    half = (width + 1) // 2
    samples = {
        b"420": width * height + 2 * half * ((height + 1) // 2),
        b"422": width * height + 2 * half * height,
        b"444": 3 * width * height,
        b"mono": width * height,
    }
    layout = next((name for name in samples if kind.startswith(name)), None)
    if layout is None or kind.endswith(b"alpha") or not rest.startswith(b"FRAME\n"):
        return False  # another layout, or pictures with parameters, which may differ in size
    # 9 to 16 bits take two bytes.
    deep = re.search(rb"p(9|1\d)$", kind) is not None or (layout == b"mono" and kind != b"mono")
    picture = len(b"FRAME\n") + samples[layout] * (2 if deep else 1)
    return (size - len(header) - 1) % picture != 0


def _matroska_end(start: bytes) -> int:
    """Return the position at which the segment of a Matroska file ends; 0 where that is not stated."""
    place = start.find(b"\x18\x53\x80\x67") + 4
    if not 4 <= place < len(start) - 8:
        return 0
    length = 9 - start[place].bit_length()  # of a number with variable length: leading zeros say it
    value = int.from_bytes(start[place : place + length], "big") & ((1 << 7 * length) - 1)
    return 0 if value == (1 << 7 * length) - 1 else place + length + value


def _media_data_end(file: BinaryIO, size: int) -> int:
    """Return the position at which the last `mdat` box of an MP4 file ends."""
    place, end = 0, 0
    while place + 16 <= size:
        file.seek(place)
        length, kind, large = struct.unpack(">I4sQ", file.read(16))
        length = {0: size - place, 1: large}.get(length, length)
        if length < 8:
            break
        if kind == b"mdat":
            end = place + length
        place += length
    return end
