import numpy as np
import pytest

from pipelines.visualization.flow_color import colour_wheel, flow_to_color


@pytest.mark.parametrize(
    ("direction", "colour"),
    [((1, 0), (255, 0, 0)), ((0, 0), (255, 255, 255))],  # Middlebury: red points right, still is white
)
def test_named_directions(direction, colour):
    flow = np.full((1, 1, 2), direction, np.float32)
    np.testing.assert_array_equal(flow_to_color(flow, max_length=1)[0, 0], colour)


def test_directions_by_hue():
    """By the published wheel: down is yellow, left is cyan-blue, up is violet."""
    down, left, up = (
        flow_to_color(np.full((1, 1, 2), d, np.float32), max_length=1)[0, 0].astype(int)
        for d in ((0, 1), (-1, 0), (0, -1))
    )
    assert down[0] > 200 and down[1] > 200 and down[2] < 60  # noqa: PT018
    assert left[0] < 60 and left[2] > 200  # noqa: PT018
    assert up[0] > 80 and up[1] < 60 and up[2] > 200  # noqa: PT018


def test_length_is_saturation():
    flow = np.zeros((1, 3, 2), np.float32)
    flow[0, :, 0] = [0.25, 0.5, 1.0]
    np.testing.assert_array_equal(flow_to_color(flow, max_length=1)[0, :, 1], [191, 128, 0])


def test_invalid_is_grey():
    colour = flow_to_color(np.full((1, 2, 2), np.nan), valid=np.array([[False, False]]))
    np.testing.assert_array_equal(colour, np.full((1, 2, 3), 128))


def test_a_still_face_stays_pale():
    noise = np.random.default_rng(0).normal(0, 0.005, (20, 20, 2))
    assert flow_to_color(noise).min() > 200


def test_wheel_is_round():
    wheel = colour_wheel(51)
    np.testing.assert_array_equal(wheel[0, 0], [128, 128, 128])
    assert wheel[25, 50, 0] == 255
    assert wheel[25, 50, 1] < 10


@pytest.mark.parametrize("mask", [np.uint8([[255, 0]]), np.float32([[1, 0]]), [[True, False]]])
def test_masks_as_pictures_hold_them(mask):
    flow = np.ones((1, 2, 2), np.float32)
    expected = flow_to_color(flow, np.array([[True, False]]), max_length=2)
    np.testing.assert_array_equal(flow_to_color(flow, mask, max_length=2), expected)
    assert not np.array_equal(expected[0, 0], expected[0, 1])
