import numpy as np
import pytest

from keras_models.inference.estimators import dense, get_estimator
from keras_models.inference.frame_flow import in_face_crop, in_whole_frame
from pipelines.errors import InputError
from pipelines.io.video import read_frames
from pipelines.landmarks.face_mesh import face_mask


def test_a_shift_is_the_same_in_the_crop(portrait, portrait_landmarks):
    """The crop enlarges the face; the flow comes back in pixels of the frame."""
    frame2 = np.roll(portrait, (-1, 2), axis=(0, 1))
    estimated = in_face_crop(get_estimator("dis_fine"))(portrait, frame2)
    face = face_mask(portrait_landmarks, (512, 512))
    assert estimated.crop.scale > 1.5
    assert estimated.valid[face].all()
    assert not estimated.valid[:, :100].any()
    np.testing.assert_allclose(np.median(estimated.flow[face], axis=0), [2, -1], atol=0.05)


def test_the_method_sees_the_face(portrait):
    seen = []

    def look(frame1, frame2):
        seen.append((frame1, frame2))
        return np.zeros((*frame1.shape[:2], 2), np.float32)

    in_face_crop(dense(look), size=96)(portrait, portrait)
    ((frame1, frame2),) = seen
    assert frame1.shape == frame2.shape == (96, 96, 3)
    np.testing.assert_array_equal(frame1, frame2)


def test_landmarks_say_where_a_face_went_that_moved_far(portrait, portrait_landmarks):
    """A method that never sees motion: of 1 px nothing is left, of 20 px what the landmarks say."""
    face = face_mask(portrait_landmarks, (512, 512))
    for shift, expected in ((1, 0), (20, 20)):
        estimated = in_face_crop(get_estimator("zero"))(portrait, np.roll(portrait, shift, axis=1))
        median = np.median(estimated.flow[face], axis=0)
        np.testing.assert_allclose(median, [expected, 0], atol=0.3)


def test_what_the_landmarks_leave_is_estimated(portrait, portrait_landmarks):
    """As well as without them: after a shift by 20 px as after one by 2 px."""
    face = face_mask(portrait_landmarks, (512, 512))
    estimated = in_face_crop(get_estimator("dis_fine"))(portrait, np.roll(portrait, (-7, 20), axis=(0, 1)))
    np.testing.assert_allclose(np.median(estimated.flow[face], axis=0), [20, -7], atol=0.1)


@pytest.mark.real
def test_a_grin_pulls_the_corners_of_the_mouth_apart(real_data):
    """From a neutral face to its grin: the corners (61, 291) move outwards and up, against the head."""
    frames = list(read_frames(real_data / "pyfeat" / "single_face.mp4"))
    estimated = in_face_crop(get_estimator("default"))(frames[0], frames[48])
    face = face_mask(estimated.landmarks, estimated.valid.shape)
    own = estimated.flow - np.median(estimated.flow[face], axis=0)
    (x1, y1), (x2, y2) = (own[tuple(np.round(estimated.landmarks[k]).astype(int)[::-1])] for k in (61, 291))
    assert x1 < -2
    assert x2 > 2
    assert max(y1, y2) < -1


def test_pictures(portrait):
    frame2 = np.roll(portrait, 2, axis=1)
    zero = get_estimator("zero")
    assert in_whole_frame(zero)(portrait, frame2).panel().shape == (480, 4 * 480, 3)
    assert in_face_crop(zero)(portrait, frame2).panel().shape == (256, 4 * 256, 3)


def test_frames_of_different_size(portrait):
    with pytest.raises(InputError, match="the two frames differ in size: 512x512 and 512x480"):
        in_face_crop(get_estimator("zero"))(portrait, portrait[:480])


def test_no_face_in_frame_2(portrait):
    with pytest.raises(InputError, match="frame 2: no face"):
        in_face_crop(get_estimator("zero"))(portrait, np.zeros_like(portrait))
