import numpy as np
import pytest

from pipelines.labels import Label, make_label
from pipelines.labels.quality import label_quality
from pipelines.synthetic.portrait import PortraitMotion, moved_portrait


def shift(flow, valid):
    moved = np.broadcast_to(np.float32(flow), (*valid.shape, 2)).copy()
    return Label(moved, valid, lambda: valid.astype(np.float32))


@pytest.fixture(scope="module")
def frames():
    frame1 = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    return frame1, np.roll(frame1, (1, 3), axis=(0, 1))


def test_the_true_shift_has_no_residual(frames):
    valid = np.zeros((40, 60), bool)
    valid[5:-5, 5:-5] = True
    everywhere = np.ones_like(valid)
    quality = label_quality(*frames, shift((3, 1), valid), shift((-3, -1), everywhere))
    assert quality.photometric_error < 1e-3
    assert quality.unwarped_error == pytest.approx(
        85, abs=3
    )  # a third of the range: two independent grey levels
    assert quality.forward_backward_error == pytest.approx(0, abs=1e-5)
    assert quality.confidence == 1
    assert quality.coverage == pytest.approx(30 * 50 / 2400)


def test_a_wrong_way_back_is_measured_where_it_is_known(frames):
    valid = np.zeros((40, 60), bool)
    valid[5:-5, 5:-5] = True
    half = valid.copy()
    half[:, 30:] = False
    quality = label_quality(*frames, shift((3, 1), valid), shift((0, 3), half))
    assert quality.forward_backward_error == pytest.approx(5)
    assert np.isnan(label_quality(*frames, shift((3, 1), valid)).forward_backward_error)


def test_refined_is_better_than_mesh_by_every_figure(portrait, portrait_landmarks):
    pair = moved_portrait(portrait, portrait_landmarks, PortraitMotion(size=192, gain=0), 2, 0)
    rng = np.random.default_rng(0)
    points = [p + rng.normal(0, 0.4, (478, 2)) for p in (pair.landmarks1, pair.landmarks2)]
    there, back = (pair.frame1, pair.frame2), (pair.frame2, pair.frame1)
    mesh, refined = (
        label_quality(*there, make_label(m, *there, *points), make_label(m, *back, *points[::-1]))
        for m in ("mesh", "refined")
    )
    assert refined.photometric_error < mesh.photometric_error < mesh.unwarped_error
    assert refined.confidence > mesh.confidence
    assert refined.forward_backward_error < 0.15


def test_nothing_valid(frames):
    nothing = np.zeros((40, 60), bool)
    quality = label_quality(*frames, shift((0, 0), nothing))
    assert np.isnan(quality.photometric_error)
    assert quality.coverage == 0
