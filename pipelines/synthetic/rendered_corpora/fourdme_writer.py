"""4DME, as handed out: `gray_micro/{sub_ID}/{fold_name}/1.jpg`, grey, and a sheet with a column for each AU.

What a reader must cope with: frames that are numbered from 1 whatever the onset in the sheet, units marked as
uncertain by `(k)`.
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

STUDIO = Studio(shape=(320, 240), rate=60.0, grey=True, counts=POOLED)
SUBJECTS = 41
COUNTS = {"disgust": 127, "happiness": 34, "surprise": 30, "repression": 6, "others": 70}  # 267 in all
SHEET = "4DME_Labelling_Micro_release v1.xlsx"
_EMOTIONS = {"disgust": "Negative", "happiness": "Positive", "repression": "Repression"}
_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 18, 20, 23, 24, 25, 26)
_COLUMNS = ("sub_ID", "fold_name", "Onset", "Apex", "Offset", "AUs", *(f"AU{k}" for k in _UNITS), "Emotion")
TIMING = Timing(first=(1, 2), lead=(0, 1), rise=(6, 15), fall=(6, 15), trail=(0, 1), peak=(0.7, 2.6))
_UNCERTAIN = 3  # every so many clips the first unit is


def plan(subjects: int, seed: int) -> list[Act]:
    """All clips of the corpus; they have the frames from onset to offset, numbered from 1."""
    return plan_clips(COUNTS, TIMING, subjects, SUBJECTS, seed)


def write(request: CorpusRequest, record_all: RecordAll) -> None:
    """Render the corpus; see `render_corpus`."""
    acts = plan(request.subjects, request.seed)
    units = record_all(partial(_record, request), acts)
    write_workbook(request.folder / SHEET, {"Sheet1": [_COLUMNS, *map(_row, acts, units)]})


def counted_from(act: Act) -> int:
    """Return the frame number that the sheet has for a clip's first frame."""
    return 101 + 37 * (act.number % 11)


def clip_place(act: Act) -> tuple[str, str]:
    """Return subject and folder of a clip."""
    return f"subject{act.subject + 1:02d}", f"M{1 + act.number}"


def _record(request: CorpusRequest, act: Act) -> np.ndarray:
    record(
        request.seed, act, STUDIO, request.folder.joinpath("gray_micro", *clip_place(act)), "{}.jpg".format
    )
    return units_of(request.seed, act, STUDIO)


def _row(act: Act, units: np.ndarray) -> tuple:
    by = counted_from(act) - act.first
    parts = [f"AU{part}" for part in coded(units).split("+")]
    if act.number % _UNCERTAIN == _UNCERTAIN - 1:
        parts[0] += "(k)"
    text = "+".join(parts)
    flags = [int(any(part.strip("AULRk()") == str(unit) for part in parts)) for unit in _UNITS]
    emotion = _EMOTIONS.get(act.emotion, act.emotion.capitalize())
    return (*clip_place(act), act.onset + by, act.apex + by, act.offset + by, text, *flags, emotion)
