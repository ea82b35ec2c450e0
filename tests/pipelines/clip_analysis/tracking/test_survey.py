import numpy as np
import pytest

from pipelines.clip_analysis.tracking.landmark_store import LandmarkStore
from pipelines.clip_analysis.tracking.survey import survey
from pipelines.errors import InputError
from pipelines.landmarks.detector import Face


class Scripted:
    """A detector that finds what it was told, and notes where it was asked to look."""

    def __init__(self, faces, counts=None):
        self.faces, self.counts, self.asked, self.resets = faces, counts, [], 0

    def __call__(self, frame, same_as=None):
        number = len(self.asked)
        self.asked.append(same_as)
        points = self.faces[number]
        return None if points is None else Face(points, self.counts[number] if self.counts else 1)

    def reset(self):
        self.resets += 1


def surveyed(tmp_path, frames, faces, counts=None):
    store = LandmarkStore(tmp_path / "landmarks")
    mesh = Scripted(faces, counts)
    return survey(frames, mesh, store), store, mesh


def pictures(count, seed=0):
    """A picture of random squares, several times."""
    squares = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), np.uint8)
    return [np.kron(squares, np.ones((10, 10, 1), np.uint8))] * count


def test_reference_is_neutral_still_and_has_open_eyes(tmp_path, expressive_landmarks):
    """Frames 0-9: a smile that comes and goes, a blink, and one neutral moment without motion (8)."""
    smile, blink, neutral = (expressive_landmarks(**units) for units in ({"AU12": 1.0}, {"AU43": 1.0}, {}))
    faces = [neutral + 3, smile, smile, neutral - 3, neutral + 2, blink, blink, neutral, neutral, neutral + 4]
    found, store, _ = surveyed(tmp_path, pictures(10), [face.astype(np.float32) for face in faces])
    assert found.shots[0].reference == 8
    assert (found.frames, len(found.shots), found.shape) == (10, 1, (90, 160))
    np.testing.assert_array_equal(store[1], faces[1])


def test_reference_is_a_mouth_at_rest_also_among_speech(tmp_path, expressive_landmarks):
    """Rounded lips are narrow and nearly closed, but only the last frames are at rest."""
    rounded, opened = expressive_landmarks(AU18=1.0, AU25=0.6), expressive_landmarks(AU25=1.0, AU26=1.0)
    closed, neutral = expressive_landmarks(AU18=0.8), expressive_landmarks()
    faces = [opened, rounded, opened, closed, opened, rounded, rounded, opened, *[neutral] * 6]
    found, _, _ = surveyed(tmp_path, pictures(14), faces)
    assert found.shots[0].reference >= 9


def test_reference_has_the_usual_size_and_pitch(tmp_path, expressive_landmarks):
    """A mouth is closed and still while the face is far away or nods; otherwise only while it moves."""
    opened, neutral = (expressive_landmarks(**units) for units in ({"AU25": 0.8}, {}))
    far = neutral.mean(axis=0) + 0.7 * (neutral - neutral.mean(axis=0))
    nodding = neutral * np.float32([1, 0.9]) + np.float32([0, 0.1 * neutral[:, 1].mean()])
    faces = [opened] * 6 + [far.astype(np.float32)] * 3 + [nodding] * 3 + [neutral, neutral + 1, neutral]
    found, _, _ = surveyed(tmp_path, pictures(15), faces)
    assert found.shots[0].reference >= 12


def test_cut_begins_a_shot(tmp_path, portrait_landmarks):
    frames = pictures(5) + pictures(5, seed=1)
    found, _, mesh = surveyed(tmp_path, frames, [portrait_landmarks] * 10)
    assert [(shot.first, shot.last) for shot in found.shots] == [(0, 4), (5, 9)]
    assert mesh.resets == 1
    assert mesh.asked[5] is None
    assert found.shot_of(4) is found.shots[0]
    assert 5 <= found.shots[1].reference <= 9


def test_face_that_is_elsewhere_at_once_is_another_one(tmp_path, portrait_landmarks):
    faces = [portrait_landmarks] * 4 + [portrait_landmarks + 150] * 4
    found, _, _ = surveyed(tmp_path, pictures(8), faces)
    assert [(shot.first, shot.last) for shot in found.shots] == [(0, 3), (4, 7)]


def test_face_is_followed_by_its_place(tmp_path, portrait_landmarks):
    """It leaves for a moment and is looked for where it was, then anywhere."""
    faces = [portrait_landmarks] * 3 + [None] * 15 + [portrait_landmarks] * 2
    found, store, mesh = surveyed(tmp_path, pictures(20), faces, counts=[2] * 20)
    assert mesh.asked[4] is not None
    assert mesh.asked[15] is None
    assert len(found.shots) == 1
    assert found.most_faces == 2
    assert store[10] is None


def test_no_face_at_all(tmp_path):
    with pytest.raises(InputError, match="no face found in any of its 3 frames"):
        surveyed(tmp_path, pictures(3), [None] * 3)


def test_one_frame(tmp_path, portrait_landmarks):
    found, _, _ = surveyed(tmp_path, pictures(1), [portrait_landmarks])
    assert found.shots[0].reference == 0
