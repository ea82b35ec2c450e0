import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.landmarks.detector import FaceMesh, find_face


def test_landmarks_move_with_the_picture(portrait, portrait_landmarks):
    """A picture shifted by whole pixels shifts the landmarks by as much, up to Face Mesh's own jitter."""
    shifted = np.roll(portrait, (20, -30), axis=(0, 1))
    with FaceMesh() as face_mesh:
        moved = face_mesh(shifted).landmarks
    assert moved.shape == (478, 2)
    assert moved.dtype == np.float32
    np.testing.assert_allclose((moved - portrait_landmarks).mean(axis=0), [-30, 20], atol=0.3)


def test_landmarks_are_in_pixels(portrait, portrait_landmarks):
    """The irises are the darkest round things in the eyes: the pupils' centres lie within 3 px of them."""
    grey = portrait.mean(axis=-1)
    for iris in (468, 473):
        x, y = np.round(portrait_landmarks[iris]).astype(int)
        patch = grey[y - 5 : y + 6, x - 5 : x + 6]
        dark = np.argwhere(patch < np.percentile(patch, 15)).mean(axis=0) - 5
        assert np.abs(dark).max() < 3


def test_the_largest_of_two_faces_is_taken(portrait):
    head = portrait[20:240, 120:340]
    both = np.full((512, 900, 3), 127, np.uint8)
    both[100:400, 50:350] = cv2.resize(head, (300, 300))
    both[50:450, 450:850] = cv2.resize(head, (400, 400))
    with FaceMesh() as face_mesh:
        face = face_mesh(both)
    assert face.faces_in_frame == 2
    assert face.landmarks[:, 0].min() > 450


def test_the_same_face_is_followed_when_another_is_larger(portrait):
    head = portrait[20:240, 120:340]
    frame = np.full((512, 900, 3), 127, np.uint8)
    frame[100:400, 50:350] = cv2.resize(head, (300, 300))
    with FaceMesh() as face_mesh:
        small = face_mesh(frame)
        frame[50:450, 450:850] = cv2.resize(head, (400, 400))
        assert face_mesh(frame).landmarks[:, 0].min() > 450
        assert face_mesh(frame, small.landmarks).landmarks[:, 0].max() < 350
        frame[100:400, 50:350] = 127
        assert face_mesh(frame, small.landmarks) is None
        with pytest.raises(InputError, match="b: no face found where the other frame has one"):
            find_face(face_mesh, frame, "b", same_as=small)


@pytest.mark.parametrize("shape", [(64, 64), (1, 1), (127, 253)])
def test_no_face(shape):
    with FaceMesh() as face_mesh:
        frame = np.full((*shape, 3), 90, np.uint8)
        assert face_mesh(frame) is None
        with pytest.raises(InputError, match="wall: no face found"):
            find_face(face_mesh, frame, "wall")


@pytest.mark.real
def test_a_cut_to_no_face(real_data):
    from pipelines.io.video import read_frames

    with FaceMesh(tracking=True) as face_mesh:
        found = [
            face_mesh(frame) is not None for frame in read_frames(real_data / "pyfeat" / "face_noface.mov")
        ]
    assert all(found[:60])
    assert not any(found[-60:])
