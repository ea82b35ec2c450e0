"""Time stamps of the frames of a clip, whose rate need not be constant."""

from pathlib import Path

import av
import numpy as np

from pipelines.errors import InputError
from pipelines.io.video import frame_rate
from pipelines.io.video_decoder import continued, decoded_times, open_container


def frame_times(path: Path | str, count: int, rate: float | None = None) -> np.ndarray:
    """Return when each frame of a clip is shown.

    Args:
        path: a video file or a folder of pictures.
        count: number of the frames that were read from it.
        rate: frames per second, in place of the time stamps.

    Returns:
        float64 [count], seconds from the first frame, increasing. A frame that repeats the time stamp of the
        one before lies between its neighbours; frames without a time stamp follow at the rate of the clip. If
        these are half of the frames, all lie at this rate.

    Raises:
        InputError: for a rate that is not positive.
    """
    if rate is not None and not 0 < rate < np.inf:
        raise InputError(f"rate {rate:g}: a clip has more than 0 frames per second")
    path = Path(path)
    if rate is not None or path.is_dir():
        return np.arange(count) / (rate or frame_rate(path))
    stamps = _stamps(path)
    if len(stamps) > count:  # packets of no frame, or damaged ones: only decoding tells which
        stamps = np.array(continued(stamp for stamp in decoded_times(path) if np.isfinite(stamp)))
    usual = 1 / frame_rate(path)
    stamps = stamps[:count]
    latest = np.maximum.accumulate(np.concatenate([[-np.inf], stamps]))[:-1]
    known = np.flatnonzero(stamps > latest)
    if len(known) < 2 or 2 * len(known) <= count:
        return np.arange(count) * usual
    last = int(known[-1])
    times = np.interp(np.arange(last + 1), known, stamps[known])
    missing = times[-1] + usual * np.arange(1, count - last)
    return np.concatenate([times, missing]) - times[0]


def video_start(path: Path | str) -> float:
    """Return when a player shows the first frame of a video, seconds: 0, unless the sound begins earlier."""
    with open_container(Path(path)) as container:
        stream = container.streams.best("video")
        if stream.start_time is None or container.start_time is None:
            return 0.0
        return max(float(stream.start_time * stream.time_base) - container.start_time / av.time_base, 0.0)


def _stamps(path: Path) -> np.ndarray:
    """Return the time stamps of the packets that are shown, in order, without decoding them."""
    with open_container(path) as container:
        stream = container.streams.best("video")
        try:
            shown = (
                float(packet.pts * packet.time_base)
                for packet in container.demux(stream)
                if packet.pts is not None and not packet.is_discard
            )
            return np.array(sorted(continued(shown)))
        except av.FFmpegError:
            return np.array([])
