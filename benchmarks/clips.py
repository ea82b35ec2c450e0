"""Motion and events of rendered clips: estimators asked frame by frame, the tracker, and what is found.

`python -m benchmarks.clips` prints it; with `--write` it goes into docs/clips.md.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.common.page import run_parts

CLIPS, FRAMES = 12, 90  # two of each kind
METHODS = ("zero", "dis_fine", "deepflow", "default", "tracker:dis_fine", "tracker:default")
_SEED = 2029
_PAGE = Path(__file__).parents[1] / "docs" / "clips.md"


def accuracy(clips: int = CLIPS, frames: int = FRAMES) -> str:
    """Errors by motion, jitter, drift and lost frames of each method, as Markdown."""
    from keras_models.evaluation.evaluate_clips import (
        CLIP_MOTION_BINS,
        evaluate_clips,
        frame_by_frame,
        summarise_clips,
        tracked,
    )
    from keras_models.inference.estimators import get_estimator
    from pipelines.synthetic.renderer.rendered_clip import render_clips

    methods = {}
    for name in METHODS:
        estimator = get_estimator(name.removeprefix("tracker:"))
        methods[name] = (tracked if name.startswith("tracker:") else frame_by_frame)(estimator)
    with tempfile.TemporaryDirectory() as folder:
        render_clips(Path(folder) / "clips", clips, frames=frames, seed=_SEED)
        errors = evaluate_clips(Path(folder) / "clips", methods)
    columns = ("method", "EPE", *CLIP_MOTION_BINS, "micro", "jitter", "drift", "lost")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, rows in errors.items():
        summary = summarise_clips(rows)
        micro = summary.epe_by_kind.get("micro", float("nan"))
        numbers = (summary.epe, *summary.epe_by_motion.values(), micro, summary.jitter)
        cells = (f"`{name}`", *(f"{value:.3f}" for value in numbers))
        lines.append(f"| {' | '.join(cells)} | {summary.drift:.2f} | {summary.lost:.1%} |")
    about = (
        f"{clips} rendered clips of {frames} frames, 256 x 256, seed {_SEED}; end-point error in the "
        "face in pixels, by the mean motion in the face."
    )
    return "\n".join([about, "", *lines])


PARTS = {"accuracy": accuracy}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the parts that are named, all by default, and with `--write` put them into the page."""
    run_parts(_PAGE, PARTS, arguments)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
