"""Clips: video files, or folders of numbered pictures, as RGB frames.

Frames are streamed; no more than one is held at a time.
"""

import errno
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pipelines.errors import InputError
from pipelines.files import check_exists, replacing
from pipelines.io.images import IMAGE_SUFFIXES, read_image

# FFmpeg writes about every damaged packet to stderr; what matters of it becomes an `InputError` here.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")

# Containers count frames in their index, and the last one or two may not be decodable in a sound file.
_FRAMES_THAT_MAY_LACK = 2


def is_clip(path: Path) -> bool:
    """Tell whether a path is a video file or a folder with pictures in it, by name alone."""
    if path.is_dir():
        try:
            return any(_is_picture(entry) for entry in path.iterdir())
        except PermissionError:
            return True  # to be named as one that cannot be read, not passed over
    return path.suffix.lower() in VIDEO_SUFFIXES


def _is_picture(path: Path) -> bool:
    """Tell by the name; hidden files, such as `._0.png` that macOS leaves on foreign disks, are none."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def numeric_order(path: Path) -> tuple:
    """Sort key that counts: `img9.jpg` before `img10.jpg`, padded with zeros or not."""
    parts = re.split(r"(\d+)", path.name)
    return tuple(int(part) if part.isdigit() else part.lower() for part in parts), path.name


def frame_files(folder: Path) -> list[Path]:
    """Return the pictures of a folder in numeric order."""
    try:
        return sorted((entry for entry in folder.iterdir() if _is_picture(entry)), key=numeric_order)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror})") from error


def read_frames(path: Path | str, files: Sequence[Path] | None = None) -> Iterator[np.ndarray]:
    """Yield the frames of a clip.

    Args:
        path: a video file, or a folder of pictures (grey or colour) in numeric order.
        files: the pictures that are the clip's frames, where they are not all that is in `path`.

    Yields:
        uint8 [H, W, 3], RGB; all of one size.

    Raises:
        InputError: if there is no such clip, it cannot be decoded, it ends before the length that its
            container states, or its frames differ in size. Frames before the fault have been yielded.
    """
    path = check_exists(Path(path))
    size = None
    if files is None and path.is_dir():
        files = frame_files(path)
    for number, frame in enumerate(_read_video(path) if files is None else map(read_image, files)):
        size = size or frame.shape
        if frame.shape != size:
            raise InputError(
                f"{path}: frame {number} is {frame.shape[1]}x{frame.shape[0]}, the ones before it are "
                f"{size[1]}x{size[0]}; a clip has one size"
            )
        yield frame
    if size is None:
        raise InputError(f"{path}: no frame in it can be read; is it a video or a folder of pictures?")


def read_clip(path: Path | str) -> np.ndarray:
    """Read a whole clip: uint8 [T, H, W, 3]. For short clips; long ones are better streamed."""
    return np.stack(list(read_frames(path)))


def frame_rate(path: Path | str) -> float:
    """Return the frames per second that a video states; 25 for a folder of pictures."""
    if Path(path).is_dir():
        return 25.0
    capture = cv2.VideoCapture(str(path))
    try:
        return capture.get(cv2.CAP_PROP_FPS) or 25.0
    finally:
        capture.release()


def write_video(path: Path | str, frames: Iterable[np.ndarray], rate: float) -> int:
    """Write an MP4, whole or not at all.

    Args:
        path: ends in .mp4.
        frames: uint8 [H, W, 3], RGB, all of one size.
        rate: frames per second.

    Returns:
        How many frames were written.

    Raises:
        InputError: if there are no frames.
    """
    count, writer = 0, None
    with replacing(path) as part:
        for frame in frames:
            # The codec halves the colour planes, so that sides must be even.
            height, width = (side - side % 2 for side in frame.shape[:2])
            if not (height and width):
                raise InputError(f"{path}: frames of {frame.shape[1]}x{frame.shape[0]} make no video")
            if writer is None:
                writer = cv2.VideoWriter(str(part), cv2.VideoWriter_fourcc(*"mp4v"), rate, (width, height))
            writer.write(cv2.cvtColor(frame[:height, :width], cv2.COLOR_RGB2BGR))
            count += 1
        if writer is None:
            raise InputError(f"{path}: no frames to write")
        writer.release()
        # OpenCV says nothing when the disk is full.
        written = cv2.VideoCapture(str(part))
        if int(written.get(cv2.CAP_PROP_FRAME_COUNT)) != count:
            raise OSError(errno.ENOSPC, "not all frames could be written; is the disk full?", str(part))
        written.release()
    return count


def _read_video(path: Path) -> Iterator[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    try:
        stated = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        count = 0
        while True:
            more, bgr = capture.read()
            if not more:
                break
            count += 1
            yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        if count and count < stated - _FRAMES_THAT_MAY_LACK:
            raise InputError(f"{path}: truncated: only {count} of the {stated} frames it states can be read")
    finally:
        capture.release()
