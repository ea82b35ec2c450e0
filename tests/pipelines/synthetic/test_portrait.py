import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.image.warping import sample, warp_back
from pipelines.io.pairs import list_pairs, read_metadata, read_pair, write_pair
from pipelines.synthetic.portrait import PortraitMotion, moved_portrait

QUIET = PortraitMotion(gain=0, noise=0)


@pytest.fixture(scope="module")
def pairs(portrait, portrait_landmarks):
    return [moved_portrait(portrait, portrait_landmarks, QUIET, 0, number) for number in range(8)]


def test_frame_2_warped_back_is_frame_1(pairs):
    inner = np.s_[8:-8, 8:-8]
    residuals = [np.abs(warp_back(p.frame2, p.flow).astype(float) - p.frame1)[inner].mean() for p in pairs]
    still = [np.abs(p.frame2.astype(float) - p.frame1)[inner].mean() for p in pairs]
    assert np.mean(residuals) < 2.5  # of 255; what the two resamplings blur differently
    assert np.mean(residuals) < 0.4 * np.mean(still)


def test_landmarks_ride_on_the_flow(pairs):
    for pair in pairs:
        expected = sample(pair.flow, pair.landmarks1[None], interpolation=1)[0]
        np.testing.assert_allclose(pair.landmarks2 - pair.landmarks1, expected, atol=1e-3)


def test_landmarks_lie_on_the_face(pairs):
    """Face Mesh, asked about the new picture, finds the points where the pair says they are."""
    from pipelines.landmarks.detector import FaceMesh

    with FaceMesh() as face_mesh:
        found = [(face_mesh(pair.frame1), pair) for pair in pairs]
    distances = [np.linalg.norm(face.landmarks - p.landmarks1, axis=1).mean() for face, p in found if face]
    assert len(distances) >= 6
    assert max(distances) < 2.5


def test_the_flow_never_folds(pairs):
    for pair in pairs:
        (dxy, dxx), (dyy, dyx) = (np.gradient(pair.flow[..., k]) for k in range(2))
        assert ((1 + dxx) * (1 + dyy) - dxy * dyx).min() > 0


def test_the_same_numbers_give_the_same_pair(portrait, portrait_landmarks, pairs):
    again = moved_portrait(portrait, portrait_landmarks, QUIET, 0, 3)
    np.testing.assert_array_equal(again.frame2, pairs[3].frame2)
    other = moved_portrait(portrait, portrait_landmarks, QUIET, 1, 3)
    assert not np.array_equal(other.frame2, pairs[3].frame2)


def test_pairs_survive_their_files(tmp_path, pairs):
    write_pair(tmp_path, pairs[0])
    assert list_pairs(tmp_path) == ["00000"]
    assert read_metadata(tmp_path) == {}
    read = read_pair(tmp_path, "00000")
    for name in ("frame1", "frame2", "flow", "valid", "face", "regions", "landmarks1", "landmarks2"):
        np.testing.assert_array_equal(getattr(read, name), getattr(pairs[0], name), err_msg=name)


def test_landmarks_are_read_without_pythons_parser(tmp_path, pairs, monkeypatch):
    """Two threads in it at once fail now and then, and TensorFlow is in it whenever it traces a step."""
    write_pair(tmp_path, pairs[0])
    monkeypatch.setattr("ast.parse", None)
    np.testing.assert_array_equal(read_pair(tmp_path, "00000").landmarks2, pairs[0].landmarks2)


def test_landmarks_are_a_table_that_other_programs_read(tmp_path, pairs):
    write_pair(tmp_path, pairs[0])
    table = np.genfromtxt(tmp_path / "00000_landmarks.csv", delimiter=",", names=True, dtype=np.float32)
    np.testing.assert_array_equal(table["y2"], pairs[0].landmarks2[:, 1])


@pytest.mark.parametrize("damage", ["cut off", "one is absent", "too few", "not a number", "binary"])
def test_damaged_landmarks(tmp_path, pairs, damage):
    write_pair(tmp_path, pairs[0])
    path = tmp_path / "00000_landmarks.csv"
    text = path.read_text()
    header, _, *rows = text.splitlines(keepends=True)
    path.write_bytes(
        {
            "cut off": text[:-200],
            "one is absent": "x1,y1\n" + "".join(rows),
            "too few": header + "".join(rows),
            "not a number": header + "nan,1,2,3\n" + "".join(rows),
            "binary": "\udcff",
        }[damage].encode(errors="surrogateescape")
    )
    with pytest.raises(InputError, match=r"00000_landmarks\.csv"):
        read_pair(tmp_path, "00000")
