"""Synthesis of frame 2 from frame 1 and a flow, which makes the flow an exact label.

The flow moves a mesh over the pixels of frame 1 to frame 2, and each pixel of frame 2 samples frame 1 at its
origin. `warping.invert_flow` is faster but needs a smooth flow; this method also handles steep flow and
folds, as at parting and closing lips, where folded pixels are occluded.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.image.bicubic import sample_bicubic, warp_back_bicubic
from pipelines.image.warping import pixel_grid, sample
from pipelines.labels.extension import extend
from pipelines.labels.mesh import interpolate_triangles
from pipelines.landmarks.face_mesh import check_landmarks

_MAX_ROUND_TRIP = 0.75  # pixels; a pixel with a larger forward-backward error is occluded
# Interpolation blurs frame 2. The residual of warping it back is added this many times, so that frame 2 is as
# sharp as frame 1.
_SHARPENING_STEPS = 2


@dataclass(frozen=True)
class Disturbance:
    """Limits of the photometric change of frame 2. Each change is drawn uniformly.

    Attributes:
        gain: Maximum relative change of brightness.
        offset: Maximum change of the black level, grey levels of 255.
        slope: Maximum relative change of brightness from one side of the image to the other.
        noise: Maximum standard deviation of the noise, grey levels of 255.
    """

    gain: float = 0.08
    offset: float = 6.0
    slope: float = 0.05
    noise: float = 2.0


@dataclass(frozen=True, eq=False)
class Synthesised:
    """A synthesised frame 2 and its exact flow.

    Attributes:
        frame2: Second frame, uint8 [H, W, 3], RGB.
        flow: Flow from frame 1 to frame 2, float32 [H, W, 2], pixels, defined everywhere.
        occluded: Pixels of frame 1 that are not visible in frame 2, bool [H, W].
    """

    frame2: np.ndarray
    flow: np.ndarray
    occluded: np.ndarray


def synthesise(
    frame1: np.ndarray,
    flow: np.ndarray,
    valid: np.ndarray | None = None,
    disturbance: Disturbance | None = None,
    seed: int = 0,
) -> Synthesised:
    """Synthesise the second frame of a pair.

    Args:
        frame1: First frame, uint8 [H, W, 3], RGB.
        flow: Flow from frame 1 to frame 2, float32 [H, W, 2], pixels.
        valid: Where `flow` is known, bool [H, W]; it is extrapolated elsewhere. Everywhere by default.
        disturbance: Limits of the photometric change; None for no change.
        seed: Seed of the photometric change.

    Returns:
        Frame 2, the flow without gaps, and the occluded pixels.

    Raises:
        InputError: if frame and flow differ in size, or the flow is not finite where it is valid.

    Examples:
        >>> frame1 = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
        >>> made = synthesise(frame1, np.full((32, 32, 2), [3, 0], np.float32))
        >>> bool((made.frame2[:, 3:] == frame1[:, :-3]).all()), int(made.occluded[0].sum())
        (True, 3)
    """
    if frame1.shape[:2] != flow.shape[:2]:
        raise InputError(
            f"frame 1 and flow must have the same size, but are {frame1.shape[:2]} and {flow.shape[:2]}"
        )
    if valid is not None:
        flow = extend(np.where(valid[..., None], flow, np.float32(0)), valid)
    if not np.isfinite(flow).all():
        raise InputError("the flow must be finite where it is valid")
    flow = flow.astype(np.float32)
    shape = flow.shape[:2]
    grid = pixel_grid(shape)
    end = grid + flow
    origin, covered = interpolate_triangles(
        end.reshape(-1, 2).astype(np.float64),
        -flow.reshape(-1, 2).astype(np.float64),
        _grid_triangles(shape),
        *shape,
    )
    # Pixels without an origin are at the border.
    backward = extend(origin, covered)
    origins, frame1 = grid + backward, frame1.astype(np.float32)
    frame2 = sample_bicubic(frame1, origins)
    for _ in range(_SHARPENING_STEPS):
        frame2 += sample_bicubic(frame1 - warp_back_bicubic(frame2, flow), origins)
    if disturbance is not None:
        frame2 = _disturb(frame2, disturbance, np.random.default_rng(seed))
    round_trip = flow + sample(backward, end, cv2.INTER_LINEAR)
    outside = (end < 0).any(axis=-1) | (end > np.float32(shape[::-1]) - 1).any(axis=-1)
    occluded = outside | (np.linalg.norm(round_trip, axis=-1) > _MAX_ROUND_TRIP)
    return Synthesised(np.clip(np.round(frame2), 0, 255).astype(np.uint8), flow, occluded)


def transfer_motion(source1: np.ndarray, source2: np.ndarray, target1: np.ndarray) -> np.ndarray:
    """Transfer the motion of one face to another.

    The displacements are rotated and scaled by the least-squares similarity from the source to the target.

    Args:
        source1: Landmarks of the source face before the motion, float [478, 2], (x, y) in pixels.
        source2: Landmarks of the source face after the motion, likewise.
        target1: Landmarks of the target face before the motion, likewise.

    Returns:
        Landmarks of the target face after the motion, float32 [478, 2].

    Raises:
        InputError: if landmarks have another shape or are not finite.

    References:
        Umeyama, "Least-squares estimation of transformation parameters between two point patterns", IEEE
        TPAMI 13(4), 1991, without reflection.
    """
    check_landmarks(source1, source2, target1)
    a, b = (points - points.mean(axis=0) for points in (source1, target1))
    # A similarity of the plane without its translation is a complex factor.
    a, b = (points[:, 0] + 1j * points[:, 1] for points in (a, b))
    factor = np.vdot(a, b) / np.vdot(a, a)
    moved = (source2 - source1) @ np.array([[factor.real, factor.imag], [-factor.imag, factor.real]])
    return (target1 + moved).astype(np.float32)


def _grid_triangles(shape: tuple[int, int]) -> np.ndarray:
    """Return two triangles for each square of four pixels, with positive area, int32 [M, 3]."""
    index = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])


def _disturb(frame: np.ndarray, disturbance: Disturbance, rng: np.random.Generator) -> np.ndarray:
    height, width = frame.shape[:2]
    across, down = rng.uniform(-disturbance.slope, disturbance.slope, 2)
    slope = across * np.linspace(-0.5, 0.5, width) + down * np.linspace(-0.5, 0.5, height)[:, None]
    gain = 1 + rng.uniform(-disturbance.gain, disturbance.gain) + slope[..., None]
    offset = rng.uniform(-disturbance.offset, disturbance.offset)
    return frame * gain + offset + rng.normal(0, rng.uniform(0, disturbance.noise), frame.shape)
