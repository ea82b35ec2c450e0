"""Analysis of a clip: its motion as tables, its events, and the magnified video, in a folder.

The clip is read three times and never held: landmarks and references, the crops of the references, and the
motion. Memory does not grow with its length but for a few numbers a frame.
"""

import csv
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipelines.clip_analysis.analysis_files import EVENT_REGIONS, ClipAnalysis, write_results
from pipelines.clip_analysis.clip_events import FoundEvent, blink_events, expression_events
from pipelines.clip_analysis.clip_tracking import ClipFrame, reference_crops, reference_frames, track_clip
from pipelines.clip_analysis.frame_table import FRAME_COLUMNS, FrameTable
from pipelines.clip_analysis.head_pose import CLOSED_BELOW, head_pose
from pipelines.clip_analysis.landmark_store import LandmarkStore
from pipelines.clip_analysis.magnification import face_view, magnified
from pipelines.clip_analysis.region_table import (
    COLUMNS,
    INTERPUPILLARY_MM,
    RegionMotion,
    RegionTable,
)
from pipelines.clip_analysis.survey import Survey, survey
from pipelines.clip_analysis.tracker import FlowEstimate
from pipelines.errors import InputError
from pipelines.files import check_outputs, replacing
from pipelines.io.frame_times import frame_times
from pipelines.io.video import read_frames, write_video
from pipelines.io.video_decoder import TruncatedClipError
from pipelines.landmarks.detector import FaceMesh

#: Class of an expression from the onset's and the apex' frame, uint8 [H, W, 3] RGB each.
Classify = Callable[[np.ndarray, np.ndarray], str]


@dataclass(frozen=True)
class AnalysisConfig:
    """How a clip is analysed.

    Attributes:
        reference: number of the reference frame; found if not given.
        rate: frames per second in place of the time stamps.
        interpupillary_mm: distance of the subject's pupils, millimetres.
        magnify: factor of the magnified video; 0 for none.
    """

    reference: int | None = None
    rate: float | None = None
    interpupillary_mm: float = INTERPUPILLARY_MM
    magnify: float = 8.0

    def __post_init__(self):
        if not 0 < self.interpupillary_mm < np.inf:
            raise InputError(f"interpupillary distance {self.interpupillary_mm:g} mm: must be more than 0")
        if not 0 <= self.magnify <= 100:
            raise InputError(f"--magnify {self.magnify:g}: a factor from 0 (no video) to 100")


def analyse_clip(
    clip: Path | str,
    out: Path | str,
    estimate: FlowEstimate,
    config: AnalysisConfig = AnalysisConfig(),
    classify: Classify | None = None,
    progress: Callable[[str, int, int | None], None] = lambda step, done, total: None,
) -> ClipAnalysis:
    """Analyse a clip and write motion.csv, frames.csv, events.csv, events.eaf, magnified.mp4, summary.json.

    Args:
        clip: a video or a folder of pictures.
        out: folder for the results, written as a whole or not at all.
        estimate: estimator of the flow between two crops.
        config: how.
        classify: tells the class of a micro-expression.
        progress: called with the step (landmarks, motion), frames done, and their count if it is known.

    Raises:
        InputError: if the clip cannot be read or has no face, or for a reference that does not exist or has
            no face.
    """
    clip, out = Path(clip), Path(out)
    check_outputs(out, inputs=(clip,))
    notes: list[str] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = LandmarkStore(scratch / "landmarks")
        stack.callback(store.close)
        face_mesh = stack.enter_context(FaceMesh(tracking=True))
        try:
            found = survey(
                _intact(clip, notes), face_mesh, store, lambda number: progress("landmarks", number + 1, None)
            )
        except InputError as error:
            raise InputError(f"{clip}: {error}" if str(clip) not in str(error) else str(error)) from error
        references = reference_frames(found, config.reference, store)
        notes += _survey_notes(found, references, config.reference)
        times = frame_times(clip, found.frames, config.rate)
        crops = reference_crops(_intact(clip, []), references, store)
        added: list[int] = []
        tracked = track_clip(_intact(clip, []), found, crops, store, estimate, added.append)
        part = stack.enter_context(replacing(out))
        part.mkdir()
        collected = _Collected(part, times, config, progress)
        collected.write(tracked)
        notes += [
            f"frame {number} is a new reference: the face is another one from here on" for number in added
        ]
        events = _events(collected, times)
        if classify and any(event.kind == "micro" for event in events):
            events = _classified(clip, events, classify)
        analysis = ClipAnalysis(
            clip, out, times, (*references.values(), *added), collected.motion(), tuple(collected.status),
            tuple(events), (*notes, *collected.notes()), collected.mm_per_pixel,
        )  # fmt: skip
        write_results(part, analysis, config.magnify, collected.reference_view)
    return analysis


class _Collected:
    """Writes the tables while frames come in, and keeps the few numbers that events are found by."""

    def __init__(self, folder: Path, times: np.ndarray, config: AnalysisConfig, progress: Callable):
        self._folder, self._times, self._config, self._progress = folder, times, config, progress
        self._regions: RegionTable | None = None
        self._frames: FrameTable | None = None
        self._reference = None
        self.status: list[str] = []
        self.reference_view: np.ndarray | None = None
        self.mm_per_pixel = 1.0
        self._motion = np.full((len(times), len(EVENT_REGIONS), 2), np.nan, np.float32)
        self.openings = np.full(len(times), np.nan, np.float32)

    def write(self, frames: Iterator[ClipFrame]) -> None:
        with ExitStack() as stack:
            writers = []
            for name, columns in (("motion.csv", COLUMNS), ("frames.csv", FRAME_COLUMNS)):
                file = stack.enter_context((self._folder / name).open("w", newline=""))
                writers.append(csv.DictWriter(file, columns))
                writers[-1].writeheader()
            if not self._config.magnify:
                for _ in self._tables(frames, *writers):
                    pass
                return
            pictures = self._pictures(self._tables(frames, *writers))
            rate = 1 / float(np.median(np.diff(self._times))) if len(self._times) > 1 else 25.0
            write_video(self._folder / "magnified.mp4", pictures, rate)

    def _tables(self, frames: Iterator[ClipFrame], motion: csv.DictWriter, whole: csv.DictWriter):
        for frame in frames:
            number, seconds = frame.number, float(self._times[frame.number])
            if frame.reference is not self._reference and frame.reference is not None:
                self._reference = frame.reference
                landmarks = frame.reference.to_frame(frame.reference.landmarks)
                yaw = head_pose(landmarks).yaw
                self._regions = RegionTable(frame.reference, yaw, self._config.interpupillary_mm)
                self.mm_per_pixel = self._regions.mm_per_pixel
                self._frames = FrameTable(frame.reference, self._regions.mm_per_pixel)
            self.status.append(frame.status)
            if self._frames is not None:
                row = self._frames.row(frame, seconds)
                whole.writerow(row)
                self.openings[number] = self._frames.opening(frame)
            if frame.motion is not None and frame.status != "lost":
                regions = self._regions.regions(frame.motion)
                motion.writerows(self._regions.rows(number, seconds, regions))
                self._motion[number] = _event_motion(regions)
            self._progress("motion", number + 1, len(self._times))
            yield frame

    def _pictures(self, frames: Iterator[ClipFrame]) -> Iterator[np.ndarray]:
        for frame in frames:
            if frame.reference is None:
                blank = np.full((384, 384, 3), 128, np.uint8)
                yield np.hstack([blank, blank])
                continue
            view = face_view(frame.picture, frame.reference)
            if frame.number == frame.reference.number and self.reference_view is None:
                self.reference_view = view
            known = frame.motion is not None and frame.status != "lost"
            factor = self._config.magnify
            larger = magnified(frame.picture, frame.reference, frame.motion, factor) if known else view
            yield np.hstack([view, larger])

    def motion(self) -> np.ndarray:
        return self._motion

    def notes(self) -> list[str]:
        lost, absent = self.status.count("lost"), self.status.count("no_face")
        notes = [f"the track is lost in {lost} of {len(self.status)} frames"] if lost else []
        return notes + ([f"{absent} of {len(self.status)} frames have no face"] if absent else [])


def _event_motion(regions: list[RegionMotion]) -> np.ndarray:
    found = {f"{each.region} {each.side}": (each.u, each.v) for each in regions}
    return np.array([found[name] for name in EVENT_REGIONS], np.float32)


def _events(collected: _Collected, times: np.ndarray) -> list[FoundEvent]:
    events = expression_events(collected.motion().astype(np.float64), EVENT_REGIONS, times)
    events += blink_events(collected.openings.astype(np.float64), times, CLOSED_BELOW)
    return sorted(events, key=lambda event: event.onset)


def _classified(clip: Path, events: list[FoundEvent], classify: Classify) -> list[FoundEvent]:
    """Add the class to the micro-expressions; reads the frames that are needed once more."""
    micro = [event for event in events if event.kind == "micro"]
    wanted = {event.onset for event in micro} | {event.apex for event in micro}
    kept = {}
    for number, frame in enumerate(_intact(clip, [])):
        if number in wanted:
            kept[number] = frame
        for event in micro:
            if event.apex == number:
                label = classify(kept[event.onset], kept[event.apex])
                events[events.index(event)] = replace(event, label=label)
        # A frame is kept no longer than an event of it is open.
        kept = {k: v for k, v in kept.items() if any(e.onset == k and e.apex > number for e in micro)}
    return events


def _intact(clip: Path, notes: list[str]) -> Iterator[np.ndarray]:
    """Yield the frames of a clip up to where it is cut off, and note that it is."""
    number = -1
    try:
        for frame in read_frames(clip):
            number += 1
            yield frame
    except TruncatedClipError:
        if number < 0:
            raise
        notes.append(f"the file is cut off; its {number + 1} intact frames are analysed")


def _survey_notes(found: Survey, references: dict, named: int | None) -> list[str]:
    notes = []
    for shot, number in references.items():
        how = "named" if named == number else "found: the most neutral and most still frame"
        where = "" if len(found.shots) == 1 else f" of frames {shot.first} to {shot.last}"
        notes.append(f"the reference{where} is frame {number} ({how})")
    if found.frames == 1:
        notes.append("the clip has one frame, so nothing moves in it")
    if len(found.shots) > 1:
        starts = ", ".join(str(shot.first) for shot in found.shots[1:])
        notes.append(f"cuts before frame {starts}; each shot has a reference of its own")
    if found.most_faces > 1:
        notes.append(f"{found.most_faces} faces are seen; the largest one of each shot is followed")
    return notes
