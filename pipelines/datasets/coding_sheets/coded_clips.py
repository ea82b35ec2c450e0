"""Clips that a coding sheet lists and folders hold: most corpora of micro-expressions have this in common."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from pipelines.datasets.clip import Clip
from pipelines.datasets.coding_sheets.action_unit_codes import parse_units
from pipelines.datasets.coding_sheets.phases import locate
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.frames import NumberedFrames, loosely, missing_frames, numbered_frames
from pipelines.datasets.reading import CorpusReading, Issue

_NAMED = 6  # clips that a message names one by one


@dataclass(frozen=True)
class Coding:
    """One expression as a sheet codes it.

    Attributes:
        where: the row, for messages.
        subject: name of the subject.
        name: name of the clip that the row describes.
        key: folder that it is in; compared loosely (`frames.loosely`).
        onset, apex, offset: frame numbers of the corpus.
        units: the cell of Action Units.
        emotion: the cell of the emotion.
        first, last: the frame numbers that belong to it, where a folder holds several expressions.
        rate: frames per second, if known.
        counted_from: frame number in the sheet of the folder's first frame, where the sheet counts otherwise
            than the files do; None where both count alike.
        is_open: whether the sheet says that there is no offset.
        repairs: what the reader has repaired already.
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
    rate: float | None = None
    counted_from: int | None = None
    is_open: bool = False
    repairs: tuple[str, ...] = ()


@dataclass
class _Missing:
    """Clips of a subject that the sheet lists and that have no frames."""

    names: list[str] = field(default_factory=list)
    listed: int = 0


def read_coded(
    tree: FolderTree,
    codings: Iterable[Coding],
    folders: Iterable[tuple[str, Path]],
    issues: list[Issue],
    emotions: tuple[str, ...],
    frames: dict[Path, NumberedFrames] | None = None,
) -> CorpusReading:
    """Match the rows of a sheet with the folders on disk.

    Args:
        tree: the corpus.
        codings: the rows.
        folders: folders of frames, each with the key of the clip in it; of several with one key the first is
            read.
        issues: those of the sheet, which come first.
        emotions: the owner's labels, in lower case; others are named in an issue.
        frames: folders whose frames are known already; others are added.
    """
    reading = CorpusReading([], list(issues))
    by_key: dict[str, list[Path]] = {}
    for key, path in folders:
        by_key.setdefault(loosely(key), []).append(path)
    listed, read = set(), set()
    subjects: dict[str, str] = {}
    missing: dict[str, _Missing] = defaultdict(_Missing)
    frames = {} if frames is None else frames
    for coding in codings:
        coding = _of_one_subject(coding, subjects)
        key = loosely(coding.key)
        read.add(key)
        missing[coding.subject].listed += 1
        if loosely(coding.name) in listed:
            reason = f"{coding.where}: duplicate of an earlier row; using the first"
            reading.issues.append(Issue(coding.name, "skipped", reason))
        elif key not in by_key:
            missing[coding.subject].names.append(coding.name)
        else:
            paths = by_key[key]
            if paths[0] not in frames:
                frames[paths[0]] = numbered_frames(tree, paths[0])
            _add(reading, coding, paths, frames[paths[0]])
        listed.add(loosely(coding.name))
    for subject, lack in missing.items():
        if lack.names:
            reason = f"no frame folder for {len(lack.names)} of {lack.listed} clip(s) in the sheet"
            reading.issues.append(Issue(subject, "skipped", f"{reason}: {_some(lack.names)}"))
    for path in (path for key, paths in by_key.items() if key not in read for path in paths):
        reading.issues.append(Issue(str(path), "skipped", "no row in the coding sheet"))
    reading.issues += unknown_emotions(reading.clips, emotions)
    reading.clips.sort(key=lambda clip: clip.name)
    return reading


def _of_one_subject(coding: Coding, subjects: dict[str, str]) -> Coding:
    """Return a coding with its subject as it was first written: `S1` and `s01` are one person."""
    subject = subjects.setdefault(loosely(coding.subject), coding.subject)
    if subject == coding.subject:
        return coding
    reason = f"subject {coding.subject} is written {subject} above; one subject"
    return replace(coding, subject=subject, repairs=(*coding.repairs, reason))


def unknown_emotions(clips: Iterable[Clip], emotions: tuple[str, ...]) -> list[Issue]:
    """Name the labels of clips that are not among the owner's: typing mistakes, other languages.

    Args:
        clips: clips to check.
        emotions: the owner's labels, in lower case.
    """
    counts = Counter(clip.emotion for clip in clips if clip.emotion and clip.emotion not in emotions)
    issues = []
    for emotion, count in sorted(counts.items()):
        alike = get_close_matches(emotion, emotions, n=1)
        hint = f"did you mean {alike[0]!r}? " if alike else f"expected one of: {', '.join(emotions)}. "
        reason = f"unknown emotion {emotion!r} in {count} clip(s); {hint}They count in no class"
        names = [clip.name for clip in clips if clip.emotion == emotion]
        issues.append(Issue(_some(names), "repaired", reason))
    return issues


def _add(reading: CorpusReading, coding: Coding, paths: list[Path], frames: NumberedFrames) -> None:
    repairs = [*coding.repairs, *frames.repairs]
    on_disk = f"frames {frames.numbers[0]}-{frames.numbers[-1]} on disk" if frames.numbers else "none on disk"
    repairs += [f"another folder has the same name, {path}; not read" for path in paths[1:]]
    if coding.counted_from is not None and frames.numbers:
        frames = frames.shifted(coding.counted_from - frames.numbers[0])
    frames = frames.cut(coding.first, coding.last)
    if not frames.numbers:
        which = "numbered frames" if on_disk == "none on disk" else f"frames {coding.first:g}-{coding.last:g}"
        reason = f"{coding.where}: no {which} in {paths[0]} ({'; '.join([*frames.repairs, on_disk])})"
        reading.issues.append(Issue(coding.name, "skipped", reason))
        return
    repairs += missing_frames(frames.numbers)
    phases = locate(frames.numbers, coding.onset, coding.apex, coding.offset, coding.is_open)
    if phases.unusable:
        reason = "; ".join([f"{coding.where}: {phases.unusable}", *frames.repairs[:_NAMED]])
        reading.issues.append(Issue(coding.name, "skipped", reason))
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
            frames=frames.files,
            numbers=frames.numbers,
            onset=phases.onset,
            apex=phases.apex,
            apex_is_midpoint=phases.apex_is_midpoint,
            offset=phases.offset,
            action_units=units,
            emotion=coding.emotion.lower() or None,
            rate=coding.rate,
        )
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED] + [f"and {len(names) - _NAMED} more"] * (len(names) > _NAMED))
