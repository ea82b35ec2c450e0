"""Pairs whose label is exact: frame 2 is made from frame 1 and the label.

The flow carries a fine mesh over frame 1's pixels to frame 2, and each pixel of frame 2 looks up where it
came from. Unlike `warping.invert_flow`, which is quicker and needs a smooth flow, this holds where the flow
is steep or folds, as at parting and closing lips: what is folded under is occluded.
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

# A pixel that comes back this far from where it began has been covered by another.
_OCCLUDED_FROM = 0.75


# Sampling between pixels blurs, which would tell frame 2 from frame 1 and spoil a comparison of the two: what
# warping back still misses is added so many times.
_SHARPENINGS = 2


@dataclass(frozen=True)
class Disturbance:
    """What light and sensor do to frame 2; each is drawn evenly from minus to plus its bound.

    Attributes:
        gain: greatest relative change of brightness.
        offset: greatest change of the black level, of 255.
        slope: greatest relative change of brightness from one side of the picture to the other.
        noise: greatest standard deviation of noise, of 255.
    """

    gain: float = 0.08
    offset: float = 6.0
    slope: float = 0.05
    noise: float = 2.0


@dataclass(frozen=True, eq=False)
class Synthesised:
    """A second frame and the flow that made it.

    Attributes:
        frame2: uint8 [H, W, 3], RGB.
        flow: float32 [H, W, 2], frame 1 -> frame 2, pixels, known everywhere.
        occluded: bool [H, W], pixels of frame 1 that frame 2 does not show.
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
    """Make the second frame of a pair.

    Args:
        frame1: uint8 [H, W, 3], RGB.
        flow: float32 [H, W, 2], pixels: any label, scaled as one likes.
        valid: bool [H, W], where `flow` is known; continued smoothly elsewhere. All of it by default.
        disturbance: of light and sensor; none by default.
        seed: of the disturbance.

    Raises:
        InputError: if frame and flow differ in size, or the flow is not finite where it is valid.
    """
    if frame1.shape[:2] != flow.shape[:2]:
        raise InputError(
            f"frame 1 is {frame1.shape[:2]} and the flow {flow.shape[:2]}; they must be one size"
        )
    if valid is not None:
        flow = extend(np.where(valid[..., None], flow, np.float32(0)), valid)
    if not np.isfinite(flow).all():
        raise InputError("a flow to make a frame with must be finite")
    flow = flow.astype(np.float32)
    shape = flow.shape[:2]
    grid = pixel_grid(shape)
    there = grid + flow
    origin, covered = interpolate_triangles(
        there.reshape(-1, 2).astype(np.float64),
        -flow.reshape(-1, 2).astype(np.float64),
        _cells(shape),
        *shape,
    )
    # Only the rim of the picture has no origin.
    backward = extend(origin, covered)
    origins, frame1 = grid + backward, frame1.astype(np.float32)
    frame2 = sample_bicubic(frame1, origins)
    for _ in range(_SHARPENINGS):
        frame2 += sample_bicubic(frame1 - warp_back_bicubic(frame2, flow), origins)
    if disturbance is not None:
        frame2 = _disturbed(frame2, disturbance, np.random.default_rng(seed))
    returned = flow + sample(backward, there, cv2.INTER_LINEAR)
    outside = (there < 0).any(axis=-1) | (there > np.float32(shape[::-1]) - 1).any(axis=-1)
    occluded = outside | (np.linalg.norm(returned, axis=-1) > _OCCLUDED_FROM)
    return Synthesised(np.clip(np.round(frame2), 0, 255).astype(np.uint8), flow, occluded)


def carry_over(other1: np.ndarray, other2: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Give a face somebody else's movement.

    Args:
        other1: float [478, 2], the other face's landmarks before the movement, pixels.
        other2: float [478, 2], and after it.
        landmarks: float [478, 2], this face before the movement.

    Returns:
        float32 [478, 2], this face after it: displacements turned and scaled as the least-squares similarity
        from the other face to this one.

    Raises:
        InputError: as `check_landmarks`.

    References:
        Umeyama, "Least-squares estimation of transformation parameters between two point patterns", IEEE
        TPAMI 13(4), 1991, without reflection.
    """
    check_landmarks(other1, other2, landmarks)
    a, b = (points - points.mean(axis=0) for points in (other1, landmarks))
    # A similarity of the plane is one complex factor.
    a, b = (points[:, 0] + 1j * points[:, 1] for points in (a, b))
    factor = np.vdot(a, b) / np.vdot(a, a)
    moved = (other2 - other1) @ np.array([[factor.real, factor.imag], [-factor.imag, factor.real]])
    return (landmarks + moved).astype(np.float32)


def _cells(shape: tuple[int, int]) -> np.ndarray:
    """Two triangles for every square between four pixels, facing the camera."""
    index = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])


def _disturbed(frame: np.ndarray, disturbance: Disturbance, rng: np.random.Generator) -> np.ndarray:
    height, width = frame.shape[:2]
    across, down = rng.uniform(-disturbance.slope, disturbance.slope, 2)
    slope = across * np.linspace(-0.5, 0.5, width) + down * np.linspace(-0.5, 0.5, height)[:, None]
    gain = 1 + rng.uniform(-disturbance.gain, disturbance.gain) + slope[..., None]
    offset = rng.uniform(-disturbance.offset, disturbance.offset)
    return frame * gain + offset + rng.normal(0, rng.uniform(0, disturbance.noise), frame.shape)
