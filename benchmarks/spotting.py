"""How well apexes and micro-expressions are found in rendered clips, of which it is known when they happen.

`python -m benchmarks.spotting` prints it; with `--write` it goes into docs/expressions.md.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.common.page import bound, run_parts

CLIPS = 24  # of SMIC's length, one expression each
LONG, SECONDS, EVENTS = 6, 16, 4  # long clips, one of each person, and micro-expressions in each
_RATE = 25.0  # frames a second of the long clips
_SHAPE = (256, 256)
_SEED = 2028
_EMOTIONS = ("happiness", "surprise", "disgust", "repression", "sadness")
_PAGE = Path(__file__).parents[1] / "docs" / "expressions.md"


def apexes(count: int = CLIPS) -> str:
    """Errors of spotted apexes, in frames and as a share of the clip's length."""
    from keras_models.inference.expression_samples import SPOTTER, estimator
    from pipelines.io.images import read_image
    from pipelines.landmarks.detector import FaceMesh
    from pipelines.micro_expressions.spotting import spot_apex
    from pipelines.synthetic.rendered_corpora import smic_writer
    from pipelines.synthetic.rendered_corpora.recording import record

    acts = smic_writer.plan(smic_writer.SUBJECTS, _SEED)
    acts = acts[:: max(1, len(acts) // count)][:count]
    errors, lengths = [], []
    with tempfile.TemporaryDirectory() as folder, FaceMesh() as face_mesh:
        for act in acts:
            clip = Path(folder) / str(act.number)
            record(_SEED, act, smic_writer.STUDIO, clip, "{:08d}.png".format)
            frames = [read_image(clip / f"{k:08d}.png") for k in range(act.onset, act.offset + 1)]
            found = spot_apex(frames, estimator(SPOTTER), face_mesh, clip.name)
            errors.append(abs(found.frame - (act.apex - act.onset)))
            lengths.append(len(frames))
    shares = np.divide(errors, lengths)
    return (
        f"Apexes of {len(acts)} clips as SMIC has them ({min(lengths)} to {max(lengths)} frames from onset "
        f"to offset), spotted by `{SPOTTER}`: off by {np.mean(errors):.1f} frames in the mean, "
        f"{np.max(errors)} at most; {np.mean(shares):.1%} of the clip's length "
        f"({bound(100 * np.mean(shares), most=10, unit=' %')})."
    )


def intervals(people: int = LONG) -> str:
    """F1 of micro-expressions found in long clips, with blinks and a head that drifts."""
    from keras_models.evaluation.evaluate_events import evaluate_events
    from keras_models.inference.estimators import get_estimator
    from pipelines.clip_analysis.analysis import AnalysisConfig, analyse_clip
    from pipelines.io.clip_truth import ClipEvent
    from pipelines.io.images import write_image

    clips = []
    for number in range(people):
        frames, true = _long_clip(number)
        with tempfile.TemporaryDirectory() as folder:
            for k, frame in enumerate(frames):
                write_image(Path(folder) / f"{k:05d}.png", frame)
            analysis = analyse_clip(folder, None, get_estimator("default"), AnalysisConfig(rate=_RATE))
        events = [ClipEvent("micro", "", onset, apex, offset, 0.0) for onset, apex, offset in true]
        clips.append((list(analysis.events), events, _RATE))
    scores = evaluate_events(clips)["micro"]
    return (
        f"Micro-expressions in {people} clips of {SECONDS} seconds, {_RATE:g} frames a second, of people "
        f"who blink and drift: {scores.true} there, {scores.found} found, {scores.right} of them right "
        f"(intersection over union at least 0.5): F1 {scores.f1:.2f}."
    )


def _long_clip(number: int) -> tuple[Iterator[np.ndarray], list[tuple[int, int, int]]]:
    """Return the frames of a long clip, uint8 [H, W, 3], and onset, apex and offset of each expression."""
    from pipelines.synthetic.renderer.emotions import draw_emotion
    from pipelines.synthetic.renderer.expression_clips import Event, draw_subject, frame_at, micro, photograph

    rng = np.random.default_rng([_SEED, number])
    subject = draw_subject(_SEED, number, _SHAPE)
    length = round(SECONDS * _RATE)
    events = []
    for start in np.linspace(0, length, EVENTS, endpoint=False):
        onset = round(start + rng.integers(15, length // EVENTS - 30))
        apex = onset + int(rng.integers(4, 7))
        units = draw_emotion("casme2", str(rng.choice(_EMOTIONS)), rng)
        units = micro(subject, units, float(np.exp(rng.uniform(np.log(0.7), np.log(2.8)))))
        events.append(Event(units, onset, apex, apex + int(rng.integers(4, 8))))
    frames = (photograph(subject, frame_at(subject, tuple(events), 0, k, _RATE), 0, k) for k in range(length))
    return frames, [(event.onset, event.apex, int(event.offset)) for event in events]


PARTS = {"apexes": apexes, "intervals": intervals}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the parts that are named, all by default, and with `--write` put them into the page."""
    run_parts(_PAGE, PARTS, arguments)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
