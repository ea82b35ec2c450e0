"""SMIC-HS, as handed out: `SMIC_HS_E/s20/s20_ne_01/image17581039.jpg` and an annotation sheet.

What a reader must cope with: no apex, blank columns, totals that are formulas, text below the table, subjects
that are not numbered one by one, three emotions only.
"""

from functools import partial

from pipelines.synthetic.rendered_corpora.clip_plan import Act, Timing, plan_clips
from pipelines.synthetic.rendered_corpora.recording import (
    CorpusRequest,
    RecordAll,
    Studio,
    record,
)
from pipelines.synthetic.rendered_corpora.workbook import write_workbook

STUDIO = Studio(shape=(360, 480), rate=100.0, counts="smic")
SUBJECTS = 16
COUNTS = {"negative": 70, "positive": 51, "surprise": 43}
SHEET = "SMIC-HS-E_annotation.xlsx"
_NUMBERS = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20)
_CODES = {"negative": "ne", "positive": "po", "surprise": "sur"}
TIMING = Timing(
    first=(1_000_000, 30_000_000), lead=(2, 8), rise=(8, 24), fall=(9, 26), trail=(1, 8), peak=(0.7, 2.8)
)
_COLUMNS = (
    "Subject",
    "Filename",
    None,
    "OnsetF",
    "OffsetF",
    "Onset2F",
    "Offset2F",
    None,
    "FirstF",
    "LastF",
    None,
)
_COLUMNS += ("TotalMF1", "TotalMF2", "TotalVL", "Emotion")
_BELOW = (
    "Rendered faces in the layout of SMIC-HS; no real person is shown.",
    "MF: frames of the micro-expression.",
)


def plan(subjects: int, seed: int) -> list[Act]:
    """All clips of the corpus."""
    return plan_clips(COUNTS, TIMING, subjects, SUBJECTS, seed)


def write(request: CorpusRequest, record_all: RecordAll) -> None:
    """Render the corpus; see `render_corpus`."""
    acts = plan(request.subjects, request.seed)
    names = clip_names(acts)
    by_number = dict(zip([act.number for act in acts], names, strict=True))
    record_all(partial(_record, request, by_number), acts)
    rows = []
    for row, (act, name) in enumerate(zip(acts, names, strict=True), start=2):
        formulas = (f"=E{row}-D{row}+1", None, f"=J{row}-I{row}+1")
        frames = (act.onset, act.offset, None, None, None, act.first, act.last, None)
        rows.append((f"s{_NUMBERS[act.subject % 16]:02d}", name, None, *frames, *formulas, act.emotion))
    notes = [(), *((text,) for text in _BELOW)]
    write_workbook(request.folder / SHEET, {"HS": [_COLUMNS, *rows, *notes], "VIS": [_COLUMNS]})


def clip_names(acts: list[Act]) -> list[str]:
    """`s20_ne_01`: subject, emotion, and the how-manieth of those."""
    seen: dict[str, int] = {}
    names = []
    for act in acts:
        stem = f"s{_NUMBERS[act.subject % 16]:02d}_{_CODES[act.emotion]}"
        seen[stem] = seen.get(stem, 0) + 1
        names.append(f"{stem}_{seen[stem]:02d}")
    return names


def _record(request: CorpusRequest, names: dict[int, str], act: Act) -> None:
    name = names[act.number]
    record(request.seed, act, STUDIO, request.folder / "SMIC_HS_E" / name[:3] / name, "image{}.jpg".format)
