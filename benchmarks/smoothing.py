"""What smoothing takes from the landmarks of a still face, and what it leaves of a micro-expression.

`python -m benchmarks.smoothing` prints it; with `--write` it goes into docs/benchmarks.md.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.common.page import bound, run_parts, table
from benchmarks.common.real_data import real_data
from pipelines.landmarks.face_mesh import EYE_CORNERS
from pipelines.landmarks.smoothing import jitter, smooth_tracks

UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26)
LENGTH = 10  # frames
# Peak, pixels where faces are 256 wide, and length, frames: the weakest third of rendered ones, a usual one,
# and a weak one as short as micro-expressions get.
SHOWN = ((0.8, LENGTH), (1.5, LENGTH), (0.8, 5))
_PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def rise_and_fall(frames: int, apex: int, length: int) -> np.ndarray:
    """Return how far an expression has come at each frame, float64 [T] in [0, 1]: a raised cosine."""
    time = np.arange(frames) - apex
    return np.where(np.abs(time) < length / 2, np.cos(np.pi * time / length) ** 2, 0)


def rendered_expression(units: Mapping[str, float], peak: float, face: np.ndarray) -> np.ndarray:
    """Return how far each landmark of a rendered face moves at the apex.

    Args:
        units: Action Units and their intensities, such as `{"AU06": 0.7, "AU12": 0.9}`.
        peak: peak of the landmark that moves most, pixels where faces are 256 wide.
        face: float [478, 2], landmarks of the face to lay it over; its distance between the eyes counts.

    Returns:
        float64 [478, 2], pixels.
    """
    from pipelines.synthetic.renderer.expression_clips import draw_subject, micro
    from pipelines.synthetic.renderer.geometry.facial_expression import Expression, expression

    rest = (subject := draw_subject(7, 0, (256, 256))).rest
    reached = micro(subject, expression(**units).units, peak)
    moved = replace(rest, state=Expression(reached, rest.state.gaze)).landmarks - rest.landmarks
    return moved * _between_the_eyes(face) / _between_the_eyes(rest.landmarks)


def kept_share(
    tracks: np.ndarray, moved: np.ndarray, rate: float, apexes: Iterable[int], length: int = LENGTH
) -> float:
    """Return the share of a peak that smoothing keeps, in the mean over times at which it comes.

    Args:
        tracks: float [T, 478, 2], landmarks of a still face, pixels.
        moved: float [478, 2], what the expression adds at its apex; landmarks that move at least half as far
            as the one that moves most are looked at.
        rate: frames per second.
        apexes: the times, frames.
        length: length of the expression, frames.
    """
    still = smooth_tracks(tracks, rate)
    part = np.linalg.norm(moved, axis=1) > 0.5 * np.linalg.norm(moved, axis=1).max()
    shares = []
    for apex in apexes:
        there = tracks + rise_and_fall(len(tracks), apex, length)[:, None, None] * moved
        found = (smooth_tracks(there, rate) - still)[apex - 1 : apex + 2, part]
        shares.append((found * moved[part]).sum(axis=(1, 2)).max() / np.square(moved[part]).sum())
    return float(np.mean(shares))


def still_tracks(clip: Path) -> tuple[np.ndarray, float]:
    """Return the landmarks of a clip as Face Mesh finds them, and its frames per second."""
    from pipelines.io.video import frame_rate, read_frames
    from pipelines.landmarks.detector import FaceMesh, find_face

    with FaceMesh(tracking=True) as face_mesh:
        tracks = [find_face(face_mesh, frame, clip.name).landmarks for frame in read_frames(clip)]
    return np.stack(tracks), frame_rate(clip)


def apexes(tracks: np.ndarray) -> range:
    """Return times all over a clip at which an expression may come."""
    return range(20, len(tracks) - 15, 12)


def smoothing() -> str:
    """Jitter of a still clip, and what is kept of expressions laid over it, as Markdown."""
    clip = real_data("proctoring/center_focus.mp4")
    from pipelines.synthetic.renderer.posed_emotions import PROTOTYPES

    tracks, rate = still_tracks(clip)
    found, left = jitter(tracks), jitter(smooth_tracks(tracks, rate))
    emotions = table(["", *PROTOTYPES], [_kept(tracks, rate, *each, PROTOTYPES) for each in SHOWN])
    single = {f"AU {unit}": ({f"AU{unit:02d}": 1.0},) for unit in UNITS}
    units = table(["", *single], [_kept(tracks, rate, *each, single) for each in SHOWN])
    return (
        f"On the still clip `proctoring/{clip.name}` smoothing takes the jitter of Face Mesh from "
        f"{found:.3f} px to {left:.3f} px, {found / left:.2f} times "
        f"({bound(found / left, least=3)}). The tables show the share of "
        f"the peak that it keeps of rendered micro-expressions laid over these tracks, in the mean over "
        f"{len(apexes(tracks))} times at which they come (bound for {LENGTH} frames: 0.95 to 1.05; peaks for "
        f"faces 256 pixels wide). Emotions by the prototypes "
        f"of the FACS guide, which move more of a face than most micro-expressions do:\n\n{emotions}\n\n"
        f"Single Action Units:\n\n{units}"
    )


def _kept(
    tracks: np.ndarray,
    rate: float,
    peak: float,
    length: int,
    shown: Mapping[str, tuple[Mapping[str, float], ...]],
) -> list[str]:
    """Return a row of a table: the peak, and what is kept of each of `shown`, the mean of its variants."""
    times = apexes(tracks)
    shares = [
        [
            kept_share(tracks, rendered_expression(units, peak, tracks[0]), rate, times, length)
            for units in variants
        ]
        for variants in shown.values()
    ]
    return [f"{peak:g} px, {length} frames", *(f"{np.mean(each):.2f}" for each in shares)]


def _between_the_eyes(landmarks: np.ndarray) -> float:
    right, left = landmarks[list(EYE_CORNERS)]
    return float(np.linalg.norm(left - right))


PARTS = {"smoothing": smoothing}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print it, and with `--write` put it into the page."""
    run_parts(_PAGE, PARTS, arguments)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
