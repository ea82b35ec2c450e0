import numpy as np
import pytest

from faceflow import cli
from keras_models.inference import clip_flow
from keras_models.inference.estimators import get_estimator
from keras_models.inference.reference_flow import write_reference_flow
from pipelines.errors import InputError
from pipelines.io.flow_io import read_flow
from pipelines.io.images import write_image
from pipelines.landmarks.face_mesh import face_mask


@pytest.fixture(scope="module")
def clip(portrait, tmp_path_factory):
    """The portrait, shifted by 2 px to the right and 1 px up in each frame; the fourth is blank."""
    folder = tmp_path_factory.mktemp("shifted") / "clip"
    for number in range(5):
        frame = np.roll(portrait, (-number, 2 * number), axis=(0, 1))
        write_image(folder / f"{number}.png", np.full_like(frame, 90) if number == 3 else frame)
    return folder


def test_flow_from_a_frame_in_the_middle(clip, portrait_landmarks, portrait, tmp_path):
    came_to = write_reference_flow(clip, tmp_path / "out", get_estimator("dis_fine"), 1)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["00000.flo", "00001.flo", "00002.flo", "00004.flo", "flow.mp4", "incomplete.txt"]
    face = face_mask(portrait_landmarks + [2, -1], portrait.shape[:2])
    for number in (0, 1, 2, 4):
        flow, valid = read_flow(tmp_path / "out" / f"{number:05d}.flo")
        assert (valid & face).sum() > 0.8 * face.sum()
        assert not valid[:5].any()
        expected = [2 * (number - 1), 1 - number]
        assert np.linalg.norm(flow - expected, axis=-1)[valid].mean() < 0.15
    assert came_to.report() == "no flow from frame 1 to frame 3: no face, or another one"
    assert came_to.report() in (tmp_path / "out" / "incomplete.txt").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--reference", "9"], "--reference 9: the clip has 5 frames, 0 to 4"),
        (["--reference", "3"], "--reference 3: no face found in this frame; name another one"),
        (["--reference", "0", "--size", "64"], "--reference is for a clip, with a local model"),
    ],
)
def test_bad_references(clip, tmp_path, monkeypatch, capsys, options, message):
    out = tmp_path / "out"
    monkeypatch.setattr("sys.argv", ["faceflow", "flow", str(clip), "-o", str(out), *options])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("limit", "says"), [("_MOST_BYTES", r"take 0\.0 GB; add"), ("_MOST_SECONDS", "and about 0 minutes; add")]
)
def test_limits(clip, tmp_path, monkeypatch, limit, says):
    monkeypatch.setattr(clip_flow, limit, 0)
    with pytest.raises(InputError, match=f"{says} --yes to go ahead, or write --format npz or png$"):
        write_reference_flow(clip, tmp_path / "out", get_estimator("zero"), 1)
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_of_a_clip_without_a_face(tmp_path):
    write_image(tmp_path / "clip" / "0.png", np.full((64, 64, 3), 90, np.uint8))
    with pytest.raises(InputError, match="no face found"):
        write_reference_flow(tmp_path / "clip", tmp_path / "out", get_estimator("zero"), 0)
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]
