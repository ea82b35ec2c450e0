import numpy as np
import pytest

from pipelines.landmarks.face_views import View, search_levels, turned, view_around, whole_view


@pytest.mark.parametrize(("turns", "place"), [(0, (11, 12)), (1, (12, 18)), (2, (18, 12)), (3, (12, 11))])
def test_points_and_pictures_are_mapped_alike(turns, place):
    frame = np.zeros((40, 60, 3), np.uint8)
    frame[22, 31] = 255
    view = View(20, 10, 30, 25, turns)
    y, x = np.argwhere(view.picture(frame)[..., 0])[0]
    assert (x, y) == place
    assert view.picture(frame).shape[1] == view.picture_width
    points = np.float32([[[x, y, 7]]])
    np.testing.assert_array_equal(view.to_frame(points), [[[31, 22, 7]]])
    np.testing.assert_array_equal(view.to_picture(view.to_frame(points)), points)
    assert turned(turned(view)) == view


def test_views_are_cut_at_the_edges():
    frame = np.zeros((100, 200, 3), np.uint8)
    points = np.float32([[0, 0], [20, 10]])
    assert view_around(points, frame, 2) == View(0, 0, 30, 25)
    assert view_around(points + [100, 50], frame, 2) == View(90, 35, 40, 40)


def test_a_face_may_come_close_to_the_edges_of_the_frame_alone():
    frame = np.zeros((100, 200, 3), np.uint8)
    face = np.float32([[0, 40], [20, 60]])
    assert View(0, 30, 80, 50).holds(face, 0.3, frame)
    assert not View(0, 38, 80, 50).holds(face, 0.3, frame)
    assert whole_view(frame).holds(face, 0.3, frame)


@pytest.mark.parametrize("shape", [(360, 640), (1080, 1920), (500, 500), (64, 64)])
def test_every_face_of_half_a_square_lies_in_one(shape):
    """Squares overlap by half: whatever is half as large as a square is inside of one."""
    frame = np.zeros((*shape, 3), np.uint8)
    first, second, *levels = search_levels(frame)
    assert first == [whole_view(frame, 2)]
    assert second == [whole_view(frame, 1), whole_view(frame, 3)]
    for views in levels:
        side = views[0].width
        rng = np.random.default_rng(side)
        for _ in range(50):
            left, top = rng.integers(0, shape[1] - side // 2 + 1), rng.integers(0, shape[0] - side // 2 + 1)
            assert any(
                view.left <= left
                and left + side // 2 <= view.left + side
                and view.top <= top
                and top + side // 2 <= view.top + side
                for view in views
            )
    assert min((views[0].width for views in levels), default=0) <= 500
