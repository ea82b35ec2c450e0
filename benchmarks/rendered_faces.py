"""What rendered faces cost, how well Face Mesh and the classical methods agree with their truth.

Run alone with `python -m benchmarks.rendered_faces`; the tables are those of docs/benchmarks.md.
"""

import os
import resource
import time
from pathlib import Path

import cv2
import numpy as np

from keras_models.methods import open_method
from pipelines.face_mesh import EYE_CORNERS, REGIONS
from pipelines.faces.render import PAIRS_PER_PERSON, render_pair
from pipelines.pairs import Pair, list_pairs, read_pair

SEED = 2025
METHODS = ("zero", "dis_fast", "dis_medium", "dis_fine", "farneback", "tvl1", "deepflow")
_FACES, _PAIRS = 300, 200
_SPEED_PAIRS, _MEMORY_STEPS = 120, 4
#: Mean motion in the face, pixels; named by the upper limits.
SIZES = ((0.5, "to 0.5 px"), (2.0, "0.5-2 px"), (6.0, "2-6 px"), (np.inf, "over 6 px"))


def speed() -> str:
    """Pairs a second and core with everything on, and the growth of memory."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    for k in range(4 * PAIRS_PER_PERSON):
        render_pair(SEED, k)  # compiles, and fills the caches that live as long as the process
    taken, peaks = [], []
    for step in range(_MEMORY_STEPS):
        begin = time.process_time()
        for k in range(_SPEED_PAIRS // _MEMORY_STEPS):
            render_pair(SEED, 100 + step * _SPEED_PAIRS + k)
        taken.append(time.process_time() - begin)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    cv2.setNumThreads(threads)
    rate = _SPEED_PAIRS / sum(taken)
    return (
        f"rendering: {rate:.1f} pairs of 256x256 a second of one core's time with everything on (bound 15), "
        f"best {_SPEED_PAIRS / _MEMORY_STEPS / min(taken):.1f}; peak memory {peaks[0]:.0f} MB after "
        f"{_SPEED_PAIRS // _MEMORY_STEPS} pairs, {peaks[-1]:.0f} MB after {_SPEED_PAIRS}"
    )


def agreement(count: int) -> tuple[int, float, float, float]:
    """Compare Face Mesh with the truth on the first frames of `count` persons.

    Returns:
        How many faces it finds; the mean distance of its 478 points from the known ones, as a share of the
        inter-ocular distance; the part of it that every identity shares (the length of each landmark's mean
        offset, averaged); and the mean distance without that part.
    """
    from pipelines.landmarks import FaceMesh

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
        f"Face Mesh: finds {found} of {count} rendered faces (bound 95 %); its 478 points lie "
        f"{100 * error:.2f} % of the inter-ocular distance from the known ones (bound 5 %); without "
        f"the offset of each landmark that all identities share ({100 * shared:.2f} % on average) "
        f"{100 * rest:.2f} %"
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
    rows = {name: [] for name in METHODS}
    for k in range(count):
        pair = render_pair(SEED + 1, k)
        for name in METHODS:
            rows[name].append(_errors(open_method(name), pair))
    columns = ["face", *(title for _, title in SIZES), *REGIONS]
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, errors in rows.items():
        table = np.array(errors)  # pair: motion, face, regions
        size = np.searchsorted([limit for limit, _ in SIZES], table[:, 0])
        means = [np.nanmean(table[:, 1]), *(np.nanmean(table[size == s, 1]) for s in range(len(SIZES)))]
        means += np.nanmean(table[:, 2:], axis=0).tolist()
        lines.append(f"| `{name}` | {' | '.join(f'{value:.2f}' for value in means)} |")
    counts = ", ".join(f"{(size == s).sum()} {title}" for s, (_, title) in enumerate(SIZES))
    return "\n".join([f"Rendered pairs: {count} ({counts})", *lines])


def rivals_on_portraits(folder: Path) -> str:
    """The same methods on the portraits that were moved by a known field."""
    lines = ["| | face |", "|---|---|"]
    pairs = [read_pair(folder, name) for name in list_pairs(folder)]
    for name in METHODS:
        errors = [_errors(open_method(name), pair)[1] for pair in pairs]
        lines.append(f"| `{name}` | {np.mean(errors):.2f} |")
    return "\n".join([f"portraits_truth: {len(pairs)} pairs", *lines])


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


def main() -> None:
    """Print all of it."""
    print(speed())
    print(face_mesh_agreement())
    print(rivals())
    portraits = Path(os.environ.get("FACEFLOW_DATA", "../shared/data")) / "portraits_truth"
    print(rivals_on_portraits(portraits) if portraits.is_dir() else f"{portraits}: not at hand")


if __name__ == "__main__":
    main()
