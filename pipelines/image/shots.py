"""Cuts: where one shot of a clip ends and another begins."""

from collections import deque

import cv2
import numpy as np

_THUMBNAIL = 32  # pixels on each side; smaller than what moves within a shot
_LEAST = (
    0.1  # mean difference of two thumbnails, of the range of grey values, from which on a cut is possible
)
_TIMES_USUAL = 4.0  # of the median difference of the frames before
_LEAST_CONTRAST = 2.0  # standard deviation of a thumbnail that shows something, grey values
_SAME_SHOT = 0.5  # correlation of two thumbnails from which on they show the same, in another light
_REMEMBERED = 25  # differences of which the median is taken


class CutDetector:
    """Tells for each frame of a clip, given in order, whether a new shot begins with it.

    A cut changes the whole picture at once: small grey copies of two consecutive frames differ by a tenth of
    the range or more, by several times what is usual in the shot, and in what they show. Fades, moving people
    and a lamp that is switched on do not. Frames of one colour are passed over: what follows them is compared
    with what came before.

    Examples:
        >>> is_cut = CutDetector()
        >>> left = np.zeros((90, 160, 3), np.uint8)
        >>> left[:, :80] = 200
        >>> right, black = left[:, ::-1], np.zeros_like(left)
        >>> [is_cut(frame) for frame in (black, left, left, black, left, right, right)]
        [False, False, False, False, False, True, False]
    """

    def __init__(self):
        self._last: np.ndarray | None = None
        self._differences: deque[float] = deque(maxlen=_REMEMBERED)

    def __call__(self, frame: np.ndarray) -> bool:
        """Compare a frame, uint8 [H, W, 3], with the one before."""
        small = cv2.resize(frame, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        if grey.std() < _LEAST_CONTRAST:
            return False
        last, self._last = self._last, grey
        if last is None:
            return False
        difference = float(np.abs(grey - last).mean()) / 255
        is_same = _correlation(grey, last) > _SAME_SHOT
        # Of the first frames it is not known yet what is usual; only a large change counts.
        usual = float(np.median(self._differences)) if len(self._differences) > 2 else _LEAST
        self._differences.append(difference)
        return difference > max(_LEAST, _TIMES_USUAL * usual) and not is_same


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum()) / float(np.linalg.norm(one) * np.linalg.norm(other))
