import cv2
import numpy as np
import pytest

from pipelines.landmarks.detector import FaceMesh
from pipelines.landmarks.face_mesh import EYE_CORNERS
from pipelines.micro_expressions.alignment import CROP, align, alignment, template


def seen(turn, zoom, shift):
    """The template as landmarks of a frame, turned, zoomed and shifted."""
    cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
    points = np.zeros((478, 2), np.float32)
    points[:] = template() @ np.array([[cos, sin], [-sin, cos]]) + shift
    return points


@pytest.mark.parametrize(("turn", "zoom"), [(0.0, 1.0), (0.3, 0.5), (-0.2, 2.5)])
def test_turned_and_zoomed_faces_come_back_to_the_template(turn, zoom):
    points = seen(turn, zoom, (40, -7))
    similarity = alignment(points)
    np.testing.assert_allclose(points @ similarity[:, :2].T + similarity[:, 2], template(), atol=1e-3)


@pytest.mark.parametrize("zoom", [0.7, 3.0])
def test_a_picture_is_cut_where_its_landmarks_say(zoom):
    points = seen(0.2, zoom, (200, 80))
    frame = np.zeros((900, 900, 3), np.uint8)
    mark = 16 * points[EYE_CORNERS[0]]
    cv2.circle(frame, np.round(mark).astype(int).tolist(), int(16 * 4 * zoom), (255,) * 3, -1, cv2.LINE_AA, 4)
    crop = align(frame, alignment(points))[..., 0].astype(np.float64)
    y, x = np.mgrid[:CROP, :CROP]
    centre = (crop * x).sum() / crop.sum(), (crop * y).sum() / crop.sum()
    np.testing.assert_allclose(centre, template()[EYE_CORNERS[0]], atol=0.1)


def test_a_real_face_fits_the_template(portrait, portrait_landmarks):
    crop = align(portrait, alignment(portrait_landmarks))
    with FaceMesh() as face_mesh:
        found = face_mesh(crop).landmarks
    eyes, expected = found[list(EYE_CORNERS)], template()[list(EYE_CORNERS)]
    # Other people's faces are some pixels wider or narrower; a wrong scale or side would be far off.
    np.testing.assert_allclose(eyes, expected, atol=12)
