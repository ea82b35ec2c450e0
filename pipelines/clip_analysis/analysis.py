"""Analysis of a clip: writes tables of its motion, its events and a magnified video into a folder.

The clip is streamed (`clip_motion`): only a few numbers per frame stay in memory.
"""

import csv
import operator
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipelines.clip_analysis.analysis_files import EVENT_REGIONS, ClipAnalysis, write_results
from pipelines.clip_analysis.analysis_notes import cut_off_notes, gap_notes, survey_notes, track_notes
from pipelines.clip_analysis.blinks import blink_events, without_blinks
from pipelines.clip_analysis.clip_events import FoundEvent, expression_events, without_turns
from pipelines.clip_analysis.clip_pictures import panels
from pipelines.clip_analysis.frame_table import FRAME_COLUMNS, FrameTable, row_without_reference
from pipelines.clip_analysis.magnification import MAGNIFIED_SIZE
from pipelines.clip_analysis.region_table import (
    COLUMNS,
    INTERPUPILLARY_MM,
    RegionMotion,
    RegionTable,
)
from pipelines.clip_analysis.results.parquet import write_parquet
from pipelines.clip_analysis.tracking.clip_frame import ClipFrame
from pipelines.clip_analysis.tracking.clip_motion import Progress, clip_motion
from pipelines.clip_analysis.tracking.head_pose import head_pose
from pipelines.clip_analysis.tracking.landmark_store import LandmarkStore
from pipelines.clip_analysis.tracking.tracker import FlowEstimate
from pipelines.clip_analysis.wide_table import WIDE_COLUMNS, wide_row
from pipelines.datasets.clip import Landmarks
from pipelines.errors import InputError
from pipelines.files import check_outputs, replacing
from pipelines.io.frame_times import frame_times, video_start
from pipelines.io.video import intact_frames, write_video
from pipelines.micro_expressions.alignment import align, align_like, alignment

#: Function from the aligned crops of onset and apex (`micro_expressions.alignment`), uint8 [224, 224, 3] RGB
#: each, to the class of the expression and its probability; None if the face moves too little for a class.
Classify = Callable[[np.ndarray, np.ndarray], tuple[str, float] | None]


@dataclass(frozen=True)
class AnalysisConfig:
    """Settings of the analysis of a clip.

    Attributes:
        reference: number of the reference frame; by default it is chosen automatically.
        rate: frames per second, in place of the time stamps.
        interpupillary_mm: distance between the subject's pupils, millimetres.
        magnify: magnification factor of the video; 0 for no video.
        parquet: whether to write motion.parquet, motion_wide.parquet and frames.parquet beside the tables.
    """

    reference: int | None = None
    rate: float | None = None
    interpupillary_mm: float = INTERPUPILLARY_MM
    magnify: float = 8.0
    parquet: bool = False

    def __post_init__(self):
        if self.reference is not None:
            try:  # also of NumPy and pandas
                object.__setattr__(self, "reference", operator.index(self.reference))
            except TypeError:
                raise InputError(f"--reference {self.reference!r}: must be a whole number") from None
            if self.reference < 0:
                raise InputError(f"--reference {self.reference}: frames are counted from 0")
        if self.rate is not None and not 0 < self.rate < np.inf:
            raise InputError(f"--rate {self.rate:g}: a clip has more than 0 frames per second")
        if not 0 < self.interpupillary_mm < np.inf:
            raise InputError(f"--interpupillary-mm {self.interpupillary_mm:g}: must be more than 0")
        if not 0 <= self.magnify <= 100:
            raise InputError(f"--magnify {self.magnify:g}: must be from 0 (no video) to 100")


def analyse_clip(
    clip: Path | str,
    out: Path | str | None,
    estimate: FlowEstimate,
    config: AnalysisConfig = AnalysisConfig(),
    classify: Classify | None = None,
    landmarks: Landmarks | None = None,
    progress: Progress = lambda step, done, total: None,
    replace_folder: bool = False,
    threads: int | None = None,
    notes: Sequence[str] = (),
) -> ClipAnalysis:
    """Analyse a clip and write tables, events, the magnified video and the report into a folder.

    Args:
        clip: path of a video or a folder of pictures.
        out: folder for the results, written as a whole or not at all; None to write nothing.
        estimate: estimator of the flow between two crops.
        config: settings of the analysis.
        classify: classifier of micro-expressions; by default they are not classified.
        landmarks: reader of the 68 landmarks of each frame from another program; by default Face Mesh.
        progress: function to call with the step (landmarks or motion), the frames done, and about how many
            there are.
        replace_folder: whether to replace existing results.
        threads: number of threads beside the calling one, see `track_in_parallel`. Results do not depend on
            it.
        notes: remarks on the clip and its landmarks, to be put before those of the analysis.

    Raises:
        InputError: if the clip cannot be read or has no face, or the reference frame does not exist or has no
            face.
    """
    clip, out, part = Path(clip), None if out is None else Path(out), None
    with ExitStack() as stack:
        if out is not None:  # first: it may not be possible to write
            check_outputs(out, inputs=(clip,), may_be_folder=replace_folder)
            part = stack.enter_context(replacing(out, replace_folder))
            part.mkdir()
        motion = stack.enter_context(
            clip_motion(clip, estimate, config.reference, landmarks, progress, threads)
        )
        notes = [*notes, *survey_notes(motion, config.reference)]
        video_times = frame_times(clip, motion.survey.frames, None if clip.is_file() else config.rate)
        times = video_times if config.rate is None else frame_times(clip, motion.survey.frames, config.rate)
        notes += gap_notes(video_times)
        if clip.is_file():
            video_times = video_times + video_start(clip)
        collected = _Collected(part, times, config)
        collected.write(motion.frames)
        notes += [
            f"frame {number} is a new reference, because the face is another person's from here on"
            for number in motion.added
        ]
        events = _events(collected, times)
        notes += cut_off_notes(events, collected.status, collected.references, times)
        notes += track_notes(collected.status, collected.copied)
        if classify and any(event.kind == "micro" for event in events):
            events = _classified(clip, events, classify, motion.landmarks)
        analysis = ClipAnalysis(
            clip, out, times, video_times, (*motion.references.values(), *motion.added), collected.motion(),
            tuple(collected.status), tuple(events), tuple(notes), collected.mm_per_pixel,
        )  # fmt: skip
        if part is not None:
            write_results(part, analysis, config.magnify, collected.rate, collected.reference_view)
        if part is not None and config.parquet:
            write_parquet(part / "motion.csv", ("region", "side"))
            write_parquet(part / "motion_wide.csv", ())
            write_parquet(part / "frames.csv", ("status",))
    return analysis


class _Collected:
    """Writes the tables frame by frame, and keeps the few numbers from which events are detected."""

    def __init__(self, folder: Path | None, times: np.ndarray, config: AnalysisConfig):
        self._folder, self._times, self._config = folder, times, config
        self._regions: RegionTable | None = None
        self._frames: FrameTable | None = None
        self._reference = None
        self.status: list[str] = []
        self.reference_view: np.ndarray | None = None
        # Of each frame; NaN and -1 without a reference.
        self.mm_per_pixel = np.full(len(times), np.nan)
        self.references = np.full(len(times), -1)
        self._motion = np.full((len(times), len(EVENT_REGIONS), 2), np.nan, np.float32)
        self.openings = np.full((len(times), 2), np.nan, np.float32)  # of the right and the left eye
        self.copied = np.full(len(times), np.nan, np.float32)
        self.head = np.full((len(times), 2), np.nan, np.float32)

    @property
    def rate(self) -> float:
        """Frames per second of the video, which has a constant rate."""
        return 1 / float(np.median(np.diff(self._times))) if len(self._times) > 1 else 25.0

    def write(self, frames: Iterator[ClipFrame]) -> None:
        with ExitStack() as stack:
            writers = []
            for name, columns in (
                ("motion.csv", COLUMNS), ("motion_wide.csv", WIDE_COLUMNS), ("frames.csv", FRAME_COLUMNS),
            ):  # fmt: skip
                path = self._folder / name if self._folder else Path(os.devnull)
                file = stack.enter_context(path.open("w", newline=""))
                writers.append(csv.DictWriter(file, columns))
                writers[-1].writeheader()
            if not (self._config.magnify and self._folder):
                for _ in self._tables(frames, *writers):
                    pass
                return
            pictures = self._pictures(self._tables(frames, *writers))
            write_video(self._folder / "magnified.mp4", pictures, self.rate)

    def _tables(
        self, frames: Iterator[ClipFrame], motion: csv.DictWriter, wide: csv.DictWriter, whole: csv.DictWriter
    ) -> Iterator[ClipFrame]:
        for frame in frames:
            number, seconds = frame.number, float(self._times[frame.number])
            if frame.reference is not self._reference and frame.reference is not None:
                self._reference = frame.reference
                landmarks = frame.reference.to_frame(frame.reference.landmarks)
                yaw = head_pose(landmarks).yaw
                self._regions = RegionTable(frame.reference, yaw, self._config.interpupillary_mm)
                self._frames = FrameTable(frame.reference, self._regions.mm_per_pixel)
            self.status.append(frame.status)
            valid, rows = "", []
            if frame.reference is None:
                whole.writerow(row_without_reference(frame, seconds))
            else:
                self.mm_per_pixel[number] = self._regions.mm_per_pixel
                self.references[number] = frame.reference.number
                row = self._frames.row(frame, seconds)
                whole.writerow(row)
                self.openings[number] = self._frames.openings(frame)
                self.copied[number] = row["copied"] or np.nan
                if row["head_x_px"]:
                    self.head[number] = float(row["head_x_px"]), float(row["head_y_px"])
            if frame.known:
                regions = self._regions.regions(frame.motion)
                valid, rows = row["valid"], list(self._regions.rows(number, seconds, regions))
                motion.writerows(rows)
                self._motion[number] = _event_motion(regions)
            wide.writerow(wide_row(number, seconds, valid, rows))
            yield frame

    def _pictures(self, frames: Iterator[ClipFrame]) -> Iterator[np.ndarray]:
        for frame in frames:
            shown = panels(frame, self._config.magnify, self.mm_per_pixel[frame.number])
            is_reference = frame.reference is not None and frame.number == frame.reference.number
            if is_reference and self.reference_view is None:
                self.reference_view = shown[:MAGNIFIED_SIZE, :MAGNIFIED_SIZE]
            yield shown

    def motion(self) -> np.ndarray:
        return self._motion


def _event_motion(regions: list[RegionMotion]) -> np.ndarray:
    found = {f"{each.region} {each.side}": (each.u, each.v) for each in regions}
    return np.array([found[name] for name in EVENT_REGIONS], np.float32)


def _events(collected: _Collected, times: np.ndarray) -> list[FoundEvent]:
    """Detect events among frames with one reference: motion relative to two of them has no common zero."""
    found = []
    starts = np.flatnonzero(np.diff(collected.references)) + 1
    for first, end in pairwise((0, *starts.tolist(), len(times))):
        part = np.s_[first:end]
        events = expression_events(collected.motion()[part].astype(np.float64), EVENT_REGIONS, times[part])
        blinks = blink_events(collected.openings[part].astype(np.float64), times[part])
        events = without_turns(without_blinks(events, blinks), collected.head[part])
        found += [
            replace(each, onset=each.onset + first, apex=each.apex + first, offset=each.offset + first)
            for each in events + blinks
        ]
    return sorted(found, key=lambda event: event.onset)


def _classified(
    clip: Path, events: list[FoundEvent], classify: Classify, landmarks: LandmarkStore
) -> list[FoundEvent]:
    """Add the classes of the micro-expressions; read the clip once more for their frames.

    The landmarks are those of the face whose motion was measured: there may be others in the frame.
    """
    begins, ends = defaultdict(list), defaultdict(list)
    for place, event in enumerate(events):
        known = landmarks[event.onset] is not None and landmarks[event.apex] is not None
        if event.kind == "micro" and known:
            begins[event.onset].append(place)
            ends[event.apex].append(place)
    onsets = {}
    for number, frame in enumerate(intact_frames(clip, lambda frames: None)):  # the notes say it
        for place in begins[number]:
            onsets[place] = align(frame, alignment(landmarks[number]))
        for place in ends[number]:
            apex = align_like(frame, landmarks[number], landmarks[events[place].onset])
            if found := classify(onsets.pop(place), apex):
                events[place] = replace(events[place], label=found[0], probability=found[1])
    return events
