"""Motion of a clip at a constant rate: frames of a video need not be evenly spaced, and some are unknown."""

from dataclasses import dataclass

import numpy as np

_LONGEST_STEP = 1.0  # seconds: a longer pause of the recording counts as this
#: Seconds without a known frame over which motion is interpolated.
LONGEST_GAP = 0.25
_MOST_SAMPLES = 4  # per frame on average: the usual step of a broken clock may be next to nothing
_ROUNDING = 0.25  # deviation of a time stamp, in multiples of the usual step, that is rounding


@dataclass(frozen=True, eq=False)
class EvenMotion:
    """Motion at evenly spaced times, called samples.

    Attributes:
        values: motion of each sample, float [N, ...], interpolated linearly in time where it is unknown.
        seen: whether a sample is known, or lies in a gap of at most a quarter of a second, bool [N].
        step: seconds between two samples.
        positions: frame that each sample lies at, counted from 0 with fractions, float [N].
    """

    values: np.ndarray
    seen: np.ndarray
    step: float
    positions: np.ndarray

    def frames(self, first: int, apex: int, last: int, known: np.ndarray) -> tuple[int, int, int]:
        """Return the frames of a first, highest and last sample; the interval does not become longer.

        Args:
            first: the first sample.
            apex: the highest sample.
            last: the last sample.
            known: whether the motion of each frame is known, bool [T]; such frames are returned, if possible.
        """
        begin, end = int(np.ceil(self.positions[first] - 1e-6)), int(np.floor(self.positions[last] + 1e-6))
        end = max(begin, end)
        inside = np.arange(begin, end + 1)
        inside = inside[known[begin : end + 1]] if known[begin : end + 1].any() else inside
        top = int(inside[np.argmin(np.abs(inside - self.positions[apex]))])
        return int(inside[0]), top, int(inside[-1])


def at_constant_rate(motion: np.ndarray, times: np.ndarray) -> EvenMotion:
    """Sample motion at the usual rate of a clip.

    Args:
        motion: values of each frame, float [T, ...] with T of at least 2; NaN where unknown. A column without
            any known value becomes 0.
        times: time of each frame, float [T], seconds, increasing.

    Returns:
        The samples. If frames are evenly spaced, but for the rounding of time stamps, they are the frames.

    Examples:
        >>> even = at_constant_rate(np.array([0, 1, np.nan, np.nan, 9.0]), np.array([0, 0.1, 0.2, 0.3, 0.9]))
        >>> even.values.round(6).tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    """
    times = np.concatenate([[0], np.cumsum(np.minimum(np.diff(times), _LONGEST_STEP))])
    step = max(float(np.median(np.diff(times))), float(times[-1]) / (_MOST_SAMPLES * len(times)))
    even = np.linspace(0, times[-1], len(times))
    if np.abs(times - even).max() <= _ROUNDING * step:
        times = samples = even
        step = float(times[-1]) / (len(times) - 1)
    else:
        samples = np.arange(0, times[-1] + step / 2, step)
    columns = motion.reshape(len(motion), -1)
    known = np.isfinite(columns)
    values = np.zeros((len(samples), columns.shape[1]))
    for k in np.flatnonzero(known.any(axis=0)):
        values[:, k] = np.interp(samples, times[known[:, k]], columns[known[:, k], k])
    positions = np.interp(samples, times, np.arange(len(times)))
    seen = _seen(samples, positions, times, np.flatnonzero(known.any(axis=1)))
    return EvenMotion(values.reshape(len(samples), *motion.shape[1:]), seen, step, positions)


def _seen(samples: np.ndarray, positions: np.ndarray, times: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Tell which samples lie at known frames, between neighbours, or in a short gap."""
    if not len(known):
        return np.zeros(len(samples), bool)
    after = np.searchsorted(known, positions - 1e-6).clip(0, len(known) - 1)
    before = np.maximum(np.searchsorted(known, positions + 1e-6, side="right") - 1, 0)
    low, high = known[before], known[after]
    between = (low <= positions + 1e-6) & (positions - 1e-6 <= high)
    return between & ((high - low <= 1) | (times[high] - times[low] <= LONGEST_GAP))
