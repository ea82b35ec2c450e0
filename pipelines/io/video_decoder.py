"""Video files decoded by FFmpeg's libraries: frames as players show them, damage told from intact files.

The number of frames that a container states is an estimate: files that were cut without encoding, that have a
variable frame rate, or whose header was written by a browser state another one. So a file is decoded to
its end, and it counts as truncated only if its container is larger than the file, or if its last packet is
damaged.
"""

import logging
import math
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from pipelines.errors import InputError
from pipelines.io.container_ends import is_truncated

#: Suffixes of files in a folder that count as videos. A file that is named is decoded whatever its suffix.
VIDEO_SUFFIXES = (
    *(".3g2", ".3gp", ".asf", ".avi", ".dv", ".f4v", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
    *(".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
)

_log = logging.getLogger("faceflow")
_PACKETS_TIMED = 1000  # whose time stamps the frame rate is measured by
_REORDERED = 8  # packets whose order of storage may differ from the order of their time stamps
_STORED_AHEAD = 32  # frames among which one that is shown earlier is stored
_RESTART = 1.0  # seconds by which time stamps fall where another recording begins
_RATE_TOLERANCE = 0.01  # between the rate a container states and the measured one


class TruncatedClipError(InputError):
    """A clip that ends before its end. All frames before the damage were yielded."""


def decode_video(path: Path) -> Iterator[np.ndarray]:
    """Yield the frames of a video file in the order of their time stamps.

    Args:
        path: path of the file. Its suffix does not matter.

    Yields:
        uint8 [H, W, 3], RGB, contiguous; turned and mirrored as the display matrix of the stream says. Its
        colours are converted as `ffmpeg -pix_fmt rgb24` does.

    Raises:
        TruncatedClipError: after the last intact frame of a truncated file.
        InputError: for a file that is empty, no video, or of a codec that FFmpeg cannot decode.
    """
    reformatter = VideoReformatter()  # kept, because setting up a conversion takes as long as one frame
    for frame, has_profile in _decoded(path):
        padded = reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        # Without the padding of FFmpeg's rows, through which NumPy goes pixel by pixel.
        yield np.ascontiguousarray(_upright(padded, frame, has_profile))


def decoded_times(path: Path) -> list[float]:
    """Return the time stamps of the frames that `decode_video` yields, seconds; NaN where there is none.

    This takes as long as decoding the file.

    Raises:
        InputError: as `decode_video`, but for truncated files.
    """
    times = []
    with suppress(TruncatedClipError):
        for frame, _ in _decoded(path, report=False):
            times.append(math.nan if frame.time is None else float(frame.time))
    return times


def _decoded(path: Path, report: bool = True) -> Iterator[tuple[av.VideoFrame, bool]]:
    """Yield frames as FFmpeg decodes them, and whether they have a colour profile; see `decode_video`."""
    with _open_video(path) as (container, stream):
        codec = stream.codec_context.codec.name
        frames, skipped, ends_damaged = 0, 0, False
        # A damaged frame is shown if intact ones follow, as players do; the last one of a file is left out.
        held: list[tuple[av.VideoFrame, bool]] = []
        last = None  # time stamp of the last packet
        for packet in _packets(container, stream):
            try:
                decoded = packet.decode() if packet is not None else []
            except av.FFmpegError:
                skipped, ends_damaged = skipped + 1, True
                continue
            if packet is None or packet.size:  # an empty one asks for the frames that the decoder still has
                ends_damaged = packet is None or packet.is_corrupt
                last = packet and packet.pts
            for frame in decoded:
                each = frame, _has_profile(packet, codec)
                if frame.is_corrupt or packet.is_corrupt:
                    ready, held = held, [each]
                elif held and not packet.size and held[0][0].pts == last:
                    # Shown later, but stored before the damaged end of the file, as in MPEG program streams.
                    ready, held = [], [*held, each]
                else:
                    ready, held = [*held, each], []
                frames += len(ready)
                yield from ready
        if skipped and not (frames or held or is_truncated(path)):
            raise InputError(
                f"{path}: its frames ({codec}) cannot be decoded; convert it, for instance into PNG pictures"
            )
        if ends_damaged or held or is_truncated(path):
            raise TruncatedClipError(
                f"{path}: truncated: the file ends inside a frame; {frames} frames before it are intact. "
                "Copy or download it again"
            )
        if skipped and report:
            _log.warning("%s: %d damaged packets were skipped; frames are missing there", path, skipped)


def video_rate(path: Path) -> float:
    """Return the frames per second of a video file, measured by the time stamps of its packets.

    Raises:
        InputError: as `decode_video`.
    """
    with _open_video(path) as (container, stream):
        stated = float(stream.average_rate or 0)
        timed = (each for each in _packets(container, stream) if each is not None and each.pts is not None)
        stored = (float(packet.pts * packet.time_base) for packet in islice(timed, _PACKETS_TIMED))
        times = sorted(continued(stored))
    if len(times) > 4 * _REORDERED:
        times = times[:-_REORDERED]  # between the last ones frames lack that are stored later
    if len(times) < 2 or times[-1] == times[0]:
        return stated or 25.0
    measured = (len(times) - 1) / (times[-1] - times[0])
    return stated if abs(stated - measured) < _RATE_TOLERANCE * measured else measured


def continued(stamps: Iterable[float]) -> list[float]:
    """Let time stamps go on where they begin anew, as in recordings that were joined.

    Args:
        stamps: time stamps in the order in which frames are stored, seconds. They also fall where frames are
            shown in another order than they are stored, but not below all of the last ones.

    Examples:
        >>> continued([0, 0.5, 0.25, 0.75, 1, 1.25, 1.5, 0, 0.5, 0.25])[-3:]
        [1.75, 2.25, 2.0]
    """
    found: list[float] = []
    offset = latest = 0.0
    for stamp in stamps:
        if found and stamp + offset < latest - _RESTART and stamp + offset <= min(found[-_STORED_AHEAD:]):
            offset = latest + (latest - min(found)) / max(len(found) - 1, 1) - stamp
        found.append(stamp + offset)
        latest = max(latest, found[-1]) if len(found) > 1 else found[-1]
    return found


def stated_frames(path: Path) -> int:
    """Return the number of frames by a video's header or its duration: an estimate; 0 if neither is stated.

    Raises:
        InputError: as `decode_video`.
    """
    with _open_video(path) as (container, stream):
        seconds = (container.duration or 0) / 1e6
        return stream.frames or round(seconds * float(stream.average_rate or 0))


def open_container(path: Path) -> av.container.InputContainer:
    """Open a video file, whatever the encoding of its title and other texts, which may be that of Windows."""
    return av.open(str(path.absolute()), metadata_errors="replace")  # `10:30.mp4` would be a protocol


@contextmanager
def _open_video(path: Path) -> Iterator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    with path.open("rb") as file:  # errors of the system are raised here: FFmpeg's look alike
        head = file.read(8)
    if not head:
        raise InputError(f"{path}: the file is empty")
    try:
        container = open_container(path)
    except av.FFmpegError as error:
        if head[4:] == b"ftyp":
            raise TruncatedClipError(
                f"{path}: truncated: the index of the MP4 file (moov atom) is missing or damaged; the "
                "recording was not finished, or the copy stopped early"
            ) from error
        if is_truncated(path):
            raise TruncatedClipError(f"{path}: truncated: it ends before its first frame") from error
        raise InputError(f"{path}: not a video or picture in a format that FFmpeg reads") from error
    with container:
        stream = container.streams.best("video")
        if stream is None:
            raise InputError(f"{path}: has no video stream")
        if stream.codec_context is None or not stream.codec_context.codec.is_decoder:
            codec = getattr(stream, "codec_tag", "") or "unknown"
            raise InputError(
                f"{path}: its codec ({codec}) cannot be decoded; convert it: ffmpeg -i {path.name} "
                f"-c:v libx264 {path.stem}_h264.mp4"
            )
        # Threads over frames would report an error some frames after the packet that it belongs to.
        stream.thread_type = "SLICE"
        yield container, stream


def _packets(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> Iterator[av.Packet | None]:
    """Yield the packets of a stream, and None in the place of what the container cannot deliver."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            yield None
            return
        if packet is None:
            return
        yield packet


def _has_profile(packet: av.Packet, codec: str) -> bool:
    """Tell whether a PNG has a colour profile, which stands before its pixels; of an APNG it is not known."""
    return codec == "apng" or (codec == "png" and b"iCCP" in bytes(packet).partition(b"IDAT")[0])


def _upright(picture: np.ndarray, frame: av.VideoFrame, has_profile: bool) -> np.ndarray:
    """Apply a frame's display matrix, rounded to turns by 90 degrees and reflections.

    The matrix is (a b u, c d v, x y w) in fixed point: a pixel (x, y) is shown at (a x + c y, b x + d y).
    """
    # PyAV 18.1 breaks its memory when it reads the side data of a frame with a profile, and raises ValueError
    # for EXIF, which some cameras write into each frame. Then turns alone are known, and no reflections.
    try:
        matrix = None if has_profile else frame.side_data.get("DISPLAYMATRIX")
    except ValueError:
        has_profile = True
    if has_profile:
        return np.rot90(picture, round(frame.rotation / 90))
    if matrix is None:
        return picture
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
    across, down = a, d
    if abs(b) + abs(c) > abs(a) + abs(d):
        picture, across, down = picture.swapaxes(0, 1), c, b
    return picture[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
