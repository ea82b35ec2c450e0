"""SAMM Long Videos, as handed out: `SAMM_longvideos/006_1/006_1_0001.jpg`, grey, and two coding sheets.

What a reader must cope with: ten rows before the header, no emotions, an apex -1, subjects as text or number,
frame numbers that differ from those of the micro sheet by whole offsets.
"""

from functools import partial

import numpy as np

from pipelines.synthetic.rendered_corpora.clip_plan import Act
from pipelines.synthetic.rendered_corpora.long_videos.video_plan import Video, plan_videos
from pipelines.synthetic.rendered_corpora.recording import (
    CorpusRequest,
    RecordAll,
    Studio,
    coded,
    record_acts,
    units_of,
)
from pipelines.synthetic.rendered_corpora.workbook import write_workbook

STUDIO = Studio(shape=(176, 256), rate=200.0, grey=True)  # small, for a video has thousands of frames
SUBJECTS = 29
COUNTS = {"anger": 130, "happiness": 110, "others": 100, "surprise": 60, "contempt": 40, "disgust": 32,
          "fear": 15, "sadness": 15}  # fmt: skip
MICRO_SHARE = 159 / 502
_VIDEOS = 147
SHEET, MICRO_SHEET = "SAMM_LongVideos_V3_Release.xlsx", "SAMM_Micro_FACS_Codes_v2.xlsx"
_FIRST_SUBJECT = 6
_COLUMNS = (
    "Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type", "Action Units",
    "Notes",
)  # fmt: skip
_MICRO_COLUMNS = (
    "Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration",
    "Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes",
)  # fmt: skip
_ABOVE, _MICRO_ABOVE = 10, 13
_NO_APEX = 7  # every so many expressions the apex is -1
_OFFSETS = (0, 100, 0, 1000, 10000)  # by which the micro sheet counts otherwise


def plan(subjects: int, seed: int) -> list[Video]:
    """All videos of the corpus."""
    return plan_videos(COUNTS, MICRO_SHARE, subjects, SUBJECTS, _VIDEOS, STUDIO.rate, seed)


def write(request: CorpusRequest, record_all: RecordAll) -> None:
    """Render the corpus; see `render_corpus`."""
    videos = plan(request.subjects, request.seed)
    units = record_all(partial(_record, request), videos)
    above = [("Rendered faces in the layout of SAMM Long Videos; no real person is shown.",)]
    rows, micro = [], []
    for video, of_video in zip(videos, units, strict=True):
        for k, (act, kind, of_act) in enumerate(zip(video.acts, video.kinds, of_video, strict=True)):
            rows.append(_row(video, k, act, kind, of_act))
            if kind == "micro":
                micro.append(_micro_row(video, k, act, of_act))
    write_workbook(request.folder / SHEET, {"Sheet1": [*above, *[()] * (_ABOVE - 1), _COLUMNS, *rows]})
    write_workbook(
        request.folder / MICRO_SHEET,
        {"MICRO_ONLY": [*above, *[()] * (_MICRO_ABOVE - 1), _MICRO_COLUMNS, *micro]},
    )


def video_name(video: Video) -> str:
    """Return the name of a video: `006_1`, subject and film."""
    each = max(1, round(_VIDEOS / SUBJECTS))
    return f"{_FIRST_SUBJECT + video.subject:03d}_{1 + video.number % each}"


def has_no_apex(act: Act) -> bool:
    """Tell whether the sheet has the apex -1 for an expression."""
    return act.number % _NO_APEX == _NO_APEX - 1


def micro_offset(act: Act) -> int:
    """Return by how much the micro sheet counts frames otherwise."""
    return _OFFSETS[act.number % len(_OFFSETS)]


def _record(request: CorpusRequest, video: Video) -> list[np.ndarray]:
    name = video_name(video)
    place = request.folder / "SAMM_longvideos" / name
    numbers = range(1, video.last + 1)
    record_acts(
        request.seed, video.acts, video.number, numbers, STUDIO, place,
        lambda frame: f"{name}_{frame:04d}.jpg", subject=video.subject,
    )  # fmt: skip
    return [units_of(request.seed, act, STUDIO) for act in video.acts]


def _row(video: Video, k: int, act: Act, kind: str, units: np.ndarray) -> tuple:
    name, subject = video_name(video), _FIRST_SUBJECT + video.subject
    return (
        subject if k % 2 else f"{subject:03d}", f"{name}_{k + 1}", int(name[-1]), act.onset,
        -1 if has_no_apex(act) else act.apex, act.offset, act.offset - act.onset + 1,
        "Micro - 1/2" if kind == "micro" else "Macro", coded(units), None,
    )  # fmt: skip


def _micro_row(video: Video, k: int, act: Act, units: np.ndarray) -> tuple:
    name, by = video_name(video), micro_offset(act)
    return (
        name[:3], f"{name}_{k + 1}", int(name[-1]), act.onset + by, act.apex + by, act.offset + by,
        act.offset - act.onset + 1, "Micro - 1/2", coded(units),
        "Other" if act.emotion == "others" else act.emotion.capitalize(), 7, None,
    )  # fmt: skip
