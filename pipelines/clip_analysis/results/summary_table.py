"""`summary.csv` of a folder of analysed clips: one row per clip."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pipelines.clip_analysis.analysis_files import ClipAnalysis
from pipelines.datasets.clip import Clip
from pipelines.files import replacing


@dataclass(frozen=True)
class AnalysedClip:
    """Row of a clip. If the clip could not be analysed, the numbers are None.

    Attributes:
        clip: name of the clip and of its folder.
        path: path of the clip.
        failure: reason why the clip could not be analysed; empty if it was.
        frames: number of frames.
        seconds: time stamp of the last frame, seconds.
        references: numbers of the reference frames, separated by blanks.
        tracked: number of frames that were tracked.
        lost: number of frames in which the track was lost.
        no_face: number of frames without a face.
        micro: number of micro-expressions.
        macro: number of macro-expressions.
        blink: number of blinks.
        notes: remarks for the user, separated by semicolons.
        key: hash of the files that were analysed.
    """

    clip: str
    path: str
    failure: str = ""
    frames: int | None = None
    seconds: float | None = None
    references: str = ""
    tracked: int | None = None
    lost: int | None = None
    no_face: int | None = None
    micro: int | None = None
    macro: int | None = None
    blink: int | None = None
    notes: str = ""
    key: str = ""


def row_of_clip(clip: Clip, analysis: ClipAnalysis, key: str) -> AnalysedClip:
    """Return the row of an analysed clip, whose files have a key."""
    kinds = [event.kind for event in analysis.events]
    lost, absent = analysis.status.count("lost"), analysis.status.count("no_face")
    return AnalysedClip(
        clip=clip.name,
        path=str(clip.path),
        frames=len(analysis.times),
        seconds=round(float(analysis.times[-1]), 4),
        references=" ".join(map(str, analysis.references)),
        tracked=len(analysis.status) - lost - absent,
        lost=lost,
        no_face=absent,
        micro=kinds.count("micro"),
        macro=kinds.count("macro"),
        blink=kinds.count("blink"),
        notes="; ".join(analysis.notes),
        key=key,
    )


def write_summary_table(path: Path, rows: Sequence[AnalysedClip]) -> None:
    """Write the rows as CSV; unknown cells are empty."""
    columns = [field.name for field in fields(AnalysedClip) if field.name != "key"]
    with replacing(path) as part, part.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
