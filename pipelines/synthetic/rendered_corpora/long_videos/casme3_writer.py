"""CAS(ME)^3 part A, as handed out: `part_A/spNO.1/a/color/1.jpg` beside `depth`, and a coding sheet.

What a reader must cope with: several micro-expressions under one name, letters in both cases, an apex long
before its onset, "others" and "Others".
"""

from functools import partial

import cv2
import numpy as np

from pipelines.files import replacing
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

STUDIO = Studio(shape=(240, 320), rate=30.0, counts="casme3")
SUBJECTS = 94
COUNTS = {
    "disgust": 251,
    "others": 160,
    "surprise": 187,
    "fear": 87,
    "anger": 64,
    "happiness": 55,
    "sadness": 56,
}
_VIDEOS = 376
SHEET = "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx"
_COLUMNS = ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion")
_EARLY_APEX = 2  # the expression whose apex the sheet has long before its onset
_CALLED = {"happiness": "happy", "sadness": "sad"}


def plan(subjects: int, seed: int) -> list[Video]:
    """All videos of the corpus; all expressions are micro-expressions."""
    return plan_videos(COUNTS, 1.0, subjects, SUBJECTS, _VIDEOS, STUDIO.rate, seed)


def write(request: CorpusRequest, record_all: RecordAll) -> None:
    """Render the corpus; see `render_corpus`."""
    videos = plan(request.subjects, request.seed)
    units = record_all(partial(_record, request), videos)
    rows = [
        _row(video, act, of_act)
        for video, of_video in zip(videos, units, strict=True)
        for act, of_act in zip(video.acts, of_video, strict=True)
    ]
    write_workbook(request.folder / SHEET, {"label": [_COLUMNS, *rows]})


def place(video: Video) -> tuple[str, str]:
    """Return subject and letter of a video."""
    return f"spNO.{video.subject + 1}", "abcdefghijklm"[video.number % round(_VIDEOS / SUBJECTS)]


def apex_in_sheet(act: Act) -> int:
    """Return the apex that the sheet has."""
    return act.onset - 979 if act.number == _EARLY_APEX else act.apex


def _record(request: CorpusRequest, video: Video) -> list[np.ndarray]:
    video_folder = request.folder.joinpath("part_A", *place(video))
    numbers = range(1, video.last + 1)
    record_acts(
        request.seed, video.acts, video.number, numbers, STUDIO, video_folder / "color", "{}.jpg".format,
        subject=video.subject,
    )  # fmt: skip
    if not (video_folder / "depth").exists():
        # Depth is not rendered: a reader must pass over it.
        _, png = cv2.imencode(".png", np.zeros((8, 8), np.uint16))
        with replacing(video_folder / "depth") as part:
            part.mkdir()
            for number in numbers:
                (part / f"{number}.png").write_bytes(png.tobytes())
    return [units_of(request.seed, act, STUDIO) for act in video.acts]


def _row(video: Video, act: Act, units: np.ndarray) -> tuple:
    subject, letter = place(video)
    emotion = _CALLED.get(act.emotion, act.emotion)
    return (
        subject, letter.upper() if act.number % 3 == 2 else letter, act.onset, apex_in_sheet(act), act.offset,
        coded(units), 7, emotion.capitalize() if act.number % 4 == 3 else emotion,
    )  # fmt: skip
