import numpy as np
import pytest

from pipelines.clip_analysis.region_table import COLUMNS, RegionTable
from pipelines.clip_analysis.tracking.reference_crop import reference_crop
from pipelines.clip_analysis.tracking.tracker import TrackedMotion
from pipelines.image.warping import pixel_grid
from pipelines.micro_expressions.alignment import alignment


@pytest.fixture(scope="module")
def reference(portrait, portrait_landmarks):
    return reference_crop(portrait, portrait_landmarks)


def tracked(reference, expression, affine=None, valid=None):
    affine = np.zeros((3, 2)) if affine is None else affine
    size = reference.size
    head = (pixel_grid((size, size)) @ affine[:2] + affine[2]).astype(np.float32)
    flow = expression.astype(np.float32) + head
    valid = reference.face if valid is None else valid
    return TrackedMotion(
        flow, np.full((size, size), 0.1, np.float32), valid, 1.0, reference.picture, head, "tracked"
    )


@pytest.fixture(scope="module")
def pixel(portrait_landmarks):
    """Pixels of the crop, here those of the frame, per pixel of the 224 x 224 crop."""
    return 1 / np.hypot(*alignment(portrait_landmarks)[:, 0])


def by_name(rows):
    return {(row.region, row.side): row for row in rows}


def test_motion_against_the_head(reference, pixel):
    """The same motion everywhere, in pixels of the 224 x 224 crop, whatever the head does."""
    size = reference.size
    own = np.broadcast_to(np.array([3.0, -4.0]) * pixel, (size, size, 2))
    affine = np.array([[0.02, 0.01], [0.0, 0.03], [5.0, -6.0]])
    for row in RegionTable(reference).regions(tracked(reference, own, affine)):
        assert (row.u, row.v, row.rms) == pytest.approx((3, -4, 5), abs=1e-3)
        assert row.strain == pytest.approx(0, abs=1e-4)
        assert row.valid == pytest.approx(1)
        assert row.uncertainty == pytest.approx(0.1 / pixel, rel=1e-3)


def test_strain_of_a_stretch(reference):
    """u = x / 50: its strain is 1/50 everywhere, on every grid."""
    grid = pixel_grid(reference.face.shape)
    own = np.stack([grid[..., 0] / 50, np.zeros_like(grid[..., 0])], axis=-1)
    rows = by_name(RegionTable(reference).regions(tracked(reference, own)))
    assert rows["cheeks", "both"].strain == pytest.approx(0.02, rel=1e-3)


def test_sides_are_the_subjects(reference, pixel):
    """What lies left in the picture is the subject's right."""
    own = np.zeros((*reference.face.shape, 2))
    middle = int(reference.landmarks[[10, 152], 0].mean())
    own[:, :middle, 1] = -2.0 * pixel
    rows = by_name(RegionTable(reference).regions(tracked(reference, own)))
    assert rows["mouth_corners", "right"].v == pytest.approx(-2, abs=0.01)
    assert rows["mouth_corners", "left"].v == pytest.approx(0, abs=0.01)
    assert rows["mouth_corners", "both"].asymmetry == pytest.approx(-1, abs=0.01)
    assert rows["mouth_corners", "both"].v == pytest.approx(-1, abs=0.15)


def test_both_sides_count_by_their_size(reference, pixel):
    """A symmetric motion has no direction, also where some of one side is not valid."""
    own = np.zeros((*reference.face.shape, 2))
    middle = round(reference.landmarks[[10, 152], 0].mean())
    own[:, :middle, 0], own[:, middle:, 0] = -2.0 * pixel, 2.0 * pixel
    table, valid = RegionTable(reference), reference.face.copy()
    whole = by_name(table.regions(tracked(reference, own)))["mouth", "both"]
    valid[: int(reference.landmarks[0, 1]), middle:] = False  # the left half of the upper lip
    partly = by_name(table.regions(tracked(reference, own, valid=valid)))["mouth", "both"]
    assert partly.valid < whole.valid - 0.05
    assert (partly.u, partly.rms) == pytest.approx((whole.u, whole.rms), abs=0.05)
    assert abs(whole.u) < 0.2
    valid[:, middle:] = False
    none = by_name(table.regions(tracked(reference, own, valid=valid)))
    assert none["mouth", "right"].u == pytest.approx(-2, abs=0.05)
    assert np.isnan([none["mouth", "both"].u, none["mouth", "both"].rms]).all()
    assert 0.3 < none["mouth", "both"].valid < 0.7


def test_a_region_outside_of_the_picture(portrait, portrait_landmarks):
    """The picture ends above the mouth."""
    below = int(portrait_landmarks[[0, 61, 291], 1].min()) - 20
    cut = reference_crop(portrait[:below], portrait_landmarks)
    rows = by_name(RegionTable(cut).regions(tracked(cut, np.ones((*cut.face.shape, 2)))))
    for side in ("right", "left", "both"):
        assert np.isnan([rows["mouth_corners", side].u, rows["mouth_corners", side].rms]).all()
        assert rows["mouth_corners", side].valid == 0
    assert rows["brows", "both"].u > 0


def test_a_side_of_a_few_pixels_does_not_count(portrait, portrait_landmarks, pixel):
    """The picture ends just beyond the middle of the face."""
    edge = int(portrait_landmarks[[10, 152], 0].mean()) + 4
    cut = reference_crop(np.ascontiguousarray(portrait[:, :edge]), portrait_landmarks)
    own = np.full((*cut.face.shape, 2), 2.0 * pixel)
    left = np.arange(cut.size) > cut.landmarks[[10, 152], 0].mean() - 1
    rows = by_name(RegionTable(cut).regions(tracked(cut, own, valid=cut.face & ~left)))
    assert np.isnan(rows["cheeks", "left"].u)
    assert rows["cheeks", "both"].u == pytest.approx(2, abs=0.05)


def test_nothing_is_told_from_nothing(reference):
    table = RegionTable(reference)
    rows = table.regions(
        tracked(reference, np.zeros((*reference.face.shape, 2)), valid=reference.face & False)
    )
    assert all(np.isnan([row.u, row.v, row.rms, row.strain, row.uncertainty]).all() for row in rows)
    assert all(row.valid == 0 for row in rows)
    written = next(table.rows(3, 0.12, rows))
    assert tuple(written) == COLUMNS
    assert (written["frame"], written["time_s"], written["u_px"], written["valid"]) == (
        3,
        "0.1200",
        "",
        "0.000",
    )


def test_millimetres(reference, pixel):
    """The irises of the portrait lie as far apart as 63 mm are."""
    table = RegionTable(reference)
    distance = np.linalg.norm(reference.landmarks[468] - reference.landmarks[473]) / pixel
    assert table.mm_per_pixel * distance == pytest.approx(63)
    assert RegionTable(reference, interpupillary_mm=60).mm_per_pixel * distance == pytest.approx(60)
    # A head that is turned by 40 degrees shows .766 of the distance.
    assert RegionTable(reference, yaw=40).mm_per_pixel * distance == pytest.approx(63 * 0.766, rel=1e-3)
