"""DFME, as handed out: `sub0003_01/00000.png` and a sheet each for training, test A and test B.

What a reader must cope with: three sheets, clips of 500, 300 and 200 frames per second, frame 0.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from pipelines.synthetic.rendered_corpora.clip_plan import Act, Timing, plan_clips
from pipelines.synthetic.rendered_corpora.recording import (
    CorpusRequest,
    RecordAll,
    Studio,
    coded,
    record,
    units_of,
)
from pipelines.synthetic.rendered_corpora.workbook import write_workbook

STUDIO = Studio(shape=(240, 320), rate=200.0, counts="dfme")
SUBJECTS = 671
COUNTS = {
    "disgust": 900,
    "surprise": 520,
    "happiness": 330,
    "fear": 300,
    "sadness": 280,
    "anger": 180,
    "contempt": 119,
}
SHEETS = ("training_full_with_AU.xlsx", "testA_full_with_AU.xlsx", "testB_full_with_AU.xlsx")
RATES = (500, 300, 200)
_COLUMNS = (
    "Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Emotion", "EmotionId", "Fps", "AU",
)  # fmt: skip
TIMING = Timing(first=(0, 1), lead=(0, 4), rise=(14, 40), fall=(14, 40), trail=(2, 3), peak=(0.6, 2.6))
_SHARES = (0.7, 0.18)  # of subjects in training and test A; the others are in test B


def plan(subjects: int, seed: int) -> list[Act]:
    """All clips of the corpus."""
    return plan_clips(COUNTS, TIMING, subjects, SUBJECTS, seed)


def write(request: CorpusRequest, record_all: RecordAll) -> None:
    """Render the corpus; see `render_corpus`."""
    acts = plan(request.subjects, request.seed)
    units = record_all(partial(_record, request), acts)
    rows: dict[str, list] = {sheet: [_COLUMNS] for sheet in SHEETS}
    for act, of_act in zip(acts, units, strict=True):
        rows[sheet_of(act, request.subjects)].append(
            (
                subject_name(act), clip_name(act), act.onset, act.apex, act.offset, act.emotion.capitalize(),
                list(COUNTS).index(act.emotion), rate_of(act), coded(of_act),
            )
        )  # fmt: skip
    for sheet, of_sheet in rows.items():
        write_workbook(request.folder / sheet, {"Sheet1": of_sheet})


def sheet_of(act: Act, subjects: int) -> str:
    """Return the sheet that lists a clip; all clips of a subject are in one."""
    share = act.subject / max(subjects, 1)
    return SHEETS[0] if share < _SHARES[0] else SHEETS[1] if share < sum(_SHARES) else SHEETS[2]


def rate_of(act: Act) -> int:
    """Return the frames per second that the sheet states."""
    return RATES[act.subject % len(RATES)]


def subject_name(act: Act) -> str:
    """`sub0003`."""
    return f"sub{act.subject + 1:04d}"


def clip_name(act: Act) -> str:
    """`sub0003_01`."""
    return f"{subject_name(act)}_{1 + act.number:02d}"


def _record(request: CorpusRequest, act: Act) -> np.ndarray:
    studio = replace(STUDIO, rate=float(rate_of(act)))
    record(
        request.seed,
        act,
        studio,
        request.folder / clip_name(act),
        "{:05d}.png".format,
        coded=request.coded_frames,
    )
    return units_of(request.seed, act, studio)
