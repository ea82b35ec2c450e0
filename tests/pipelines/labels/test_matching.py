import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.labels import make_label
from pipelines.labels.matching import match_landmarks
from pipelines.landmarks.face_mesh import TRIANGLES
from pipelines.synthetic.portrait import PortraitMotion, moved_portrait

MOTION = PortraitMotion(size=256, strength=(0.5, 2.0))
ON_THE_MESH = np.unique(TRIANGLES)


def jittered(pair, number):
    """Landmarks as Face Mesh finds them, with errors that neighbours share and errors of their own."""
    rng = np.random.default_rng(number)
    return [
        points + rng.normal(0, 0.35, 2) + rng.normal(0, 0.25, (478, 2))
        for points in (pair.landmarks1, pair.landmarks2)
    ]


def displacement_errors(pair, points1, points2):
    """Against the true flow where the landmarks of frame 1 were found."""
    from pipelines.image.warping import sample

    truth = sample(pair.flow, points1[None].astype(np.float32), 1)[0]
    return np.linalg.norm(points2 - points1 - truth, axis=1)[ON_THE_MESH]


@pytest.fixture(scope="module")
def pairs(portrait, portrait_landmarks):
    return [moved_portrait(portrait, portrait_landmarks, MOTION, 9, number) for number in range(5)]


def test_displacements_become_exact(pairs):
    raw, matched = [], []
    for number, pair in enumerate(pairs):
        points1, points2 = jittered(pair, number)
        raw.append(displacement_errors(pair, points1, points2).mean())
        found = match_landmarks(pair.frame1, pair.frame2, points1, points2)
        matched.append(displacement_errors(pair, points1, found).mean())
    assert np.mean(raw) > 0.5
    assert np.mean(matched) < 0.15
    assert np.mean(matched) < 0.25 * np.mean(raw)


def test_the_label_gets_better_with_them(pairs):
    means = {"mesh": [], "mesh_matched": []}
    for number, pair in enumerate(pairs):
        for method, values in means.items():
            label = make_label(method, pair.frame1, pair.frame2, *jittered(pair, number))
            measured = pair.face & label.valid
            values.append(np.linalg.norm(label.flow - pair.flow, axis=-1)[measured].mean())
    assert np.mean(means["mesh_matched"]) < 0.35 * np.mean(means["mesh"])


def test_still_pictures_hold_jittering_landmarks_still(portrait, portrait_landmarks):
    wrong = portrait_landmarks + np.random.default_rng(0).normal(0, 1, (478, 2))
    found = match_landmarks(portrait, portrait, portrait_landmarks, wrong)
    distance = np.linalg.norm(found - portrait_landmarks, axis=1)[ON_THE_MESH]
    assert distance.mean() < 0.2  # of 1.25 px


def test_an_outlier_follows_its_neighbours(pairs):
    pair = pairs[0]
    points1, points2 = jittered(pair, 0)
    points2[50] += 5
    found = match_landmarks(pair.frame1, pair.frame2, points1, points2)
    error = displacement_errors(pair, points1, found)[np.flatnonzero(ON_THE_MESH == 50)]
    assert error < 0.5


def test_blank_pictures_leave_the_landmarks(portrait_landmarks):
    blank = np.full((256, 256, 3), 128, np.uint8)
    points = portrait_landmarks / 2
    found = match_landmarks(blank, blank, points, points + np.float32([2, 1]))
    np.testing.assert_allclose(found, points + np.float32([2, 1]), atol=1e-3)


def test_a_covered_part_does_not_spoil_the_rest(pairs):
    pair = pairs[1]
    points1, points2 = jittered(pair, 1)
    frame2 = pair.frame2.copy()
    x, y = pair.landmarks2[280].astype(int)
    frame2[y - 14 : y + 14, x - 14 : x + 14] = (30, 90, 200)
    found = match_landmarks(pair.frame1, frame2, points1, points2)
    far = (np.abs(pair.landmarks2 - (x, y)) > 40).any(axis=1)[ON_THE_MESH]
    assert far.mean() > 0.5
    assert displacement_errors(pair, points1, found)[far].mean() < 0.2


def test_a_face_partly_out_of_the_picture(pairs):
    pair = pairs[0]
    cut = np.s_[:, 110:]
    shift = np.float32([110, 0])
    found = match_landmarks(
        pair.frame1[cut], pair.frame2[cut], pair.landmarks1 - shift, pair.landmarks2 - shift
    )
    assert np.isfinite(found).all()
    assert np.median(displacement_errors(pair, pair.landmarks1, found + shift)) < 0.2


def test_wrong_landmarks(portrait, portrait_landmarks):
    with pytest.raises(InputError, match="landmarks"):
        match_landmarks(portrait, portrait, portrait_landmarks[:68], portrait_landmarks[:68])


@pytest.mark.real
def test_error_on_real_faces(real_data):
    from pipelines.io.pairs import list_pairs, read_pair
    from pipelines.landmarks.detector import FaceMesh, find_face

    means = []
    with FaceMesh() as face_mesh:
        for name in list_pairs(real_data / "portraits_truth"):
            pair = read_pair(real_data / "portraits_truth", name)
            points = [find_face(face_mesh, frame, name).landmarks for frame in (pair.frame1, pair.frame2)]
            label = make_label("mesh_matched", pair.frame1, pair.frame2, *points)
            measured = pair.face & label.valid
            means.append(np.linalg.norm(label.flow - pair.flow, axis=-1)[measured].mean())
    assert np.mean(means) <= 0.16
