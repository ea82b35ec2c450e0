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


def test_a_face_that_is_followed_has_one_pose_from_its_first_frame_on(portrait):
    """The first look alone, in the box of the detector, would turn the head."""
    head = np.ascontiguousarray(portrait[:280, 105:345])
    with FaceMesh(tracking=True) as face_mesh:
        for _ in range(2):
            first, second, third = (face_mesh(head).landmarks for _ in range(3))
            usual = np.linalg.norm(third - second, axis=-1).mean()
            assert np.linalg.norm(second - first, axis=-1).mean() < 1.5 * usual
            face_mesh.reset()


@pytest.mark.parametrize("shape", [(64, 64), (1, 1), (127, 253)])
def test_no_face(shape):
    with FaceMesh() as face_mesh:
        frame = np.full((*shape, 3), 90, np.uint8)
        assert face_mesh(frame) is None
        with pytest.raises(InputError, match="wall: no face found"):
            find_face(face_mesh, frame, "wall")


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_face_is_found_turned(portrait, portrait_landmarks, turns):
    """Landmarks lie where those of the upright picture are; a mesh the wrong way round is 20 px off."""
    with FaceMesh() as face_mesh:
        found = face_mesh(np.ascontiguousarray(np.rot90(portrait, turns))).landmarks
    back = found
    for _ in range(turns):  # a square of 512 pixels, turned back clockwise
        back = np.stack([511 - back[:, 1], back[:, 0]], axis=-1)
    assert np.linalg.norm(back - portrait_landmarks, axis=1).mean() < (0.01 if turns == 2 else 3)


def test_a_clip_that_is_upside_down_is_followed(portrait):
    upside_down = portrait[::-1, ::-1]
    with FaceMesh(tracking=True) as face_mesh:
        found = [face_mesh(np.roll(upside_down, 2 * k, axis=1)).landmarks for k in range(6)]
    moved = found[-1].mean(axis=0) - found[0].mean(axis=0)
    np.testing.assert_allclose(moved, [10, 0], atol=1)
    assert (found[-1][[61, 291], 1] < found[-1][[33, 263], 1]).all()  # the mouth above the eyes


@pytest.mark.parametrize(("width", "size"), [(60, (640, 360)), (90, (1920, 1080)), (340, (3840, 2160))])
@pytest.mark.parametrize("tracking", [False, True])
def test_small_faces_in_large_frames(portrait, portrait_landmarks, width, size, tracking):
    head = portrait[0:260, 110:350]
    scale = width / np.ptp(portrait_landmarks[:, 0])
    small = cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left, top = int(0.6 * size[0]), int(0.2 * size[1])
    expected = scale * (portrait_landmarks - [110, 0]) + (scale - 1) / 2
    with FaceMesh(tracking) as face_mesh:
        for shift in range(2):
            frame = np.full((size[1], size[0], 3), 120, np.uint8)
            frame[top : top + small.shape[0], left + shift : left + shift + small.shape[1]] = small[
                : size[1] - top
            ]
            face = face_mesh(frame)
            errors = np.linalg.norm(face.landmarks - expected - [left + shift, top], axis=1)
            assert errors.mean() < 0.04 * width
            assert face.faces_in_frame == 1


@pytest.mark.parametrize(("yaw", "largest_error"), [(30, 0.03), (60, 0.06), (90, None)])
def test_heads_that_are_turned_to_the_side(yaw, largest_error):
    """Compared with the landmarks of a rendered head; a profile has no mesh rather than a wrong one."""
    from dataclasses import replace

    from pipelines.synthetic.renderer.expression_clips import draw_subject, photograph

    subject = draw_subject(11, 0, (192, 192))
    head = subject.rest.head
    frame = replace(subject.rest, head=replace(head, angles=(float(yaw), *head.angles[1:])))
    with FaceMesh() as face_mesh:
        face = face_mesh(photograph(subject, frame, 0, 0))
    if largest_error is None:
        assert face is None
    else:
        error = np.linalg.norm(face.landmarks - frame.landmarks, axis=1)[:468].mean()
        assert error < largest_error * np.ptp(frame.landmarks[:468, 1])


@pytest.mark.parametrize("name", ["cat", "coffee", "rocket", "hubble_deep_field"])
def test_pictures_of_other_things(name):
    import skimage.data

    with FaceMesh() as face_mesh:
        picture = getattr(skimage.data, name)()
        assert face_mesh(picture) is None
        assert face_mesh(picture[::-1].copy()) is None


@pytest.mark.real
def test_upside_down_stills_of_other_people(real_data):
    for number in (1, 2):
        picture = cv2.imread(str(real_data / "field_reports" / f"upside{number}.png"))[..., ::-1]
        with FaceMesh() as face_mesh:
            found, upright = face_mesh(picture), face_mesh(np.ascontiguousarray(picture[::-1, ::-1]))
        np.testing.assert_allclose(255 - found.landmarks, upright.landmarks, atol=0.01)


@pytest.mark.real
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_stills_on_their_side(real_data, number):
    picture = cv2.imread(str(real_data / "lisa" / f"lisa{number}.jpg"))[::2, ::2, ::-1]
    last = picture.shape[1] - 1
    with FaceMesh() as face_mesh:
        x, y = face_mesh(np.ascontiguousarray(picture)).landmarks.T
        found = face_mesh(np.ascontiguousarray(np.rot90(picture))).landmarks
    error = np.linalg.norm(found - np.stack([y, last - x], axis=1), axis=1).mean()
    assert error < 0.025 * np.ptp(x)


@pytest.mark.real
def test_a_cut_to_no_face(real_data):
    from pipelines.io.video import read_frames

    with FaceMesh(tracking=True) as face_mesh:
        found = [
            face_mesh(frame) is not None for frame in read_frames(real_data / "pyfeat" / "face_noface.mov")
        ]
    assert all(found[:60])
    assert not any(found[-60:])


def test_frames_that_are_refused_leave_the_detector_usable(portrait):
    with FaceMesh() as face_mesh:
        for frame in (portrait[10:5], portrait / 255, portrait[..., 0], np.dstack([portrait, portrait])):
            with pytest.raises(InputError, match="a frame is RGB, uint8"):
                face_mesh(frame)
        assert face_mesh(portrait) is not None
