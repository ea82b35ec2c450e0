"""Long videos with the expressions that a sheet codes in them; each expression is a clip as well."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.datasets.clip import Clip
from pipelines.datasets.coding_sheets.coded_clips import Coding, read_coded
from pipelines.datasets.coding_sheets.phases import is_no_frame
from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.frames import loosely, missing_frames, numbered_frames
from pipelines.datasets.long_video import KINDS, Expression, Kind, LongVideo
from pipelines.datasets.reading import CorpusReading, Issue


@dataclass(frozen=True)
class VideoFolder:
    """The folder of a long video.

    Attributes:
        key: key by which codings name it.
        subject: name of the subject.
        name: name of the video, unique in the corpus.
        path: the folder.
    """

    key: str
    subject: str
    name: str
    path: Path


def read_coded_videos(
    tree: FolderTree,
    codings: Iterable[tuple[str, Coding]],
    folders: list[VideoFolder],
    issues: list[Issue],
    emotions: tuple[str, ...],
    rate: float,
) -> CorpusReading:
    """Match the expressions that a sheet codes with the videos on disk.

    The clip of an expression has the frames from its onset to its offset; where the offset is unknown, to its
    apex. Videos without an expression are read as well: spotting must find nothing in them.

    Args:
        tree: the corpus.
        codings: kind of each expression as the sheet has it, beginning with micro or macro, and its coding.
        folders: folders of the videos.
        issues: those of the sheet, which come first.
        emotions: the owner's labels, in lower case.
        rate: frames per second.
    """
    frames = {folder.path: numbered_frames(tree, folder.path) for folder in folders}
    numbers_of = {loosely(folder.key): frames[folder.path].numbers for folder in reversed(folders)}
    kinds: dict[str, Kind] = {}
    cut = []
    for written, coding in codings:
        numbers = numbers_of.get(loosely(coding.key)) or (1,)
        kind = expression_kind(written)
        if kind is None:
            lack = f"type {written!r} is neither micro- nor macro-expression"
        else:
            coding, lack = _ends(coding, numbers[0])
        if lack:
            issues.append(Issue(coding.name, "skipped", f"{coding.where}: {lack}"))
            continue
        kinds.setdefault(coding.name, kind)
        first = coding.onset
        if numbers[0] <= first <= numbers[-1]:  # from the frame before, if that of the onset is missing
            first = numbers[bisect_right(numbers, first) - 1]
        cut.append(replace(coding, first=first, last=_last(coding), rate=rate))
    keys = [(folder.key, folder.path) for folder in folders]
    reading = read_coded(tree, cut, keys, issues, emotions, frames)
    without = {str(folder.path) for folder in folders} - {str(clip.path) for clip in reading.clips}
    # A video in which nothing is coded is read all the same.
    reading.issues = [
        issue
        for issue in reading.issues
        if not (issue.clip in without and issue.reason == "no row in the coding sheet")
    ]
    by_path: dict[Path, list[Clip]] = defaultdict(list)
    for clip in reading.clips:
        by_path[clip.path].append(clip)
    seen: set[str] = set()
    for folder in folders:
        numbers = frames[folder.path].numbers
        if loosely(folder.key) in seen or not numbers:
            continue
        seen.add(loosely(folder.key))
        index = {number: k for k, number in enumerate(numbers)}
        reading.issues += [Issue(folder.name, "repaired", reason) for reason in missing_frames(numbers)]
        expressions = sorted(
            (_expression(clip, kinds[clip.name], index) for clip in by_path[folder.path]),
            key=lambda expression: expression.interval,
        )
        reading.videos.append(
            LongVideo(
                folder.subject, folder.name, folder.path, frames[folder.path].files, rate, tuple(expressions)
            )
        )
    return reading


def expression_kind(written: str) -> Kind | None:
    """Return the kind of an expression as a sheet has it, such as `Micro - 1/2`; None if it is neither."""
    return next((kind for kind in KINDS if written.strip().lower().startswith(kind)), None)


def _ends(coding: Coding, first: int) -> tuple[Coding, str]:
    """Return the coding with what the sheet says of its ends, and why it cannot be used, if so.

    An offset of 0 or below is unknown. In a long video an apex behind the offset bounds nothing, and may be
    anywhere: it is unknown then.

    Args:
        coding: an expression.
        first: number of the video's first frame.
    """
    if coding.onset is None or is_no_frame(coding.onset, first):
        return coding, "no onset in the sheet that is a frame number"
    if is_no_frame(coding.offset, max(first, 1)):
        if coding.apex is None or coding.apex <= coding.onset:
            return coding, f"offset {coding.offset} in the sheet and no apex: its end is not known"
        reason = (
            f"offset {coding.offset} in the sheet: the face does not become neutral again; the interval ends "
            "at the apex"
        )
        return replace(coding, offset=None, is_open=True, repairs=(*coding.repairs, reason)), ""
    if coding.offset and coding.apex is not None and coding.onset < coding.offset < coding.apex:
        reason = f"apex {coding.apex} is after the offset {coding.offset}; the interval of the sheet is kept"
        return replace(coding, apex=None, repairs=(*coding.repairs, reason)), ""
    return coding, ""


def _last(coding: Coding) -> float:
    ends = [number for number in (coding.offset, coding.apex) if number is not None and number > coding.onset]
    return coding.offset if coding.offset in ends else max(ends, default=coding.onset)


def _expression(clip: Clip, kind: Kind, index: dict[int, int]) -> Expression:
    # Frames of the clip are frames of the video.
    first = index[clip.numbers[0]]
    apex = None if clip.apex is None else first + clip.apex
    offset = len(clip.numbers) - 1 if clip.offset is None else clip.offset
    return Expression(
        clip.name, kind, first + (clip.onset or 0), apex, first + offset, clip.emotion, clip.action_units
    )
