"""Clips: video files, or folders of numbered pictures, as RGB frames.

Frames are streamed; no more than one is held at a time.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np

from pipelines.errors import InputError
from pipelines.files import check_exists, replacing
from pipelines.io.images import IMAGE_SUFFIXES, bit_depth, decode_colour, to_8_bits
from pipelines.io.video_decoder import (
    VIDEO_SUFFIXES,
    TruncatedClipError,
    decode_video,
    stated_frames,
    video_rate,
)

_log = logging.getLogger("faceflow")
_FOLDER_RATE = 25.0  # frames per second of a folder of pictures, which does not state it


def is_clip(path: Path) -> bool:
    """Tell whether a path is a video file or a folder with pictures in it, by name alone."""
    if path.is_dir():
        try:
            return any(_is_picture(entry) for entry in path.iterdir())
        except PermissionError:
            return True  # so that the reader names it as a folder that cannot be read
    return path.suffix.lower() in VIDEO_SUFFIXES


def _is_picture(path: Path) -> bool:
    """Tell by the name; hidden files, such as `._0.png` that macOS leaves on foreign disks, are none."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def numeric_order(path: Path) -> tuple:
    """Sort key that counts: `img9.jpg` before `img10.jpg`, padded with zeros or not."""
    parts = re.split(r"(\d+)", path.name)
    return tuple(int(part) if part.isdecimal() else part.lower() for part in parts), path.name


def frame_files(folder: Path) -> list[Path]:
    """Return the pictures of a folder in numeric order."""
    try:
        return sorted((entry for entry in folder.iterdir() if _is_picture(entry)), key=numeric_order)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror})") from error


def read_frames(path: Path | str, files: Sequence[Path] | None = None) -> Iterator[np.ndarray]:
    """Yield the frames of a clip.

    Args:
        path: a video file of any format that FFmpeg decodes, or a folder of pictures in numeric order.
        files: pictures that are the clip's frames, where these are not all pictures in `path`.

    Yields:
        uint8 [H, W, 3], RGB, upright; all of one size.

    Raises:
        TruncatedClipError: after the last intact frame of a truncated video.
        InputError: if there is no such clip, it cannot be decoded, or its frames differ in size. All frames
            before the one at fault have been yielded.

    Examples:
        >>> for frame in read_frames("interview.mp4"):  # doctest: +SKIP
        ...     face = face_mesh(frame)
    """
    path = check_exists(Path(path))
    size = None
    if files is None and path.is_dir():
        files = frame_files(path)
        _check_one_clip(path, files)
    frames = decode_video(path) if files is None else _read_pictures(path, files)
    for number, frame in enumerate(frames):
        size = size or frame.shape
        if frame.shape != size:
            raise InputError(
                f"{path}: frame {number} is {frame.shape[1]}x{frame.shape[0]}, the ones before it are "
                f"{size[1]}x{size[0]}; a clip has one size"
            )
        yield frame
    if size is None:
        raise InputError(f"{path}: no frame in it can be read; is it a video or a folder of pictures?")


def _read_pictures(clip: Path, files: Sequence[Path]) -> Iterator[np.ndarray]:
    """Read pictures one by one; the values of 16-bit files have one scale, that of all of the clip."""
    depth = 0
    for file in files:
        image = decode_colour(check_exists(file))
        if image.dtype == np.uint16 and not depth:
            pictures = tuple(frame_files(clip if clip.is_dir() else file.parent)) or tuple(files)
            states = (each.stat() for each in pictures)
            depth = _clip_depth(pictures, tuple((state.st_size, state.st_mtime_ns) for state in states))
        yield to_8_bits(image, depth)


@lru_cache(maxsize=64)
def _clip_depth(pictures: tuple[Path, ...], states: tuple) -> int:
    """Return the `bit_depth` of pictures; kept until one changes, since all are decoded.

    Pictures that cannot be decoded are left out: the reader names them when it comes to them.
    """
    largest = []
    for file in pictures:
        with suppress(InputError):
            largest.append(decode_colour(file).max(keepdims=True))
    return bit_depth(largest, str(pictures[0].parent))


def _check_one_clip(folder: Path, pictures: Sequence[Path]) -> None:
    """Refuse a folder that holds videos beside its pictures: it is not known which are meant."""
    videos = [path.name for path in sorted(folder.iterdir()) if path.suffix.lower() in VIDEO_SUFFIXES]
    videos = [name for name in videos if not name.startswith(".")]
    if pictures and videos:
        raise InputError(
            f"{folder}: holds {len(videos)} videos, such as {videos[0]}, beside {len(pictures)} pictures; "
            "name a video, or put the pictures of a clip into a folder of their own"
        )


def intact_frames(
    path: Path | str, on_truncated: Callable[[int], None] | None = None
) -> Iterator[np.ndarray]:
    """Yield the frames of a clip as `read_frames` does, and stop at the end of what is intact.

    Args:
        path: Path of the clip.
        on_truncated: Called with the number of intact frames if the clip is truncated; by default the error
            is logged as a warning.

    Raises:
        TruncatedClipError: If no frame is intact.
    """
    frames = 0
    try:
        for frame in read_frames(path):
            frames += 1
            yield frame
    except TruncatedClipError as error:
        if not frames:
            raise
        if on_truncated:
            on_truncated(frames)
        else:
            _log.warning("%s", error)


def read_clip(path: Path | str) -> np.ndarray:
    """Read a whole clip: uint8 [T, H, W, 3]. For short clips; long ones are better streamed."""
    return np.stack(list(read_frames(path)))


def frame_rate(path: Path | str) -> float:
    """Return the frames per second of a video by its time stamps; 25 for a folder of pictures."""
    path = Path(path)
    return _FOLDER_RATE if path.is_dir() else video_rate(path)


def frame_count(path: Path | str) -> int:
    """Return about how many frames a clip has: the pictures of a folder, or what a video states."""
    path = check_exists(Path(path))
    return len(frame_files(path)) if path.is_dir() else stated_frames(path)


def write_video(path: Path | str, frames: Iterable[np.ndarray], rate: float, crf: int = 20) -> int:
    """Write an MP4 (H.264, 4:2:0) that browsers play, whole or not at all.

    Args:
        path: ends in .mp4.
        frames: uint8 [H, W, 3], RGB, all of one size. An odd last row or column is cut off: the codec needs
            even sides.
        rate: frames per second.
        crf: constant rate factor of x264, from 0 (lossless but for the colours) to 51.

    Returns:
        Number of frames written.

    Raises:
        InputError: if there are no frames, or they are less than 2 pixels wide or high.
        OSError: if the file cannot be written, for instance because the disk is full.
    """
    count, stream = 0, None
    with replacing(path) as part, _created(part) as container:
        for frame in frames:
            height, width = (side - side % 2 for side in frame.shape[:2])
            if not (height and width):
                raise InputError(f"{path}: frames of {frame.shape[1]}x{frame.shape[0]} make no video")
            if stream is None:
                options = {"crf": str(crf), "preset": "veryfast"}
                exact = Fraction(rate).limit_denominator(60_000)
                stream = container.add_stream("libx264", exact, options=options)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[:height, :width]), format="rgb24")
            container.mux(stream.encode(shown))
            count += 1
        if stream is None:
            raise InputError(f"{path}: no frames to write")
        container.mux(stream.encode())
    return count


@contextmanager
def _created(path: Path) -> Iterator[av.container.OutputContainer]:
    """Create an MP4. FFmpeg's errors, which carry no name of a file, become `OSError` with it."""
    try:
        with av.open(
            str(path.absolute()), "w", format="mp4", options={"movflags": "+faststart"}
        ) as container:
            yield container
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
