"""CASME II, as handed out: `Cropped/sub01/EP02_01f/img46.jpg` and a coding sheet.

What a reader must cope with: frame numbers without padding, subjects as text, an apex `/`, units that are
sometimes numbers and sometimes text such as `4+L10` or `?`, blank columns.
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

STUDIO = Studio(shape=(340, 280), rate=200.0, counts="casme2")
SUBJECTS = 26
#: Clips of each emotion (255 in all).
COUNTS = {
    "others": 99,
    "disgust": 63,
    "happiness": 32,
    "repression": 27,
    "surprise": 25,
    "sadness": 7,
    "fear": 2,
}
SHEET = "CASME2-coding-20140508.xlsx"
_COLUMNS = ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units")
_COLUMNS += ("Estimated Emotion",)
TIMING = Timing(first=(17, 177), lead=(3, 4), rise=(14, 50), fall=(18, 55), trail=(3, 4), peak=(0.6, 2.6))
_NO_APEX = 3  # the clip whose apex nobody could tell
_UNSURE = 7  # every so many clips the units are `?`


def plan(subjects: int, seed: int) -> list[Act]:
    """All clips of the corpus."""
    return plan_clips(COUNTS, TIMING, subjects, SUBJECTS, seed)


def write(request: CorpusRequest, record_all: RecordAll) -> None:
    """Render the corpus; see `render_corpus`."""
    acts = plan(request.subjects, request.seed)
    units = record_all(partial(_record, request), acts)
    write_workbook(request.folder / SHEET, {"Sheet1": [_COLUMNS, *map(_row, acts, units)]})


def clip_name(act: Act) -> str:
    """`EP02_01f`: the film that was shown, the clip's number in it, and the camera."""
    return f"EP{2 + act.number % 18:02d}_{1 + act.number // 18:02d}f"


def _record(request: CorpusRequest, act: Act) -> np.ndarray:
    clip = request.folder / "Cropped" / f"sub{act.subject + 1:02d}" / clip_name(act)
    # Where the sheet has no apex, readers look for it in the whole clip.
    few = request.coded_frames and act.number != _NO_APEX
    record(request.seed, act, STUDIO, clip, "img{}.jpg".format, coded=few)
    return units_of(request.seed, act, STUDIO)


def _row(act: Act, units: np.ndarray) -> tuple:
    code: str | int = coded(units)
    if act.number % _UNSURE == _UNSURE - 1 and act.emotion == "others":
        code = "?"
    if isinstance(code, str) and code.isdigit():
        code = int(code)  # Excel turns a lone number into one
    apex = "/" if act.number == _NO_APEX else act.apex
    return (
        f"{act.subject + 1:02d}",
        clip_name(act),
        None,
        act.onset,
        apex,
        act.offset,
        None,
        code,
        act.emotion,
    )
