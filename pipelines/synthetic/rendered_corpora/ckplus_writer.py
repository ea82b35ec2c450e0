"""CK+, as handed out: pictures, 68 landmarks, FACS codes and emotions in parallel folders.

What a reader must cope with: an emotion for 327 of 593 sequences only (the folder is there, the file is not),
numbers such as `3.0000000e+00`, grey and colour mixed. A sequence runs from neutral to its peak.
"""

from functools import partial
from pathlib import Path

import numpy as np

from pipelines.files import replacing
from pipelines.landmarks.face_mesh import IBUG_68
from pipelines.synthetic.rendered_corpora.clip_plan import Act, cast
from pipelines.synthetic.rendered_corpora.recording import (
    CorpusRequest,
    RecordAll,
    Studio,
    record,
    sides,
    units_of,
)

STUDIO = Studio(shape=(367, 480), rate=30.0, grey=True)
COLOUR_STUDIO = Studio(shape=(360, 480), rate=30.0)
SUBJECTS = 123
#: Sequences of each emotion; `others` are those without a label (593 in all, 327 labelled).
COUNTS = {
    "anger": 45,
    "contempt": 18,
    "disgust": 59,
    "fear": 25,
    "happiness": 69,
    "sadness": 28,
    "surprise": 83,
}
COUNTS |= {"others": 266}
_CODES = {name: code for code, name in enumerate(list(COUNTS)[:7], start=1)}
_COLOUR_EVERY = 8  # subjects
_FIRST_SUBJECT = 5


def plan(subjects: int, seed: int) -> list[Act]:
    """All sequences of the corpus."""
    roles, rng = cast(COUNTS, subjects, SUBJECTS, seed)
    acts = []
    for number, (subject, emotion) in enumerate(roles):
        last = int(rng.integers(9, 28))
        acts.append(Act(subject, number, emotion, None, 1, 2, last, 2 * last, last))
    return acts


def write(request: CorpusRequest, record_all: RecordAll) -> None:
    """Render the corpus; see `render_corpus`."""
    acts = plan(request.subjects, request.seed)
    of_subject: dict[int, int] = {}
    places = {}
    for act in acts:
        of_subject[act.subject] = of_subject.get(act.subject, 0) + 1
        places[act.number] = (f"S{_FIRST_SUBJECT + act.subject:03d}", f"{of_subject[act.subject]:03d}")
    record_all(partial(_record, request, places), acts)


def _record(request: CorpusRequest, places: dict[int, tuple[str, str]], act: Act) -> None:
    subject, sequence = places[act.number]
    stem = f"{subject}_{sequence}_{{:08d}}"
    studio = COLOUR_STUDIO if act.subject % _COLOUR_EVERY == 3 else STUDIO
    peak = stem.format(act.last)
    units = units_of(request.seed, act, studio)
    codes = [(float(name), max(1.0, round(5 * max(pair)))) for name, pair in sides(units, least=0.05).items()]
    _write(request.folder / "FACS" / subject / sequence / f"{peak}_facs.txt", codes)
    emotion = request.folder / "Emotion" / subject / sequence
    emotion.mkdir(parents=True, exist_ok=True)
    if act.emotion in _CODES:
        _write(emotion / f"{peak}_emotion.txt", [(float(_CODES[act.emotion]),)])

    def landmarks(_: Path, number: int, points: np.ndarray) -> None:
        target = request.folder / "Landmarks" / subject / sequence / f"{stem.format(number)}_landmarks.txt"
        _write(target, points[IBUG_68].tolist())

    clip = request.folder / "cohn-kanade-images" / subject / sequence
    record(request.seed, act, studio, clip, (stem + ".png").format, landmarks)


def _write(path: Path, rows: list[tuple[float, ...]]) -> None:
    with replacing(path) as part:
        part.write_text("".join("".join(f"   {value:.7e}" for value in row) + "\n" for row in rows))
