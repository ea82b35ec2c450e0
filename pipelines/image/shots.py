"""Cuts: where one shot of a clip ends and another begins."""

from collections import deque

import cv2
import numpy as np

_THUMBNAIL = 32  # pixels on each side; smaller than what moves within a shot
_LEAST = (
    0.1  # mean difference of two thumbnails, of the range of grey values, from which on a cut is possible
)
_TIMES_USUAL = 4.0  # of the median difference of the frames before
_REMEMBERED = 25  # differences of which the median is taken


class CutDetector:
    """Tells for each frame of a clip, given in order, whether a new shot begins with it.

    A cut changes the whole picture at once: small grey copies of two consecutive frames differ by a tenth of
    the range or more, and by several times what is usual in the shot. Fades and moving people do not.

    Examples:
        >>> is_cut = CutDetector()
        >>> dark, bright = (np.full((90, 160, 3), value, np.uint8) for value in (20, 200))
        >>> [is_cut(frame) for frame in (dark, dark, dark, bright, bright)]
        [False, False, False, True, False]
    """

    def __init__(self):
        self._last: np.ndarray | None = None
        self._differences: deque[float] = deque(maxlen=_REMEMBERED)

    def __call__(self, frame: np.ndarray) -> bool:
        """Compare a frame, uint8 [H, W, 3], with the one before."""
        small = cv2.resize(frame, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        last, self._last = self._last, grey
        if last is None:
            return False
        difference = float(np.abs(grey - last).mean()) / 255
        # Of the first frames it is not known yet what is usual; only a large change counts.
        usual = float(np.median(self._differences)) if len(self._differences) > 2 else _LEAST
        self._differences.append(difference)
        return difference > max(_LEAST, _TIMES_USUAL * usual)
