"""Speed and memory of the face renderer, and the errors of Face Mesh and classical methods on rendered faces.

`python -m benchmarks.rendered_faces [PART ...] [--write]` prints the results; `--write` writes them into
docs/benchmarks.md.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np

from benchmarks.common.page import bound, run_parts
from benchmarks.common.real_data import real_data
from keras_models.inference.estimators import get_estimator
from pipelines.io.pairs import Pair, list_pairs, read_pair
from pipelines.landmarks.face_mesh import EYE_CORNERS, REGIONS
from pipelines.synthetic.renderer.generate import parallel_map
from pipelines.synthetic.renderer.rendered_pair import PAIRS_PER_PERSON, render_pair

SEED = 2025
METHODS = ("zero", "dis_fast", "dis_medium", "dis_fine", "farneback", "tvl1", "deepflow")
#: Methods whose ranking on rendered pairs is compared with that on `portraits_truth`.
RANKED = ("dis_medium", "farneback", "tvl1", "deepflow")
_FACES, _PAIRS = 300, 200
_SPEED_PAIRS, _SPEED_ROUNDS = 120, 4
_MEMORY_PAIRS, _MEMORY_WARM_UP, _MEMORY_SIZE = 10_000, 200, 64
_PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
#: Bins of the mean motion in the face: upper limit in pixels, and name.
SIZES = ((0.5, "to 0.5 px"), (2.0, "0.5-2 px"), (6.0, "2-6 px"), (np.inf, "over 6 px"))
#: Smallest and largest mean motion in the face of a pair in `portraits_truth`, pixels.
PORTRAIT_SIZES = (0.6, 5.8)


def speed() -> str:
    """Measure the rendered pairs per second on one core."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    for k in range(4 * PAIRS_PER_PERSON):
        render_pair(SEED, k)  # compiles, and fills the caches
    taken = []
    for number in range(_SPEED_ROUNDS):
        begin = time.process_time()
        for k in range(_SPEED_PAIRS // _SPEED_ROUNDS):
            render_pair(SEED, 100 + number * _SPEED_PAIRS + k)
        taken.append(time.process_time() - begin)
    cv2.setNumThreads(threads)
    return (
        f"{_SPEED_PAIRS / sum(taken):.1f} pairs of 256x256 per second on one core "
        f"({bound(_SPEED_PAIRS / sum(taken), least=15)}), "
        f"{_SPEED_PAIRS / _SPEED_ROUNDS / min(taken):.1f} in the best of {_SPEED_ROUNDS} rounds; load of the "
        f"machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    )


def memory(count: int = _MEMORY_PAIRS) -> str:
    """Measure the resident memory of one process over many small pairs; caches do not grow with the size."""
    resident = {}
    for k in range(count):
        render_pair(SEED, k, _MEMORY_SIZE)
        if k + 1 in (_MEMORY_WARM_UP, count // 2, count):
            resident[k + 1] = _resident_memory()
    steps = ", ".join(f"{size:.0f} MiB after {pairs:,}" for pairs, size in resident.items())
    return f"Resident memory while rendering {count:,} pairs of {_MEMORY_SIZE}x{_MEMORY_SIZE}: {steps}."


def _resident_memory() -> float:
    """Return the resident memory of this process, MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def agreement(count: int) -> tuple[int, float, float, float]:
    """Compare the landmarks of Face Mesh with the ground truth on the first frames of `count` persons.

    Returns:
        Number of detected faces; mean error of the 478 landmarks, as a share of the inter-ocular distance;
        mean length of the bias (the mean error vector of each landmark over all identities); and the mean
        error after subtracting the bias.
    """
    from pipelines.landmarks.detector import FaceMesh

    errors = []
    with FaceMesh() as face_mesh:
        for k in range(count):
            pair = render_pair(SEED, k * PAIRS_PER_PERSON)
            face = face_mesh(pair.frame1)
            if face is not None:
                errors.append(_relative(face.landmarks, pair.landmarks1))
    errors = np.array(errors)
    bias = errors.mean(axis=0)
    return len(errors), *(float(_length(part).mean()) for part in (errors, bias, errors - bias))


def face_mesh_agreement(count: int = _FACES) -> str:
    """Return the result of `agreement` as text."""
    found, error, bias, residual = agreement(count)
    return (
        f"Face Mesh detects {found} of {count} rendered faces "
        f"({bound(100 * found / count, least=95, unit=' %')}). The mean error of its 478 "
        f"landmarks is {100 * error:.2f} % of the inter-ocular distance "
        f"({bound(100 * error, most=5, unit=' %')}), and "
        f"{100 * residual:.2f} % without the bias that all identities share ({100 * bias:.2f} % on average)."
    )


def _relative(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return errors along and across the line of the eyes, in inter-ocular distances, [478, 2]."""
    right, left = known[list(EYE_CORNERS)]
    along = (left - right) / np.linalg.norm(left - right)
    axes = np.stack([along, [-along[1], along[0]]])
    return (found - known) @ axes.T / np.linalg.norm(left - right)


def _length(errors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(errors, axis=-1)


def classical_methods(count: int = _PAIRS) -> str:
    """Measure the classical methods on rendered pairs, by motion and by region."""
    errors, _ = _measure(partial(render_pair, SEED + 1), range(count))
    return "\n".join([f"{_describe_pairs(errors)}, disturbance `default`.", "", *_table(errors)])


def ranking(count: int = _PAIRS) -> str:
    """Compare the ranking on rendered pairs with changing exposure with that on warped portraits."""
    folder = real_data("portraits_truth")
    warped, warped_change = _measure(partial(read_pair, folder), list_pairs(folder))
    rendered, rendered_change = _measure(partial(render_pair, SEED + 1, disturbance="exposure"), range(count))
    orders = [
        _order({name: np.nanmean(table[:, 1]) for name, table in errors.items()})
        for errors in (warped, rendered)
    ]
    return "\n".join(
        [
            f"{_describe_pairs(rendered)}, disturbance `exposure`: the standard deviation of the change in "
            f"brightness of the face is {rendered_change:.1f} grey levels. In the "
            f"{len(warped['zero'])} pairs of `portraits_truth` (real faces, warped by a smooth flow) it is "
            f"{warped_change:.1f}.",
            "",
            *_table(rendered, {"warped portraits": warped}),
            "",
            f"From best to worst, warped portraits: {orders[0]}; rendered pairs: {orders[1]}.",
        ]
    )


def _measure(make: Callable[[object], Pair], keys: Iterable) -> tuple[dict[str, np.ndarray], float]:
    """Measure all methods on the pairs that `make` returns for keys, on all cores.

    Returns:
        `_errors` of all pairs by method, [pairs, 9]; and the standard deviation of the change in brightness.
    """
    measured = list(parallel_map(partial(_measure_one, make), keys, None, PAIRS_PER_PERSON))
    table = np.array([errors for errors, _ in measured])
    brighter = np.array([change for _, change in measured])
    return {name: table[:, number] for number, name in enumerate(METHODS)}, float(brighter.std())


def _measure_one(make: Callable[[object], Pair], key: object) -> tuple[list[list[float]], float]:
    """Return `_errors` of each method on a pair, and the change in brightness of the face."""
    pair = make(key)
    change = pair.frame2[pair.face].mean() - pair.frame1[pair.face].mean()
    return [_errors(get_estimator(name), pair) for name in METHODS], float(change)


def _describe_pairs(errors: dict[str, np.ndarray]) -> str:
    moved = errors["zero"][:, 0]
    counts = ", ".join(f"{(_size(moved) == s).sum()} {title}" for s, (_, title) in enumerate(SIZES))
    low, high = PORTRAIT_SIZES
    return (
        f"{len(moved)} rendered pairs of 256x256, mixture `default` (mean motion: {counts}; "
        f"{_like_portraits(moved).sum()} pairs {low}-{high} px, the range of `portraits_truth`)"
    )


def _size(moved: np.ndarray) -> np.ndarray:
    return np.searchsorted([limit for limit, _ in SIZES], moved)


def _like_portraits(moved: np.ndarray) -> np.ndarray:
    return (moved >= PORTRAIT_SIZES[0]) & (moved <= PORTRAIT_SIZES[1])


def _table(
    errors: dict[str, np.ndarray], others: Mapping[str, dict[str, np.ndarray]] = MappingProxyType({})
) -> list[str]:
    """Return the lines of a table: methods by other sets of pairs, all pairs, motion and region."""
    moved = errors["zero"][:, 0]
    like = f"{PORTRAIT_SIZES[0]}-{PORTRAIT_SIZES[1]} px"
    columns = [*others, "face", *(title for _, title in SIZES), like, *REGIONS]
    lines = [f"| method | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, table in errors.items():
        parts = [other[name][:, 1] for other in others.values()]
        parts += [table[:, 1], *(table[_size(moved) == s, 1] for s in range(len(SIZES)))]
        parts += [table[_like_portraits(moved), 1], *table[:, 2:].T]
        means = [f"{np.nanmean(part):.2f}" if np.isfinite(part).any() else "" for part in parts]
        lines.append(f"| `{name}` | {' | '.join(means)} |")
    return lines


def _order(means: dict[str, float]) -> str:
    return ", ".join(f"`{name}` {means[name]:.2f}" for name in sorted(RANKED, key=means.get))


def _errors(method, pair: Pair) -> list[float]:
    """Return mean motion and end-point error in the face, and the error in each region; NaN if empty."""
    flow, _ = method(pair.frame1, pair.frame2)
    error = _length(flow - pair.flow)
    counted = pair.valid & (pair.face if pair.face is not None else True)
    if pair.occluded is not None:
        counted = counted & ~pair.occluded
    means = [float(_length(pair.flow)[counted].mean()), float(error[counted].mean())]
    for number in range(1, len(REGIONS) + 1):
        inside = counted & (pair.regions == number) if pair.regions is not None else np.zeros_like(counted)
        means.append(float(error[inside].mean()) if inside.any() else np.nan)
    return means


PARTS = {
    "speed": speed,
    "memory": memory,
    "face mesh": face_mesh_agreement,
    "classical methods": classical_methods,
    "ranking": ranking,
}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Run the command line, see `run_parts`."""
    run_parts(_PAGE, PARTS, arguments)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
