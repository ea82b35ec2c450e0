"""CAS(ME)^2, as handed out: `rawpic/s15/15_0101disgustingteeth/img1.jpg` and `code_final.xlsx`.

What a reader must cope with: no header row, running numbers of subjects, codes of videos that lost their
leading zero, the same name twice, an offset 0 where the face does not become neutral again.
"""

from functools import partial

import numpy as np

from pipelines.datasets.long_video import Kind
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

STUDIO = Studio(shape=(240, 320), rate=30.0)
SUBJECTS = 22
COUNTS = {"happiness": 110, "disgust": 90, "anger": 57, "surprise": 40, "others": 60}  # 357 in all
MICRO_SHARE = 57 / 357
_VIDEOS = 88
SHEET = "code_final.xlsx"
_FIRST_SUBJECT = 15
_FILMS = (("0101", "disgustingteeth", "disgust1"), ("0401", "girlcrashing", "anger1"),
          ("0502", "funnyerrors", "happy2"), ("0505", "funnyinnovations", "happy5"))  # fmt: skip
_NO_OFFSET = 8  # every so many expressions the offset is 0
_VALENCE = {"happiness": "positive", "disgust": "negative", "anger": "negative", "surprise": "surprise"}


def plan(subjects: int, seed: int) -> list[Video]:
    """All videos of the corpus."""
    return plan_videos(COUNTS, MICRO_SHARE, subjects, SUBJECTS, _VIDEOS, STUDIO.rate, seed)


def write(request: CorpusRequest, record_all: RecordAll) -> None:
    """Render the corpus; see `render_corpus`."""
    videos = plan(request.subjects, request.seed)
    units = record_all(partial(_record, request), videos)
    rows = [row for video, of_video in zip(videos, units, strict=True) for row in _rows(video, of_video)]
    of_subjects = [(k, subject_name(k), k + 1) for k in range(request.subjects)]
    of_videos = [(int(code), name) for code, _, name in _FILMS]  # as numbers: 0101 is 101
    write_workbook(
        request.folder / SHEET, {"CAS(ME)2": rows, "naming rule1": of_subjects, "naming rule2": of_videos}
    )


def subject_name(number: int) -> str:
    """Return the folder of a subject: `s15` is the first one."""
    return f"s{_FIRST_SUBJECT + number}"


def video_folder(video: Video) -> str:
    """Return the folder of a video: `15_0101disgustingteeth`."""
    code, title, _ = _FILMS[video.number % len(_FILMS)]
    return f"{_FIRST_SUBJECT + video.subject}_{code}{title}"


def has_no_offset(act: Act, kind: Kind) -> bool:
    """Tell whether the sheet has the offset 0 for an expression; micro-expressions always come to an end."""
    return kind == "macro" and act.number % _NO_OFFSET == _NO_OFFSET // 2


def _record(request: CorpusRequest, video: Video) -> list[np.ndarray]:
    place = request.folder / "rawpic" / subject_name(video.subject) / video_folder(video)
    numbers = range(1, video.last + 1)
    record_acts(
        request.seed,
        video.acts,
        video.number,
        numbers,
        STUDIO,
        place,
        "img{}.jpg".format,
        subject=video.subject,
    )
    return [units_of(request.seed, act, STUDIO) for act in video.acts]


def _rows(video: Video, units: list[np.ndarray]) -> list[tuple]:
    name = _FILMS[video.number % len(_FILMS)][2]
    return [
        (
            # Of every two expressions both have the same name.
            video.subject + 1, f"{name}_{1 + k // 2}", act.onset, act.apex,
            0 if has_no_offset(act, kind) else act.offset, coded(of_act), _VALENCE.get(act.emotion, "others"),
            f"{kind}-expression", act.emotion,
        )
        for k, (act, kind, of_act) in enumerate(zip(video.acts, video.kinds, units, strict=True))
    ]  # fmt: skip
