"""What rendered faces cost, how well Face Mesh and the classical methods agree with their truth.

`python -m benchmarks.rendered_faces` prints it; with `--write` it goes into docs/benchmarks.md, between the
markers of each part, with date, commit and machine. Names of parts after it run these alone.
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

from benchmarks.common.page import run_parts
from keras_models.inference.estimators import open_method
from pipelines.io.pairs import Pair, list_pairs, read_pair
from pipelines.landmarks.face_mesh import EYE_CORNERS, REGIONS
from pipelines.synthetic.renderer.generate import parallel_map
from pipelines.synthetic.renderer.rendered_pair import PAIRS_PER_PERSON, render_pair

SEED = 2025
METHODS = ("zero", "dis_fast", "dis_medium", "dis_fine", "farneback", "tvl1", "deepflow")
#: Whose order on rendered pairs is to be that on `portraits_truth`.
RANKED = ("dis_medium", "farneback", "tvl1", "deepflow")
_FACES, _PAIRS = 300, 200
_SPEED_PAIRS, _SPEED_ROUNDS = 120, 4
_MEMORY_PAIRS, _MEMORY_WARM_UP, _MEMORY_SIZE = 10_000, 200, 64
_PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
#: Mean motion in the face, pixels; named by the upper limits.
SIZES = ((0.5, "to 0.5 px"), (2.0, "0.5-2 px"), (6.0, "2-6 px"), (np.inf, "over 6 px"))
#: Mean motion in the face of `portraits_truth`, pixels: that of its stillest and of its liveliest pair.
PORTRAIT_SIZES = (0.6, 5.8)


def speed() -> str:
    """Pairs a second and core with everything on."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    for k in range(4 * PAIRS_PER_PERSON):
        render_pair(SEED, k)  # compiles, and fills the caches that live as long as the process
    taken = []
    for number in range(_SPEED_ROUNDS):
        begin = time.process_time()
        for k in range(_SPEED_PAIRS // _SPEED_ROUNDS):
            render_pair(SEED, 100 + number * _SPEED_PAIRS + k)
        taken.append(time.process_time() - begin)
    cv2.setNumThreads(threads)
    return (
        f"{_SPEED_PAIRS / sum(taken):.1f} pairs of 256x256 a second of one core's time with everything on "
        f"(bound 15), {_SPEED_PAIRS / _SPEED_ROUNDS / min(taken):.1f} in the best of {_SPEED_ROUNDS} rounds; "
        f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    )


def memory(count: int = _MEMORY_PAIRS) -> str:
    """Resident memory over many pairs in one process; small ones: the caches hold the same at any size."""
    held = {}
    for k in range(count):
        render_pair(SEED, k, _MEMORY_SIZE)
        if k + 1 in (_MEMORY_WARM_UP, count // 2, count):
            held[k + 1] = _resident()
    steps = ", ".join(f"{size:.0f} MB after {pairs:,}" for pairs, size in held.items())
    return f"Resident memory while {count:,} pairs of {_MEMORY_SIZE}x{_MEMORY_SIZE} are rendered: {steps}."


def _resident() -> float:
    """Resident memory of this process now, MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def agreement(count: int) -> tuple[int, float, float, float]:
    """Compare Face Mesh with the truth on the first frames of `count` persons.

    Returns:
        How many faces it finds; the mean distance of its 478 points from the known ones, as a share of the
        inter-ocular distance; the part of it that every identity shares (the length of each landmark's mean
        offset, averaged); and the mean distance without that part.
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
    shared = errors.mean(axis=0)
    return len(errors), *(float(_length(part).mean()) for part in (errors, shared, errors - shared))


def face_mesh_agreement(count: int = _FACES) -> str:
    """The above in words."""
    found, error, shared, rest = agreement(count)
    return (
        f"Face Mesh finds {found} of {count} rendered faces (bound 95 %); its 478 points lie "
        f"{100 * error:.2f} % of the inter-ocular distance from the known ones (bound 5 %); without "
        f"the offset of each landmark that all identities share ({100 * shared:.2f} % on average) "
        f"{100 * rest:.2f} %."
    )


def _relative(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Errors along and across the line of the eyes, in inter-ocular distances: [478, 2]."""
    right, left = known[list(EYE_CORNERS)]
    along = (left - right) / np.linalg.norm(left - right)
    axes = np.stack([along, [-along[1], along[0]]])
    return (found - known) @ axes.T / np.linalg.norm(left - right)


def _length(errors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(errors, axis=-1)


def rivals(count: int = _PAIRS) -> str:
    """Error of the classical methods on rendered pairs, by size of motion and by region, as Markdown."""
    errors, _ = _measure(partial(render_pair, SEED + 1), range(count))
    return "\n".join([f"{_counted(errors)}, with the usual disturbances.", "", *_table(errors)])


def ranks(count: int = _PAIRS) -> str:
    """The same on rendered pairs whose exposure changes, beside moved portraits, whose brightness does."""
    folder = Path(os.environ.get("FACEFLOW_DATA", "../shared/data")) / "portraits_truth"
    if not folder.is_dir():
        return f"{folder}: not at hand."
    there, brightness = _measure(partial(read_pair, folder), list_pairs(folder))
    here, own = _measure(partial(render_pair, SEED + 1, disturbance="exposure"), range(count))
    orders = [
        _order({name: np.nanmean(table[:, 1]) for name, table in errors.items()}) for errors in (there, here)
    ]
    return "\n".join(
        [
            f"{_counted(here)}, disturbance `exposure`: the brightness of the face changes by a standard "
            f"deviation of {own:.1f} grey levels. In the {len(there['zero'])} pairs of `portraits_truth` "
            f"(real faces, moved by a smooth field) it changes by {brightness:.1f}.",
            "",
            *_table(here, {"moved portraits": there}),
            "",
            f"From best to worst, moved portraits: {orders[0]}; rendered pairs: {orders[1]}.",
        ]
    )


def _measure(make: Callable[[object], Pair], keys: Iterable) -> tuple[dict[str, np.ndarray], float]:
    """Measure all methods on the pairs that `make` makes of keys, over all cores.

    Returns:
        `_errors` of all pairs by method, [pairs, 9], and the spread of the changes in brightness.
    """
    measured = list(parallel_map(partial(_measure_one, make), keys, None, PAIRS_PER_PERSON))
    table = np.array([errors for errors, _ in measured])
    brighter = np.array([change for _, change in measured])
    return {name: table[:, number] for number, name in enumerate(METHODS)}, float(brighter.std())


def _measure_one(make: Callable[[object], Pair], key: object) -> tuple[list[list[float]], float]:
    """Return `_errors` of each method on a pair, and by how much frame 2's face is brighter."""
    pair = make(key)
    change = pair.frame2[pair.face].mean() - pair.frame1[pair.face].mean()
    return [_errors(open_method(name), pair) for name in METHODS], float(change)


def _counted(errors: dict[str, np.ndarray]) -> str:
    moved = errors["zero"][:, 0]
    counts = ", ".join(f"{(_size(moved) == s).sum()} {title}" for s, (_, title) in enumerate(SIZES))
    low, high = PORTRAIT_SIZES
    return (
        f"{len(moved)} rendered pairs ({counts}; {_like_portraits(moved).sum()} move by {low}-{high} px, as "
        "far as those of `portraits_truth`), 256x256, mixture `default`"
    )


def _size(moved: np.ndarray) -> np.ndarray:
    return np.searchsorted([limit for limit, _ in SIZES], moved)


def _like_portraits(moved: np.ndarray) -> np.ndarray:
    return (moved >= PORTRAIT_SIZES[0]) & (moved <= PORTRAIT_SIZES[1])


def _table(
    errors: dict[str, np.ndarray], others: Mapping[str, dict[str, np.ndarray]] = MappingProxyType({})
) -> list[str]:
    """Return the lines of a table: a row a method; columns of other pairs' means, all, sizes, regions."""
    moved = errors["zero"][:, 0]
    like = f"{PORTRAIT_SIZES[0]}-{PORTRAIT_SIZES[1]} px"
    columns = [*others, "face", *(title for _, title in SIZES), like, *REGIONS]
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
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
    """Mean motion in the face, end-point error in the face and in each region; NaN where there is none."""
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
    "rivals": rivals,
    "ranks": ranks,
}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the parts that are named, all by default, and with `--write` put them into the page."""
    run_parts(_PAGE, PARTS, arguments)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
