"""Clips that a coding sheet lists and folders hold: CASME II, SAMM and SMIC have this in common."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines.datasets.clip import Clip
from pipelines.datasets.coding_sheets.action_unit_codes import parse_units
from pipelines.datasets.coding_sheets.phases import locate
from pipelines.datasets.frames import loosely, numbered_frames
from pipelines.datasets.reading import CorpusReading, Issue


@dataclass(frozen=True)
class Coding:
    """What a sheet says about one expression.

    Attributes:
        where: the row, for messages.
        subject: whose face it is.
        name: of the clip that is made of it.
        key: which folder it is in; compared loosely (`frames.loosely`).
        onset, apex, offset: frame numbers of the corpus.
        units: the cell of Action Units.
        emotion: the cell of the emotion.
        first, last: the frame numbers that belong to it, where a folder holds two expressions.
    """

    where: str
    subject: str
    name: str
    key: str
    onset: int | None
    apex: int | None
    offset: int | None
    units: str
    emotion: str
    first: float = float("-inf")
    last: float = float("inf")


def read_coded(
    codings: Iterable[Coding], folders: Iterable[tuple[str, Path]], issues: list[Issue]
) -> CorpusReading:
    """Bring together what a sheet lists and what is on disk.

    Args:
        codings: the rows.
        folders: folders of frames, each with the key of the clip in it; of several with one key the first is
            read.
        issues: those about the sheet, which come first.
    """
    reading = CorpusReading([], list(issues))
    by_key: dict[str, list[Path]] = {}
    for key, path in folders:
        by_key.setdefault(loosely(key), []).append(path)
    listed, read = set(), set()
    for coding in codings:
        reason = None
        if loosely(coding.name) in listed:
            reason = "duplicate of an earlier row; using the first"
        elif loosely(coding.key) not in by_key:
            reason = f"no frame folder {coding.key}"
        listed.add(loosely(coding.name))
        read.add(loosely(coding.key))
        if reason:
            reading.issues.append(Issue(coding.name, "skipped", f"{coding.where}: {reason}"))
        else:
            _add(reading, coding, by_key[loosely(coding.key)])
    for path in (path for key, paths in by_key.items() if key not in read for path in paths):
        reading.issues.append(Issue(str(path), "skipped", "no row in the coding sheet"))
    reading.clips.sort(key=lambda clip: clip.name)
    return reading


def _add(reading: CorpusReading, coding: Coding, paths: list[Path]) -> None:
    files, repairs = numbered_frames(paths[0])
    files = {number: file for number, file in files.items() if coding.first <= number <= coding.last}
    repairs += [f"another folder has the same name, {path}; not read" for path in paths[1:]]
    if not files:
        reason = f"{coding.where}: no numbered frames in {paths[0]}"
        reading.issues.append(Issue(coding.name, "skipped", reason))
        return
    phases = locate(tuple(files), coding.onset, coding.apex, coding.offset)
    if phases.unusable:
        reading.issues.append(Issue(coding.name, "skipped", f"{coding.where}: {phases.unusable}"))
        return
    units, unread = parse_units(coding.units)
    repairs += [*phases.repairs, *(f"{part!r} is not an Action Unit; ignored" for part in unread)]
    if not coding.emotion:
        repairs.append("no emotion in the sheet; the clip has no label")
    reading.issues += [Issue(coding.name, "repaired", reason) for reason in repairs]
    reading.clips.append(
        Clip(
            subject=coding.subject,
            name=coding.name,
            path=paths[0],
            frames=tuple(files.values()),
            numbers=tuple(files),
            onset=phases.onset,
            apex=phases.apex,
            offset=phases.offset,
            action_units=units,
            emotion=coding.emotion.lower() or None,
        )
    )
