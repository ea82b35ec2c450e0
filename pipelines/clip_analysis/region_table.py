"""Table of the motion of the regions of a face: one row per frame and region."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf
from scipy.sparse import csr_array

from pipelines.clip_analysis.tracking.reference_crop import ReferenceCrop
from pipelines.clip_analysis.tracking.tracker import TrackedMotion
from pipelines.image.warping import pixel_grid, squared_length
from pipelines.landmarks.face_mesh import REGIONS, region_map
from pipelines.micro_expressions.strain import optical_strain

# In a graph, because its many small operations take several times as long one by one.
_strain = tf.function(optical_strain, reduce_retracing=True)

#: Distance between the centres of the irises of an adult, millimetres (Dodgson 2004: mean 63).
INTERPUPILLARY_MM = 63.0
#: Regions of the table: those of `face_mesh`, and the corners of the mouth.
TABLE_REGIONS = (*REGIONS, "mouth_corners")
#: Sides of the subject.
SIDES = ("right", "left")
#: Columns of `motion.csv`.
COLUMNS = (
    "frame", "time_s", "region", "side", "u_px", "v_px", "rms_px", "u_mm", "v_mm", "rms_mm", "strain",
    "valid", "uncertainty_px", "asymmetry",
)  # fmt: skip

_MOUTH_CORNERS = (61, 291)  # the subject's right and left
_CORNER_RADIUS = 0.11  # radius of the disc around a corner, relative to the distance of the irises
_MIDLINE = (10, 152)  # top of the forehead and chin
_LEAST_VALID = 0.2  # smallest share of valid pixels for which the motion of a region is stated
_LEAST_SIDE = 0.05  # smallest share of a region's pixels for which a side counts
_LEAST_MOTION = 0.1  # pixels: sides that move less are not compared


@dataclass(frozen=True)
class RegionMotion:
    """Mean motion of a region relative to the head, in pixels of the 224 x 224 crop (see `RegionTable`).

    All values except `valid` are NaN if too few pixels are valid; for both sides, if that is so for one side.

    Attributes:
        region: name from `TABLE_REGIONS`.
        side: right or left of the subject, or both.
        u: mean motion to the right in the upright crop.
        v: mean motion down.
        rms: root mean square length of the motion.
        strain: mean optical strain, pixels per pixel.
        valid: share of valid pixels.
        uncertainty: mean expected error of a pixel.
        asymmetry: (left - right) / (left + right) of `rms`, -1 to 1; only for `both`, and NaN if the sides
            hardly move.
    """

    region: str
    side: str
    u: float
    v: float
    rms: float
    strain: float
    valid: float
    uncertainty: float
    asymmetry: float = float("nan")


class RegionTable:
    """Mean motion of the regions of a face.

    Pixels are those of the aligned crop of 224 x 224, in which all faces have about the same size.
    Millimetres are derived from the distance of the irises in the reference frame.

    Args:
        reference: crop of the reference frame.
        yaw: yaw of the head in the reference frame, degrees. It corrects the foreshortened distance of the
            irises.
        interpupillary_mm: distance between the subject's pupils, millimetres.
    """

    def __init__(
        self, reference: ReferenceCrop, yaw: float = 0.0, interpupillary_mm: float = INTERPUPILLARY_MM
    ):
        self._factor = reference.aligned_scale
        distance = reference.iris_distance * self._factor / max(float(np.cos(np.deg2rad(yaw))), 0.5)
        #: Millimetres of the face per pixel of the 224 x 224 crop.
        self.mm_per_pixel = interpupillary_mm / distance
        self._members = _members(reference)
        self._counts = self._members.sum(axis=1)

    def regions(self, motion: TrackedMotion) -> list[RegionMotion]:
        """Return the motion of the right side, the left side and both sides of every region."""
        own = motion.expression
        strain = _strain(own[None]).numpy()[0]
        columns = (
            np.ones_like(strain),
            own[..., 0],
            own[..., 1],
            squared_length(own),
            strain,
            motion.uncertainty,
        )
        # Not by multiplication: an invalid pixel may be infinite.
        known = [np.where(motion.valid, column, 0).ravel() for column in columns]
        sums = np.column_stack([self._counts, *(self._members @ column for column in known)])
        sums = sums.reshape(len(TABLE_REGIONS), len(SIDES), -1)
        rows = []
        for region, (right, left) in zip(TABLE_REGIONS, sums, strict=True):
            sides = [self._row(region, side, part) for side, part in zip(SIDES, (right, left), strict=True)]
            rows += [*sides, _both(*sides, np.array([right[0], left[0]]))]
        return rows

    def _row(self, region: str, side: str, sums: np.ndarray) -> RegionMotion:
        total, valid, u, v, squared, strain, uncertainty = sums.tolist()
        share = valid / total if total else 0.0
        if share < _LEAST_VALID:
            return RegionMotion(region, side, *[float("nan")] * 4, share, float("nan"))
        factor = self._factor / valid
        rms = self._factor * (squared / valid) ** 0.5
        return RegionMotion(
            region, side, u * factor, v * factor, rms, strain / valid, share, uncertainty * factor
        )

    def rows(self, number: int, seconds: float, regions: list[RegionMotion]) -> Iterator[dict[str, object]]:
        """Yield the rows of a frame, by the names of `COLUMNS`."""
        for each in regions:
            pixels = {"u": each.u, "v": each.v, "rms": each.rms}
            yield {
                "frame": number,
                "time_s": _text(seconds, 4),
                "region": each.region,
                "side": each.side,
                **{f"{name}_px": _text(value) for name, value in pixels.items()},
                **{f"{name}_mm": _text(value * self.mm_per_pixel) for name, value in pixels.items()},
                "strain": _text(each.strain, 5),
                "valid": _text(each.valid, 3),
                "uncertainty_px": _text(each.uncertainty),
                "asymmetry": _text(each.asymmetry, 3),
            }


def _members(reference: ReferenceCrop) -> csr_array:
    """Return the pixels of each side of each region.

    Returns:
        Sparse float64 [2 x regions, S x S], 1 inside and 0 outside, rows in the order of `TABLE_REGIONS` and
        `SIDES`; S is the size of the crop.
    """
    points, size = reference.landmarks, reference.size
    grid = pixel_grid((size, size))
    top, chin = points[list(_MIDLINE)]
    down = chin - top
    # The subject's right is left of the line from the forehead to the chin in the picture.
    is_left = (grid - top) @ np.array([down[1], -down[0]]) > 0
    regions, sides = region_map(points, (size, size)), (~is_left, is_left)
    masks = [(regions == number) & side for number in range(1, len(REGIONS) + 1) for side in sides]
    masks += [
        np.linalg.norm(grid - points[corner], axis=-1) < _CORNER_RADIUS * reference.iris_distance
        for corner in _MOUTH_CORNERS
    ]
    return csr_array((np.stack(masks) & reference.face).reshape(len(masks), -1).astype(np.float64))


def _both(right: RegionMotion, left: RegionMotion, sizes: np.ndarray) -> RegionMotion:
    """Return the motion of both sides, each with the weight of its size, however much of it is valid.

    Otherwise a symmetric motion would seem to go to one side where pixels of the other side are not valid. If
    one side is not stated, both are not, unless the picture shows next to nothing of that side.
    """
    weights = sizes / max(sizes.sum(), 1)
    sides = [(each, w) for each, w in zip((right, left), weights.tolist(), strict=True) if w >= _LEAST_SIDE]
    if not sides:
        return replace(right, side="both")

    def mean(name: str, power: int = 1) -> float:
        return sum(getattr(each, name) ** power * w for each, w in sides) / sum(w for _, w in sides)

    return RegionMotion(
        right.region, "both", mean("u"), mean("v"), mean("rms", 2) ** 0.5, mean("strain"), mean("valid"),
        mean("uncertainty"), _asymmetry(right, left),
    )  # fmt: skip


def _asymmetry(right: RegionMotion, left: RegionMotion) -> float:
    both = left.rms + right.rms
    return (left.rms - right.rms) / both if both > 2 * _LEAST_MOTION else float("nan")


def _text(value: float, digits: int = 4) -> str:
    """Write a number; NaN as an empty cell, which pandas reads as NaN."""
    return "" if np.isnan(value) else f"{value:.{digits}f}"
