"""SAMM, as handed out: `006/006_1_2/006_05562.jpg`, grey, and a coding sheet.

What a reader must cope with: a header on row 14 under a preamble, a duration that is a formula, units such as
`(R6 or R12)+R15` and `7B`, an offset before its apex, apexes outside their clips.
"""

import itertools
from functools import partial

import numpy as np

from pipelines.synthetic.rendered_corpora.clip_plan import Act, Timing, plan_clips
from pipelines.synthetic.rendered_corpora.recording import (
    CorpusRequest,
    RecordAll,
    Studio,
    coded,
    record,
    sides,
    units_of,
)
from pipelines.synthetic.rendered_corpora.workbook import write_workbook

STUDIO = Studio(shape=(325, 480), rate=200.0, grey=True, counts="samm")
SUBJECTS = 29
COUNTS = {
    "anger": 57, "contempt": 12, "disgust": 9, "fear": 8, "sadness": 6, "happiness": 26, "surprise": 15,
    "others": 26,
}  # fmt: skip
SHEET = "SAMM_Micro_FACS_Codes_v2.xlsx"
_FIRST_SUBJECT = 6
_HEADER_ROW = 14
_COLUMNS = (
    "Subject",
    "Filename",
    "Inducement Code",
    "Onset Frame",
    "Apex Frame",
    "Offset Frame",
    "Duration",
    "Micro",
)
_COLUMNS += ("Action Units", "Estimated Emotion", "Objective Classes", "Notes")
_PREAMBLE = {1: "Rendered faces in the layout of SAMM", 3: "Rendered, not recorded: no real person is shown",
             5: "Frames are numbered at 200 a second", 12: "Micro-movements only"}  # fmt: skip
# Which clips carry the mistakes that the real sheet has, and which units are coded with a doubt.
_OFFSET_BEFORE_APEX, _APEX_OUTSIDE, _DOUBTFUL = 4, (2, 9), 6
TIMING = Timing(first=(396, 8996), lead=(4, 5), rise=(14, 46), fall=(16, 50), trail=(4, 5), peak=(0.5, 2.2))


def plan(subjects: int, seed: int) -> list[Act]:
    """All clips of the corpus."""
    return plan_clips(COUNTS, TIMING, subjects, SUBJECTS, seed)


def write(request: CorpusRequest, record_all: RecordAll) -> None:
    """Render the corpus; see `render_corpus`."""
    acts = plan(request.subjects, request.seed)
    units = record_all(partial(_record, request), acts)
    above = [(_PREAMBLE[row],) if row in _PREAMBLE else () for row in range(1, _HEADER_ROW)]
    rows = map(_row, acts, units, itertools.count(_HEADER_ROW + 1))
    write_workbook(request.folder / SHEET, {"MICRO_ONLY": [*above, _COLUMNS, *rows]})


def clip_name(act: Act) -> str:
    """`006_1_2`: subject, the film that was shown, the clip's number in it."""
    return f"{_FIRST_SUBJECT + act.subject:03d}_{1 + act.number % 7}_{1 + act.number // 7}"


def objective_class(units: np.ndarray) -> int:
    """Class I-VII of the units, after Davison et al., "Objective Classes for Micro-Facial ...", 2018."""
    active = set(sides(units))
    if active & {"6", "12"}:
        return 1
    if active & {"9", "10"}:
        return 4
    if {"1", "2", "4"} <= active or "20" in active:
        return 6
    if "15" in active or {"1", "4"} <= active:
        return 5
    if active & {"4", "23"}:
        return 3
    return 2 if active & {"1", "2", "5", "25", "26"} else 7


def _record(request: CorpusRequest, act: Act) -> np.ndarray:
    subject = f"{_FIRST_SUBJECT + act.subject:03d}"
    # Where the sheet is wrong, readers look at the whole clip.
    few = request.coded_frames and act.number not in (_OFFSET_BEFORE_APEX, *_APEX_OUTSIDE)
    clip = request.folder / subject / clip_name(act)
    record(request.seed, act, STUDIO, clip, lambda frame: f"{subject}_{frame:05d}.jpg", coded=few)
    return units_of(request.seed, act, STUDIO)


def _row(act: Act, units: np.ndarray, number: int) -> tuple:
    apex, offset = act.apex, act.offset
    if act.number == _OFFSET_BEFORE_APEX:
        offset = apex - 5
    if act.number in _APEX_OUTSIDE:
        apex = act.last + 40
    code = coded(units, letters=act.number % 3 == 0)
    first, _, rest = code.partition("+")
    if act.number % _DOUBTFUL == _DOUBTFUL - 1 and rest:
        code = f"({first} or R12)+{rest}"
    emotion = "Other" if act.emotion == "others" else act.emotion.capitalize()
    return (
        f"{_FIRST_SUBJECT + act.subject:03d}", clip_name(act), 1 + act.number % 7, act.onset, apex, offset,
        f"=F{number}-D{number}+1",
        "Micro" if act.offset - act.onset <= 100 else "Micro - 1/2", code, emotion, objective_class(units),
        None,
    )  # fmt: skip
