import numpy as np
import pytest

from pipelines.visualization.flow_pictures import arrows, error_map, flow_panel, uncertainty_map, with_legend


@pytest.mark.parametrize(
    ("shape", "shown"),
    [((100, 50), (240, 120)), ((300, 400), (300, 400)), ((96, 960), (48, 480)), ((1, 1), (240, 240))],
)
def test_panels_are_of_a_readable_size(shape, shown):
    frame = np.full((*shape, 3), 200, np.uint8)
    panel = flow_panel(frame, frame, np.zeros((*shape, 2), np.float32))
    assert panel.shape == (shown[0], 4 * shown[1], 3)
    assert panel.dtype == np.uint8


def test_arrows_point_where_the_flow_goes():
    """To the right of each arrow's root there is ink, to the left of it none."""
    flow = np.zeros((96, 96, 2), np.float32)
    flow[..., 0] = 0.7
    ink = np.abs(arrows(np.full((96, 96, 3), 255, np.uint8), flow).astype(int) - 243).sum(axis=-1) > 60
    row = ink[40]
    assert row[9:20].all()  # the first root is at 8
    assert not row[:7].any()


def test_no_arrows_where_nothing_is_known():
    frame = np.zeros((64, 64, 3), np.uint8)
    drawn = arrows(frame, np.ones((64, 64, 2), np.float32), np.zeros((64, 64), bool))
    assert (drawn == 90).all()


def test_error_map_runs_from_black_to_white():
    errors = np.array([[0.0, 1.0, 5.0, 0.0]])
    colours = error_map(errors, np.array([[True, True, True, False]]), worst=1.0)[0]
    assert colours[0].sum() < 20
    np.testing.assert_array_equal(colours[1], [255, 255, 255])
    np.testing.assert_array_equal(colours[2], [255, 255, 255])
    np.testing.assert_array_equal(colours[3], [128, 128, 128])


def test_legend_lies_in_the_corner():
    white = np.full((100, 100, 3), 255, np.uint8)
    painted = with_legend(white, 2.0)
    assert (painted[:75] == 255).all()
    assert (painted[80:, 80:] != 255).any()
    tiny = np.full((20, 20, 3), 255, np.uint8)
    np.testing.assert_array_equal(with_legend(tiny, 2.0), tiny)
    # A larger wheel has its radius above it; another radius, other figures.
    large = np.full((240, 240, 3), 255, np.uint8)
    above = (with_legend(large, 2.0) != 255)[:190].any(axis=-1)
    assert above.any()
    assert not above[:170].any()
    assert not above[:, :180].any()
    assert (with_legend(large, 2.0)[190:] == with_legend(large, 0.45)[190:]).all()
    assert (with_legend(large, 2.0) != with_legend(large, 0.45)).any()


@pytest.mark.parametrize("side", [60, 240, 960])
def test_legend_of_a_panel_is_in_pixels_of_the_frame(side):
    """Whatever the size at which the frame is shown."""
    frame = np.full((side, side, 3), 200, np.uint8)
    flow = np.tile(np.float32([0.5, 0]), (side, side, 1))
    panel = flow_panel(frame, frame, flow)
    shown = len(panel)
    colour = panel[:, 2 * shown : 3 * shown]
    np.testing.assert_array_equal(colour, with_legend(colour[:1, :1].repeat(shown, 0).repeat(shown, 1), 0.5))
    assert colour[0, 0].tolist() == [255, 0, 0]


def test_unknown_errors_are_grey(recwarn):
    found = uncertainty_map(np.float32([[0, 1], [np.nan, 1]]))
    assert found[1, 0].tolist() == [128, 128, 128]
    assert found[0, 0].tolist() == [0, 0, 0]
    found = error_map(np.float32([[0, 1], [np.nan, np.inf]]), np.ones((2, 2), bool), 1.0)
    assert found[1, 0].tolist() == [128, 128, 128]
    assert found[1, 1].tolist() == found[0, 1].tolist() == [255, 255, 255]
    assert not recwarn.list
