"""BP4D-Spontaneous, as handed out: sequences of eight tasks, occurrence and intensity codes, 49 landmarks.

What a reader must cope with: zero-padding that varies between sequences, a first row of unit numbers, 9 for
unknown, frames without landmarks, and intensity tables (those of BP4D+) whose frame f is image f - 1.
"""

from functools import partial
from pathlib import Path

import numpy as np

from pipelines.files import replacing
from pipelines.landmarks.face_mesh import IBUG_68
from pipelines.synthetic.rendered_corpora.clip_plan import Act
from pipelines.synthetic.rendered_corpora.recording import (
    CorpusRequest,
    RecordAll,
    Studio,
    save,
    sides,
    subject_of,
    units_of,
)
from pipelines.synthetic.renderer.expression_clips import Event, frame_at, photograph

STUDIO = Studio(shape=(348, 260), rate=25.0)
WOMEN, MEN = 23, 18
SUBJECTS = WOMEN + MEN
#: What the eight tasks bring about.
TASKS = ("happiness", "sadness", "surprise", "contempt", "fear", "disgust", "anger", "disgust")
UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 27, 28, 29, 30)
_INTENSITY_UNITS = (6, 10, 12, 14, 17)
_FRAMES = 60
_PRESENT = 0.2  # a coder marks a unit from this intensity on
_UNKNOWN = 9
_UNKNOWN_SHARE, _LOST_SHARE = 0.01, 0.05
# The 49 points are iBUG's 68 without the jaw line and the inner lips' corners.
_POINTS_49 = np.array([i for i in range(17, 68) if i not in (60, 64)])


def plan(subjects: int, seed: int) -> list[Act]:
    """All sequences of the corpus."""
    rng = np.random.default_rng([seed, 41])
    acts = []
    for subject in range(subjects):
        for task, emotion in enumerate(TASKS):
            onset, apex = int(rng.integers(3, 15)), int(rng.integers(18, 35))
            acts.append(Act(subject, 8 * subject + task, emotion, None, 1, onset, apex, _FRAMES + 5, _FRAMES))
    return acts


def write(request: CorpusRequest, record_all: RecordAll) -> None:
    """Render the corpus; see `render_corpus`."""
    women = round(request.subjects * WOMEN / SUBJECTS)
    record_all(partial(_record, request, women), plan(request.subjects, request.seed))


def _record(request: CorpusRequest, women: int, act: Act) -> None:
    from scipy.io import savemat

    who = f"F{act.subject + 1:03d}" if act.subject < women else f"M{act.subject - women + 1:03d}"
    task = f"T{act.number % 8 + 1}"
    clip = request.folder / "Sequences(2D+3D)" / who / task
    if clip.exists():
        return
    rng = np.random.default_rng([request.seed, act.number, 5])
    subject = subject_of(request.seed, act.subject, STUDIO)
    event = Event(units_of(request.seed, act, STUDIO), act.onset, act.apex, act.offset)
    digits = 4 if act.number % 3 else 3
    states, points = [], []
    with replacing(clip) as part:
        part.mkdir()
        for number in range(act.first, act.last + 1):
            frame = frame_at(subject, (event,), act.number, number, STUDIO.rate)
            save(part / f"{number:0{digits}d}.jpg", photograph(subject, frame, act.number, number))
            states.append(sides(frame.state.units))
            points.append(frame.landmarks[IBUG_68][_POINTS_49].astype(np.float64))
        # All of it or nothing: the frames take their name last.
        rows = [[0, *UNITS]] + [
            [number, *_occurrence(state, rng)] for number, state in enumerate(states, start=1)
        ]
        _write_csv(request.folder / "AUCoding" / "AU_OCC" / f"{who}_{task}.csv", rows)
        for unit in _INTENSITY_UNITS:
            levels = [max(state.get(str(unit), (0.0, 0.0))) for state in states]
            rows = [[number + 1, round(5 * level)] for number, level in enumerate(levels, start=1)]
            _write_csv(
                request.folder / "AUCoding" / "AU_INT" / f"AU{unit:02d}" / f"{who}_{task}_AU{unit:02d}.csv",
                rows,
            )
        fit = np.zeros((1, len(points)), [("pred", object)])
        for number, point in enumerate(points):
            fit[0, number]["pred"] = np.zeros((0, 0)) if rng.random() < _LOST_SHARE else point
        with replacing(request.folder / "2DFeatures" / f"{who}_{task}.mat") as features:
            savemat(features, {"fit": fit})


def _occurrence(state: dict[str, tuple[float, float]], rng: np.random.Generator) -> list[int]:
    present = [int(max(state.get(str(unit), (0.0, 0.0))) >= _PRESENT) for unit in UNITS]
    return [_UNKNOWN if rng.random() < _UNKNOWN_SHARE else value for value in present]


def _write_csv(path: Path, rows: list[list[int]]) -> None:
    with replacing(path) as part:
        part.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
