"""MMEW, as handed out: `Micro_Expression/happiness/S01-001-01/1.jpg` and `MMEW_Micro_Exp.xlsx`.

What a reader must cope with: no level of subjects, an emotion in the path, a clip in the folder of another.
"""

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
from pipelines.synthetic.renderer.emotions import POOLED

STUDIO = Studio(shape=(320, 320), rate=90.0, counts=POOLED)
SUBJECTS = 30
COUNTS = {"surprise": 89, "disgust": 72, "others": 66, "happiness": 36, "fear": 16, "sadness": 13, "anger": 8}
SHEET = "MMEW_Micro_Exp.xlsx"
_COLUMNS = (
    "Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion",
    "remarks",
)  # fmt: skip
TIMING = Timing(first=(1, 2), lead=(0, 1), rise=(8, 24), fall=(9, 24), trail=(2, 3), peak=(0.7, 2.6))
_MISPLACED = 1  # the clip that lies in the folder of another emotion


def plan(subjects: int, seed: int) -> list[Act]:
    """All clips of the corpus."""
    return plan_clips(COUNTS, TIMING, subjects, SUBJECTS, seed)


def write(request: CorpusRequest, record_all: RecordAll) -> None:
    """Render the corpus; see `render_corpus`."""
    acts = plan(request.subjects, request.seed)
    units = record_all(partial(_record, request), acts)
    rows = [
        (act.subject + 1, clip_name(act), act.onset, act.apex, act.offset, coded(of_act), act.emotion, None)
        for act, of_act in zip(acts, units, strict=True)
    ]
    write_workbook(request.folder / SHEET, {"Sheet1": [_COLUMNS, *rows]})


def clip_name(act: Act) -> str:
    """`S01-001-01`: subject, film, and the clip's number in it."""
    return f"S{act.subject + 1:02d}-{1 + act.number % 9:03d}-{1 + act.number // 9:02d}"


def emotion_folder(act: Act) -> str:
    """Return the folder in which a clip lies."""
    return "others" if act.number == _MISPLACED and act.emotion != "others" else act.emotion


def _record(request: CorpusRequest, act: Act) -> np.ndarray:
    clip = request.folder / "Micro_Expression" / emotion_folder(act) / clip_name(act)
    record(request.seed, act, STUDIO, clip, "{}.jpg".format, coded=request.coded_frames)
    return units_of(request.seed, act, STUDIO)
