"""One clip to one shard: frames -> landmarks -> smoothing -> pairs of frames -> labels where stored.

The clip is read twice, first for the landmarks of all frames, which smoothing needs, then for the pictures of
the frames that are in a pair. No more than the frames between the two of a pair are held at a time, encoded,
so that a clip can be of any length; and a clip that cannot be read to its end has written nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipelines.datasets.clip import Clip
from pipelines.datasets.frame_pairs import frame_pairs, runs
from pipelines.errors import InputError
from pipelines.image.shots import CutDetector
from pipelines.io.images import encode_png
from pipelines.io.tfrecord_writer import SUFFIX, PairRecord, write_shard
from pipelines.io.video import frame_files, frame_rate, read_frames
from pipelines.landmarks.detector import FaceMesh
from pipelines.landmarks.smoothing import jitter, smooth_tracks
from pipelines.records.build_config import BuildConfig
from pipelines.records.manifest import MOTION_EDGES, ClipReport


@dataclass
class _Counts:
    frames: int = 0
    without_face: int = 0
    with_several_faces: int = 0


def build_clip(clip: Clip, out: Path, config: BuildConfig, key: str) -> ClipReport:
    """Write the shard of one clip and say what became of it.

    Args:
        clip: clip to read.
        out: folder of the shard.
        config: how.
        key: key of the report.

    Raises:
        OSError: if the shard cannot be written; a clip that cannot be read is a report with a failure.
    """
    counts, cuts = _Counts(), []
    try:
        found = np.array(list(_landmarks(clip, config, counts, cuts)))
        pairs = frame_pairs(config.pairs, clip, counts.frames)
        shot = np.searchsorted(cuts, np.arange(counts.frames), side="right")
        pairs = [(i, j) for i, j in pairs if shot[i] == shot[j]]
    except (InputError, OSError) as error:
        return ClipReport(clip.subject, clip.name, key, failure=_in_one_line(error), **vars(counts))
    has_face = np.isfinite(found).all(axis=(1, 2))
    seen = [(i, j) for i, j in pairs if has_face[i] and has_face[j]]
    if not seen:
        failure = f"{clip.path}: no face in two frames that make a pair"
        if not pairs:
            failure = f"{clip.path}: {counts.frames} frame(s) have no pair {config.pairs!r}"
        return ClipReport(clip.subject, clip.name, key, failure=failure, **vars(counts))
    tracks = _smoothed(clip, found, cuts) if config.smooth else found
    try:
        shard = write_shard(out / f"{clip.name}{SUFFIX}", _records(clip, config, tracks, seen))
    except InputError as error:
        return ClipReport(clip.subject, clip.name, key, failure=_in_one_line(error), **vars(counts))
    first, second = np.array(seen).T
    moved = np.linalg.norm(tracks[second] - tracks[first], axis=-1).mean(axis=-1)
    motion = np.bincount(np.searchsorted(MOTION_EDGES, moved), minlength=len(MOTION_EDGES) + 1)
    return ClipReport(
        clip.subject,
        clip.name,
        key,
        shard=f"{clip.name}{SUFFIX}",
        size=shard.size,
        sha256=shard.sha256,
        pairs=shard.pairs,
        motion=motion.tolist(),
        jitter=_finite(jitter(found)),
        jitter_smoothed=_finite(jitter(tracks)),
        **vars(counts),
    )


def _smoothed(clip: Clip, found: np.ndarray, cuts: list[int]) -> np.ndarray:
    """Smooth the landmarks of each run of neighbouring frames: not over a cut, nor over missing frames."""
    numbers = range(len(found)) if clip.numbers is None else clip.numbers[: len(found)]
    starts = {run.start for run in runs(numbers)} | set(cuts)
    parts = np.split(found, sorted(starts - {0}))
    rate = frame_rate(clip.path)
    return np.concatenate([smooth_tracks(part, rate) for part in parts])


def _landmarks(clip: Clip, config: BuildConfig, counts: _Counts, cuts: list[int]) -> Iterator[np.ndarray]:
    """Yield float32 [N, 2] for each frame of the clip, NaN where there is no face.

    The numbers of frames that begin another shot are added to `cuts`; with landmarks of the corpus, whose
    pictures are not looked at here, there are none.
    """
    if config.landmarks != "face_mesh":
        yield from _landmarks_of_the_corpus(clip, counts)
        return
    last, is_cut = None, CutDetector()
    with FaceMesh(tracking=True) as face_mesh:
        for frame in read_frames(clip.path, clip.frames):
            if is_cut(frame):
                cuts.append(counts.frames)
                face_mesh.reset()
                last = None
            face = face_mesh(frame, last)
            last = face and face.landmarks
            counts.frames += 1
            counts.without_face += face is None
            counts.with_several_faces += face is not None and face.faces_in_frame > 1
            yield np.full((478, 2), np.nan, np.float32) if face is None else face.landmarks


def _landmarks_of_the_corpus(clip: Clip, counts: _Counts) -> Iterator[np.ndarray]:
    if clip.landmarks is None:
        raise InputError(f"{clip.name}: the corpus has no landmarks of its own; take face_mesh")
    tracks = clip.landmarks()
    shape = next((points.shape for points in tracks if points is not None), (0, 2))
    for points in tracks:
        counts.frames += 1
        counts.without_face += points is None
        yield np.full(shape, np.nan, np.float32) if points is None else points


def _records(
    clip: Clip, config: BuildConfig, tracks: np.ndarray, pairs: list[tuple[int, int]]
) -> Iterator[PairRecord]:
    """Yield the records of pairs (i, j), in the order of j."""
    last_use = {index: j for i, j in pairs for index in (i, j)}
    firsts: dict[int, list[int]] = {}
    for i, j in pairs:
        firsts.setdefault(j, []).append(i)
    held: dict[int, bytes] = {}
    for index, frame in _wanted_frames(clip, sorted(last_use)):
        held[index] = encode_png(frame)
        for first in firsts.get(index, ()):
            label = ()
            if config.label is not None:
                label = _label(config.label, held[first], frame, tracks[first], tracks[index])
            yield PairRecord(
                clip.subject,
                clip.name,
                first,
                index,
                held[first],
                held[index],
                tracks[first],
                tracks[index],
                *label,
            )
        held = {k: png for k, png in held.items() if last_use[k] > index}


def _wanted_frames(clip: Clip, wanted: list[int]) -> Iterator[tuple[int, np.ndarray]]:
    files = clip.frames or (frame_files(clip.path) if clip.path.is_dir() else None)
    if files is not None:
        yield from zip(wanted, read_frames(clip.path, [files[k] for k in wanted]), strict=True)
        return
    chosen = set(wanted)
    for index, frame in enumerate(read_frames(clip.path)):
        if index in chosen:
            yield index, frame
        if index == wanted[-1]:
            return


def _label(method: str, png1: bytes, frame2: np.ndarray, *landmarks: np.ndarray) -> tuple[np.ndarray, ...]:
    # Imported here: compiled code that only stored labels need.
    from pipelines.labels import make_label

    frame1 = cv2.imdecode(np.frombuffer(png1, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    label = make_label(method, np.ascontiguousarray(frame1), frame2, *landmarks)
    return label.flow, label.valid


def _finite(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


def _in_one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
