"""Evaluation of estimators and of the tracker on clips with the exact flow from their first frame."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from keras_models.inference.estimators import Estimator
from keras_models.losses.flow_losses import end_point_error
from pipelines.clip_analysis.tracking.clip_frame import ClipFrame
from pipelines.clip_analysis.tracking.clip_tracking import steadied
from pipelines.clip_analysis.tracking.parallel_tracking import track_in_parallel
from pipelines.clip_analysis.tracking.reference_crop import reference_crop
from pipelines.clip_analysis.tracking.tracker import FlowEstimate
from pipelines.errors import InputError
from pipelines.image.warping import squared_length
from pipelines.io.clip_truth import ClipTruth, list_clips, read_clip_truth
from pipelines.labels.rigid_motion import RigidMotion
from pipelines.landmarks.detector import FaceMesh, NoFaceError, find_face
from pipelines.landmarks.face_mesh import REGIONS

#: Bins of a frame's mean true motion in the face, pixels.
CLIP_MOTION_BINS = {"0-1 px": (0, 1), "1-2 px": (1, 2), "2-4 px": (2, 4), "4+ px": (4, np.inf)}

#: Follows a clip: a function of its frames that yields a flow and where it is known, or None if it is lost.
Follow = Callable[[Iterator[np.ndarray]], Iterator[tuple[np.ndarray, np.ndarray] | None]]

_SAME_MOTION = 0.25  # of the mean motion: frames that differ by less are compared for drift
_FEWEST_FOR_DRIFT = 12  # frames
_LEAST_FOR_GAIN = 0.15  # pixels, root mean square
_NOT_COUNTED = "eyes"  # a lid that closes hides what it passes


@dataclass(frozen=True)
class ClipFrameErrors:
    """How far one method is off in one frame of a clip, against the first frame.

    Attributes:
        clip: name of the clip.
        kind: kind of the clip's motion.
        frame: number of the frame.
        method: name of the method.
        motion: mean true motion in the face, pixels.
        epe_face: mean end-point error in the face where the frame shows it, pixels; NaN if lost.
        coverage: share of those pixels on which the method says something.
        regions: mean error (dx, dy) of each region, pixels.
        expression: the same of the motion without that of the head, which is found in the method's own flow
            as `labels.rigid_motion` does: the error of what `faceflow analyze` reports.
        gains: measured motion of each region relative to the true one, each without the motion of the head:
            the slope of a regression through the origin over its pixels, 1 if nothing is understated. Only
            for regions with a true motion of at least 0.15 px.
        still: whether no event is going on.
    """

    clip: str
    kind: str
    frame: int
    method: str
    motion: float
    epe_face: float
    coverage: float
    regions: dict[str, tuple[float, float]]
    expression: dict[str, tuple[float, float]]
    gains: dict[str, float]
    still: bool


@dataclass(frozen=True)
class ClipSummary:
    """Figures of a method over all clips, pixels.

    Attributes:
        epe: mean `epe_face`.
        epe_by_motion: the same by the bins of `CLIP_MOTION_BINS`.
        epe_by_kind: the same by the kind of clip.
        drift: error in the last third of a clip divided by that in the first third, at the same motion; mean
            over clips, NaN if no clip has such frames.
        lost: share of frames without an answer.
        jitter: standard deviation of a region's mean error in frames without an event; mean over regions and
            clips.
        expression: root mean square of `expression` over frames and all regions but the eyes.
        gain: mean of `gains` over all regions but the eyes; NaN if nothing moves.
        gain_by_region: the same for each region.
    """

    epe: float
    epe_by_motion: dict[str, float]
    epe_by_kind: dict[str, float]
    drift: float
    lost: float
    jitter: float
    expression: float
    gain: float
    gain_by_region: dict[str, float]


def frame_by_frame(method: Estimator) -> Follow:
    """Ask an estimator for the flow from the first frame to each other one by itself."""

    def follow(frames: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray] | None]:
        first = next(frames)
        for frame in frames:
            try:
                yield method(first, frame)
            except InputError:
                yield None

    return follow


def tracked(estimate: FlowEstimate) -> Follow:
    """Track the face against the first frame, as `faceflow analyze` does; if that shows none, all is lost."""

    def found_faces(
        first: ClipFrame, frames: Iterator[np.ndarray], face_mesh: FaceMesh
    ) -> Iterator[ClipFrame]:
        yield first
        landmarks = first.landmarks
        for number, frame in enumerate(frames, start=1):
            face = face_mesh(frame, landmarks)
            landmarks = landmarks if face is None else face.landmarks
            yield ClipFrame(number, frame, face and face.landmarks, first.reference)

    def follow(frames: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray] | None]:
        picture = next(frames)
        with FaceMesh(tracking=True) as face_mesh:
            try:
                landmarks = find_face(face_mesh, picture, "frame 0").landmarks
            except NoFaceError:
                yield from (None for _ in frames)
                return
            first = ClipFrame(0, picture, landmarks, reference_crop(picture, landmarks))
            tracked_frames = track_in_parallel(found_faces(first, frames, face_mesh), estimate)
            for found in islice(steadied(tracked_frames), 1, None):
                shape = found.picture.shape[:2]
                # A new reference is another person's, or the track is lost: there is no flow from frame 0.
                known = found.known and found.reference.number == 0
                yield found.reference.frame_flow(found.motion.flow, shape) if known else None

    return follow


def clip_errors(truth: ClipTruth, name: str, follow: Follow) -> list[ClipFrameErrors]:
    """Compare what a method finds in every frame of a clip with the truth."""
    rows, head, of_head = [], None, None
    for number, found in enumerate(follow(truth.frames()), start=1):
        motion = truth.motion(number)
        seen = truth.face & ~motion.occluded
        active = any(event.onset < number < event.offset for event in truth.events)
        length = float(np.linalg.norm(motion.flow, axis=-1)[seen].mean())
        row = (truth.folder.name, truth.kind, number, name, length)
        if found is None or not (seen & found[1]).any():
            rows.append(ClipFrameErrors(*row, np.nan, 0.0, {}, {}, {}, not active))
            continue
        flow, known = found
        where = seen & known
        error = end_point_error(motion.flow[None], flow[None]).numpy()[0]
        difference = flow - motion.flow
        parts = {region: where & (truth.regions == k) for k, region in enumerate(REGIONS, start=1)}
        parts = {region: part for region, part in parts.items() if part.any()}
        regions = {region: tuple(difference[part].mean(axis=0).tolist()) for region, part in parts.items()}
        face = truth.face & known
        if head is None or not np.array_equal(face, of_head):
            head, of_head = RigidMotion(truth.landmarks[0], face), face
        measured, true = flow - head.flow(head.fit(flow)), motion.flow - motion.head
        expression = {
            region: tuple((measured - true)[part].mean(axis=0).tolist()) for region, part in parts.items()
        }
        coverage, gains = float(where.sum() / seen.sum()), _gains(measured, true, parts)
        epe = float(error[where].mean())
        rows.append(ClipFrameErrors(*row, epe, coverage, regions, expression, gains, not active))
    return rows


def _gains(measured: np.ndarray, true: np.ndarray, parts: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the gain (see `ClipFrameErrors`) of each region that moves.

    Args:
        measured: flow without the motion of the head, float32 [H, W, 2], pixels.
        true: the true one.
        parts: mask of each region, bool [H, W].
    """
    energies = {region: float(squared_length(true[part]).mean()) for region, part in parts.items()}
    return {
        region: float((measured * true)[parts[region]].sum(axis=-1).mean()) / energy
        for region, energy in energies.items()
        if energy >= _LEAST_FOR_GAIN**2
    }


def summarise_clips(rows: list[ClipFrameErrors]) -> ClipSummary:
    """Put the rows of one method together."""
    motion, epe = (np.array([getattr(row, name) for row in rows]) for name in ("motion", "epe_face"))
    kinds = sorted({row.kind for row in rows})
    clips = [[row for row in rows if row.clip == name] for name in sorted({row.clip for row in rows})]
    gains = {
        region: np.array([row.gains[region] for row in rows if region in row.gains]) for region in REGIONS
    }
    return ClipSummary(
        epe=_mean(epe),
        epe_by_motion={
            name: _mean(epe[(motion >= low) & (motion < high)])
            for name, (low, high) in CLIP_MOTION_BINS.items()
        },
        epe_by_kind={kind: _mean(epe[[row.kind == kind for row in rows]]) for kind in kinds},
        drift=_mean(np.array([_drift(clip) for clip in clips])),
        lost=float(np.isnan(epe).mean()),
        jitter=_mean(np.array([_jitter(clip) for clip in clips])),
        expression=_root_mean_square(rows),
        gain=_mean(np.concatenate([each for region, each in gains.items() if region != _NOT_COUNTED])),
        gain_by_region={region: _mean(each) for region, each in gains.items()},
    )


def evaluate_clips(
    folder: Path | str,
    methods: Mapping[str, Follow],
    on_clip: Callable[[str], None] = lambda name: None,
) -> dict[str, list[ClipFrameErrors]]:
    """Evaluate methods on a folder of clips.

    Args:
        folder: folder that `faceflow render clips` has written.
        methods: methods by name; see `frame_by_frame` and `tracked`.
        on_clip: called with the name of each clip that is done.

    Returns:
        Errors of every frame by the method's name.

    Raises:
        InputError: if the folder holds no clip, or a clip is damaged.
    """
    errors: dict[str, list[ClipFrameErrors]] = {name: [] for name in methods}
    for path in list_clips(folder):
        truth = read_clip_truth(path)
        for name, follow in methods.items():
            errors[name] += clip_errors(truth, name, follow)
        on_clip(path.name)
    return errors


def clips_to_json(errors: Mapping[str, list[ClipFrameErrors]]) -> dict:
    """Return all figures as what `json` writes; NaN becomes null."""
    summaries = {name: asdict(summarise_clips(rows)) for name, rows in errors.items()}
    frames = [asdict(row) for rows in errors.values() for row in rows]
    return _without_nan({"methods": summaries, "frames": frames})


def _drift(rows: list[ClipFrameErrors]) -> float:
    if len(rows) < _FEWEST_FOR_DRIFT:
        return float("nan")
    third = len(rows) // 3
    ratios = []
    for late in rows[-third:]:
        near = _SAME_MOTION * max(late.motion, 0.1)
        same = [row.epe_face for row in rows[:third] if abs(row.motion - late.motion) < near]
        if (usual := _mean(np.array(same))) > 0:  # NaN is not
            ratios.append(late.epe_face / usual)
    return _mean(np.array(ratios))


def _jitter(rows: list[ClipFrameErrors]) -> float:
    deviations = []
    for region in REGIONS:
        still = {row.frame: row.regions[region] for row in rows if row.still and region in row.regions}
        # From frame to frame: what stays is an error, and no jitter.
        changes = [np.subtract(still[k], still[k - 1]) for k in still if k - 1 in still]
        if changes:
            deviations.append(np.std(changes) / np.sqrt(2))
    return _mean(np.array(deviations))


def _root_mean_square(rows: list[ClipFrameErrors]) -> float:
    errors = [each for row in rows for region, each in row.expression.items() if region != _NOT_COUNTED]
    return float(np.sqrt(np.square(errors).sum(axis=-1).mean())) if errors else float("nan")


def _mean(values: np.ndarray) -> float:
    values = values[~np.isnan(values)] if len(values) else values
    return float(values.mean()) if len(values) else float("nan")


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and np.isnan(value) else value
