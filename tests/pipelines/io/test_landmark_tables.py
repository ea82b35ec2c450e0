"""Files as OpenFace, py-feat and 300-W write landmarks, made from their documented fields."""

import csv

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.io.landmark_tables import parse_source, read_landmarks, read_pair_landmarks
from pipelines.labels import make_label
from pipelines.landmarks.face_mesh import IBUG_68

XY = [f"{axis}_{k}" for axis in "xy" for k in range(68)]


@pytest.fixture
def tracks(portrait_landmarks):
    """68 points in three frames, float32 [3, 68, 2], with as many decimals as OpenFace writes."""
    points = portrait_landmarks[IBUG_68]
    moved = points + np.sin(np.arange(136).reshape(68, 2)) * 3
    return np.stack([points, moved, moved + [2, 1]]).round(1).astype(np.float32)


def flat(points):
    return [f"{value:.1f}" for value in points.T.ravel()]


def write_openface(
    path, tracks, rows=None, header=("frame", "face_id", "timestamp", "confidence", "success")
):
    """OpenFace puts a blank before each name and value."""
    rows = rows or [(k + 1, 0, k / 30, 0.98, 1, points) for k, points in enumerate(tracks)]
    with path.open("w") as lines:
        lines.write(", ".join([*header, "gaze_0_x", *XY, "AU01_r"]) + "\n")
        for *values, points in rows:
            lines.write(", ".join([*map(str, values), "0.1", *flat(points), "0.5"]) + "\n")
    return path


def write_pyfeat(path, tracks, rows=None):
    rows = rows or [(k, 0.99, points) for k, points in enumerate(tracks)]
    names = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore", *XY, "Pitch", "AU01"]
    with path.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow([*names, "anger", "input", "frame"])
        for frame, score, points in rows:
            written = [""] * 136 if points is None else flat(points)
            writer.writerow([10, 10, 90, 90, score, *written, 0.1, 0.2, 0.3, "clip.mp4", frame])
    return path


def write_pts(path, points, first=0.0):
    lines = "\n".join(f"{x:.1f} {y:.1f}" for x, y in points + first)
    path.write_text(f"version: 1\nn_points:  68\n{{\n{lines}\n}}\n")
    return path


def test_all_programs_files_give_the_same_points(tmp_path, tracks):
    (tmp_path / "dlib").mkdir()
    (tmp_path / "300w").mkdir()
    for k, points in enumerate(tracks):
        write_pts(tmp_path / "dlib" / f"{k + 9}.pts", points)  # 9.pts comes before 10.pts
        write_pts(tmp_path / "300w" / f"{k + 9}.pts", points, first=1.0)
    tables = [
        read_landmarks("openface", write_openface(tmp_path / "o.csv", tracks), 3),
        read_landmarks("pyfeat", write_pyfeat(tmp_path / "p.csv", tracks), 3),
        read_landmarks("pts", tmp_path / "dlib", 3),
        read_landmarks("ibug", tmp_path / "300w", 3),
    ]
    for table in tables:
        np.testing.assert_allclose(np.stack(table.points), tracks, atol=1e-4)
        assert table.issues == ()


def test_they_give_the_label_of_the_same_points(tmp_path, tracks, portrait):
    expected = make_label("sparse", portrait, portrait, tracks[0], tracks[1])
    for source in (
        f"openface:{write_openface(tmp_path / 'o.csv', tracks[:2])}",
        f"pyfeat:{write_pyfeat(tmp_path / 'p.csv', tracks[:2])}",
        f"pts:{write_pts(tmp_path / '1.pts', tracks[0])},{write_pts(tmp_path / '2.pts', tracks[1])}",
    ):
        points, issues = read_pair_landmarks(source)
        label = make_label("sparse", portrait, portrait, *points)
        np.testing.assert_array_equal(label.valid, expected.valid)
        np.testing.assert_allclose(label.flow, expected.flow, atol=1e-4)
        assert issues == ()


def test_faces_that_openface_has_lost_or_is_unsure_of(tmp_path, tracks):
    rows = [(1, 0, 0.0, 0.98, 1, tracks[0]), (2, 0, 0.1, 0.1, 0, tracks[0]), (4, 0, 0.3, 0.5, 1, tracks[1])]
    table = read_landmarks("openface", write_openface(tmp_path / "o.csv", tracks, rows), 5)
    assert [points is None for points in table.points] == [False, True, True, True, True]
    assert table.issues == (
        "1 frame(s) with a confidence below 0.7; counted as without a face",
        "2 of 5 frame(s) have no row; counted as without a face",
    )


def test_openface_of_a_picture(tmp_path, tracks):
    rows = [(0, 0.98, tracks[0]), (1, 0.97, 0.5 * tracks[1])]
    path = write_openface(tmp_path / "o.csv", tracks, rows, header=("face", "confidence"))
    table = read_landmarks("openface", path)
    (points,) = table.points
    np.testing.assert_array_equal(points, tracks[0])  # the larger one
    assert table.issues == ("1 frame(s) with several faces; using the one that is in most frames",)


def test_a_false_detection_is_no_face_however_large(tmp_path, tracks):
    false = 1.5 * tracks + [40, 30]
    rows = [row for k in range(3) for row in ((k, 0.99, tracks[k]), (k, 0.55, false[k]))]
    table = read_landmarks("pyfeat", write_pyfeat(tmp_path / "p.csv", tracks, rows), 3)
    np.testing.assert_array_equal(np.stack(table.points), tracks)
    assert table.issues == ("3 frame(s) with several faces; using the one that is in most frames",)
    rows = [(k + 1, 1, 0, 0.3, 1, false[k]) for k in range(3)]
    rows += [(k + 1, 0, 0, 0.95, 1, tracks[k]) for k in range(2)]
    table = read_landmarks("openface", write_openface(tmp_path / "o.csv", tracks, rows), 3)
    np.testing.assert_array_equal(np.stack(table.points[:2]), tracks[:2])
    assert table.points[2] is None
    assert "1 frame(s) with a confidence below 0.7; counted as without a face" in table.issues


def test_the_face_that_is_in_most_frames_is_followed(tmp_path, tracks):
    far = tracks + [300, 0]
    rows = [(1, 1, 0, 0.9, 1, 1.2 * far[0]), (1, 0, 0, 0.9, 1, tracks[0])]
    rows += [(2, 0, 0, 0.9, 1, tracks[1]), (3, 0, 0, 0.9, 1, tracks[2])]
    table = read_landmarks("openface", write_openface(tmp_path / "o.csv", tracks, rows), 3)
    np.testing.assert_array_equal(np.stack(table.points), tracks)
    # py-feat has no names for faces: the largest of the first frame is followed.
    rows = [
        (0, 0.9, 0.3 * far[0]),
        (0, 0.9, tracks[0]),
        (1, 0.9, tracks[1]),
        (1, 0.9, far[1]),
        (2, 0.9, None),
    ]
    table = read_landmarks("pyfeat", write_pyfeat(tmp_path / "p.csv", tracks, rows), 3)
    np.testing.assert_array_equal(np.stack(table.points[:2]), tracks[:2])
    assert table.points[2] is None


def test_files_that_are_of_something_else(tmp_path, tracks):
    path = write_openface(tmp_path / "o.csv", tracks)
    with pytest.raises(InputError, match=r"row for frame 3, the clip has 2 frames \(counted from 1\)"):
        read_landmarks("openface", path, 2)
    path.write_text("frame, timestamp, confidence, success, AU01_r\n1, 0, 0.9, 1, 0.5\n")
    with pytest.raises(InputError, match=r"no column x_0.*-2Dfp"):
        read_landmarks("openface", path)
    path.write_bytes(b"\xff\xd8\xff\xe0 a picture")
    with pytest.raises(InputError, match="not a CSV file"):
        read_landmarks("pyfeat", path)
    path.write_text(",".join(XY) + "\n" + ",".join(["a"] * 136) + "\n")
    with pytest.raises(InputError, match="row 2 is damaged"):
        read_landmarks("pyfeat", path)
    path.write_text(",".join(XY) + "\n")
    with pytest.raises(InputError, match="no rows"):
        read_landmarks("pyfeat", path)
    path = write_pts(tmp_path / "1.pts", tracks[0][:51])
    with pytest.raises(InputError, match="51 points; 68 are needed"):
        read_landmarks("pts", path)
    path.write_text("68\n1 2\n")
    with pytest.raises(InputError, match=r"not a \.pts file"):
        read_landmarks("pts", path)
    with pytest.raises(InputError, match="no such file"):
        read_landmarks("pts", tmp_path / "absent")
    with pytest.raises(
        InputError, match="write KIND:FILE, where KIND is one of: openface, pyfeat, pts, ibug"
    ):
        parse_source("opencv:a.csv")
    with pytest.raises(InputError, match="landmarks of two pictures are needed"):
        read_pair_landmarks(f"openface:{write_openface(tmp_path / 'three.csv', tracks)}")
