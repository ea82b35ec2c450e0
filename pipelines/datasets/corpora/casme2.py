"""CASME II: `Cropped/sub01/EP02_01f/img46.jpg` and the sheet `CASME2-coding-20140508.xlsx`.

Frame numbers are names of files, counted in the long recording; they are never indices. The compressed videos
(`CASME2_compressed/sub01/EP02_01f.avi`) play the 200 frames per second of the recording at 30 in real time.

Reference:
    Yan et al., "CASME II: An Improved Spontaneous Micro-Expression Database and the Baseline Evaluation",
    PLoS ONE 9(1), 2014.
"""

from pathlib import Path

from pipelines.datasets.clip import Clip
from pipelines.datasets.coding_sheets.action_unit_codes import parse_units
from pipelines.datasets.coding_sheets.coded_clips import Coding, read_coded, unknown_emotions
from pipelines.datasets.coding_sheets.sheet_columns import CASME2 as COLUMNS
from pipelines.datasets.coding_sheets.sheet_files import find_parts, find_sheet
from pipelines.datasets.coding_sheets.sheet_reader import Row, read_sheet
from pipelines.datasets.folder_tree import FolderTree, is_video
from pipelines.datasets.frames import loosely
from pipelines.datasets.reading import CorpusReading, Issue

TITLE = "CASME II"
VIDEOS = "CASME2_compressed"
#: Folders of frames; of several that are present, the first is read.
FOLDERS = ("Cropped", "CASME2_RAW_selected", VIDEOS)
SHEETS = ("CASME2-coding*", "CASME2_label*")
LAYOUT = f"{SHEETS[0]}.xlsx and {', '.join(FOLDERS[:-1])} or {FOLDERS[-1]}"
EMOTIONS = ("disgust", "fear", "happiness", "others", "repression", "sadness", "surprise")
RATE, _VIDEO_RATE = 200.0, 30.0


def looks_like(tree: FolderTree) -> bool:
    """Tell by the sheet and the folders' names."""
    return find_sheet(tree, SHEETS) is not None or any(tree.has(name, "sub01") for name in FOLDERS)


def read(tree: FolderTree) -> CorpusReading:
    """Read the corpus.

    Raises:
        InputError: if the sheet or the frames are missing, or the sheet lacks a column.
    """
    sheet, roots = find_parts(tree, SHEETS, FOLDERS, f"{TITLE} has {LAYOUT} in it")
    rows, issues = read_sheet(sheet, "Sheet1", COLUMNS)
    reason = f"{roots[0].name} is present as well; using that one"
    issues += [Issue(root.name, "skipped", reason) for root in roots[1:]]
    if roots[0].name == VIDEOS:
        reading = _read_videos(tree, roots[0], rows, issues)
    else:
        folders = [(f"{path.parent.name}/{path.name}", path) for path in tree.picture_folders(roots[0])]
        reading = read_coded(tree, map(_coding, rows), folders, issues, EMOTIONS)
    as_text = any(isinstance(row.cells["Subject"], str) for row in rows)
    reading.release = f"{sheet.name} ({'text' if as_text else 'integer'} subjects), {roots[0].name}"
    return reading


def _coding(row: Row) -> Coding:
    number = row.number("Subject")  # text `01` in one release, the number 1 in another
    subject = row.text("Subject") if number is None else f"sub{number:02d}"
    name = row.text("Filename")
    return Coding(
        where=row.where,
        subject=subject,
        name=f"{subject}-{name}",  # other subjects have clips of that name
        key=f"{subject}/{name}",
        onset=row.number("OnsetFrame"),
        apex=row.number("ApexFrame"),
        offset=row.number("OffsetFrame"),
        units=row.text("Action Units"),
        emotion=row.text("Estimated Emotion"),
    )


def video_frame(number: int) -> int:
    """Return the frame of a compressed video, counted from 0, that shows a frame of the recording.

    >>> video_frame(1), video_frame(201)
    (0, 30)
    """
    return round((number - 1) * _VIDEO_RATE / RATE)


def _read_videos(tree: FolderTree, root: Path, rows: list[Row], issues: list[Issue]) -> CorpusReading:
    videos = {
        loosely(f"{folder.name}/{Path(name).stem}"): folder / name
        for folder, listing in tree.walk(root)
        for name in listing.files
        if is_video(name)
    }
    reading = CorpusReading([], issues)
    reason = f"videos at {_VIDEO_RATE:g} frames per second; frame numbers of the sheet are scaled"
    reading.issues.append(Issue(root.name, "repaired", reason))
    seen: set[str] = set()
    for coding in map(_coding, rows):
        if loosely(coding.key) in seen:
            reading.issues.append(
                Issue(coding.name, "skipped", f"{coding.where}: duplicate of an earlier row; using the first")
            )
            continue
        seen.add(loosely(coding.key))
        path = videos.get(loosely(coding.key))
        numbers = coding.onset, coding.apex, coding.offset
        # The recording's frames are counted from 1.
        onset, apex, offset = (
            None if number is None or number < 1 else video_frame(number) for number in numbers
        )
        if path is None:
            reading.issues.append(Issue(coding.name, "skipped", f"{coding.where}: no video {coding.key}"))
            continue
        repairs = []
        if None in (onset, offset) or not 0 <= onset < offset:
            onset = apex = offset = None
            repairs.append(f"onset {numbers[0]} and offset {numbers[2]} are not an interval; both unknown")
        elif apex is None or not onset < apex <= offset:
            apex = (onset + offset) // 2 if offset - onset > 1 else None
            found = "no apex in the sheet" if numbers[1] is None else f"apex {numbers[1]} is outside the clip"
            repairs.append(
                f"{found}; {'apex unknown' if apex is None else 'using the midpoint of onset and offset'}"
            )
        units, unread = parse_units(coding.units)
        repairs += [f"{part!r} is not an Action Unit; ignored" for part in unread]
        reading.issues += [Issue(coding.name, "repaired", reason) for reason in repairs]
        reading.clips.append(
            Clip(
                coding.subject, coding.name, path, onset=onset, apex=apex, offset=offset,
                action_units=units, emotion=coding.emotion.lower() or None, rate=_VIDEO_RATE,
            )
        )  # fmt: skip
    reading.issues += [
        Issue(str(path), "skipped", "no row in the coding sheet")
        for key, path in sorted(videos.items())
        if key not in seen
    ]
    reading.issues += unknown_emotions(reading.clips, EMOTIONS)
    reading.clips.sort(key=lambda clip: clip.name)
    return reading
