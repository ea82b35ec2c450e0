"""Smoothing of landmark tracks: removes jitter and keeps micro-expressions.

A single filter does not: one that is strong enough against jitter flattens micro-expressions, which last half
a second or less. So tracks are smoothed by a strong filter, and the residual, that is what it took away, is
added again where and when it is more than jitter.

Jitter is correlated: the whole mesh swells, turns and nods, by more than a brow that rises a little. So the
residual is whitened first: its principal components over the clip are divided by their usual size. An
expression lasts longer than jitter, so the whitened residual is then averaged over the length of an
expression, once of a short one and once of a long one. Where the energy of either, over a neighbourhood in
time and on the face, exceeds its median, the residual is added, after a weak filter. All filters are
symmetric, so onsets are not delayed.

References:
    Eilers, "A perfect smoother", Anal. Chem. 75(14), 2003. doi:10.1021/ac034173t
    Schmid, Rath, Diebold, "Why and how Savitzky-Golay filters should be replaced", ACS Meas. Sci. Au 2(2),
    2022. doi:10.1021/acsmeasuresciau.1c00054
"""

import numpy as np
from scipy.linalg import eigh, solveh_banded
from scipy.ndimage import convolve1d, uniform_filter1d
from scipy.sparse import diags
from scipy.spatial import cKDTree
from threadpoolctl import threadpool_limits

from pipelines.errors import InputError

_FULL_RATE = 25.0  # frames per second
_SHORTEST = 7  # frames that are smoothed at all
_ORDER = 3  # polynomials of a lower one pass unchanged: steady speed, steady acceleration
# Periods of which half passes. The weak filter keeps 97 % of the peak of an expression of 0.2 seconds.
_WEAK_SECONDS, _STRONG_SECONDS = 0.1, 0.4
_COMPONENTS = 80  # that are whitened; of a short clip no more than a third of its frames
_NEIGHBOURS = 32  # landmarks whose energy is averaged
# Length of an expression, onset to offset, and of the window over which its energy is averaged, seconds.
_DURATIONS = ((0.2, 0.12), (0.45, 0.28))
# Times the usual energy at which the residual begins to be added, and is added whole.
_JITTER, _MOVEMENT = 1.7, 2.3


def smooth_tracks(tracks: np.ndarray, rate: float = 25.0) -> np.ndarray:
    """Smooth landmark tracks over time.

    Args:
        tracks: float [T, N, 2], pixels; NaN in frames without a face. Smoothing never reaches over a gap.
        rate: frames per second. Rates above 25 count as 25: jitter is independent from frame to frame, and
            an expression recorded at 200 per second can be as long as its clip, so windows of the same
            duration would treat it as usual and smooth it away.

    Returns:
        float32 [T, N, 2]; NaN where the tracks have it. Runs of a few frames are returned as they are.

    Raises:
        InputError: for another number of axes or a rate that is not positive.
    """
    if tracks.ndim != 3 or tracks.shape[-1] != 2:
        raise InputError(f"landmark tracks have the shape (frames, points, 2), not {tracks.shape}")
    if not rate > 0:
        raise InputError(f"a clip has more than 0 frames per second, not {rate}")
    smooth, rate = tracks.astype(np.float32), min(rate, _FULL_RATE)
    # Threads add in another order, and workers have other numbers of them; records are to be the same bytes.
    with threadpool_limits(1, user_api="blas"):
        for run in _runs(np.isfinite(tracks).all(axis=(1, 2))):
            if run.stop - run.start >= _SHORTEST:
                smooth[run] = _smooth_run(smooth[run], rate)
    return smooth


def jitter(tracks: np.ndarray) -> float:
    """Return the jitter of landmarks on a still face, in pixels.

    This is the change from one frame to the next without the motion that all points share: root mean square
    over the points, median over the frames, so that a face that is found again does not count as jitter.

    Args:
        tracks: float [T, N, 2], pixels; NaN in frames without a face.

    Returns:
        Pixels; NaN if no two consecutive frames have a face.
    """
    steps = np.diff(tracks.astype(np.float64), axis=0)
    steps = steps[np.isfinite(steps).all(axis=(1, 2))]
    if not len(steps):
        return float("nan")
    own = steps - steps.mean(axis=1, keepdims=True)
    return float(np.median(np.sqrt(np.square(own).sum(axis=-1).mean(axis=-1))))


def _smooth_run(run: np.ndarray, rate: float) -> np.ndarray:
    places = run.mean(axis=0)
    run = run - places  # small numbers, which float32 holds exactly enough
    strong = _low_pass(run, _STRONG_SECONDS * rate)
    # Measured before the weak filter: short expressions stand out better there.
    whitened, near = _whitened(run - strong), _neighbourhoods(places)
    energy = np.maximum(*(_relative_energy(whitened, near, *(s * rate for s in d)) for d in _DURATIONS))
    kept = np.clip((energy - _JITTER) / (_MOVEMENT - _JITTER), 0, 1).astype(np.float32)
    return places + strong + kept[..., None] * (_low_pass(run, _WEAK_SECONDS * rate) - strong)


def _relative_energy(whitened: np.ndarray, near: np.ndarray, length: float, window: float) -> np.ndarray:
    """Return the energy of movements of `length` frames, float32 [T, N], relative to its median over time."""
    lasting = convolve1d(whitened, _bump(length), axis=0, mode="nearest")
    energy = np.square(lasting).sum(axis=-1) @ near
    energy = uniform_filter1d(energy, _odd(window), axis=0, mode="nearest")
    return energy / (np.median(energy, axis=0) + np.float32(1e-12))


def _whitened(residual: np.ndarray) -> np.ndarray:
    """Divide the principal components of float32 [T, N, 2] by their usual size, the rest by the smallest."""
    flat = residual.reshape(len(residual), -1)
    count = max(1, min(_COMPONENTS, len(flat) // 3))
    axes = _principal_axes(flat, count)
    components = flat @ axes
    # The median is that of the frames in which nothing happens.
    usual = 1.4826 * np.median(np.abs(components), axis=0) + np.float32(1e-9)
    least = usual.min()
    return (flat / least + (components * (1 / usual - 1 / least)) @ axes.T).reshape(residual.shape)


def _principal_axes(flat: np.ndarray, count: int) -> np.ndarray:
    """Return the `count` main axes of the rows of float32 [T, D], as float32 [D, count]."""
    frames, size = flat.shape
    count = min(count, size)
    if frames > size:
        return eigh(flat.T @ flat, subset_by_index=(size - count, size - 1))[1]
    # The smaller of the two products has the same eigenvalues.
    axes = flat.T @ eigh(flat @ flat.T, subset_by_index=(frames - count, frames - 1))[1]
    return axes / (np.linalg.norm(axes, axis=0) + np.float32(1e-12))


def _neighbourhoods(places: np.ndarray) -> np.ndarray:
    """Return float32 [N, N], whose column k averages over landmark k and those near it."""
    count = min(_NEIGHBOURS, len(places))
    _, near = cKDTree(places).query(places, k=count)
    weights = np.zeros((len(places), len(places)), np.float32)
    np.put_along_axis(weights, near.reshape(len(places), -1).T, 1 / count, axis=0)
    return weights


def _low_pass(run: np.ndarray, period: float) -> np.ndarray:
    """Smooth float32 [T, N, 2] over time so that half of a motion of that period passes, in frames.

    This is the line z that minimises |z - run|^2 + s |third differences of z|^2 (Eilers 2003, equation 5).
    """
    frames = len(run)
    stiffness = (2 * np.sin(np.pi / max(period, 2))) ** (-2 * _ORDER)  # 1 / (1 + s (2 sin)^6) passes: a half
    steps = diags([-1.0, 3.0, -3.0, 1.0], range(_ORDER + 1), shape=(frames - _ORDER, frames))
    penalty = stiffness * (steps.T @ steps)
    bands = np.zeros((_ORDER + 1, frames))
    for k in range(_ORDER + 1):
        bands[_ORDER - k, k:] = penalty.diagonal(k)
    bands[_ORDER] += 1
    smooth = np.empty_like(run)
    for axis in range(2):  # one at a time takes half the memory
        smooth[..., axis] = solveh_banded(bands, run[..., axis].astype(np.float64))
    return smooth


def _bump(length: float) -> np.ndarray:
    """Return the time course of an expression of `length` frames, a raised cosine: float32 [odd]."""
    time = np.arange(_odd(length)) - _odd(length) // 2
    return (np.cos(np.pi * time / max(length, 1)) ** 2).astype(np.float32)


def _odd(length: float) -> int:
    return 2 * round((length - 1) / 2) + 1


def _runs(present: np.ndarray) -> list[slice]:
    """Return the stretches of frames that are present."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]]).astype(int)))
    return [slice(begin, end) for begin, end in edges.reshape(-1, 2)]
