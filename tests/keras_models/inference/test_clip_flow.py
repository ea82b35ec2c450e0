import cv2
import numpy as np
import pytest

from keras_models.inference import clip_flow
from keras_models.inference.clip_flow import ranges, write_clip_flow
from keras_models.inference.estimators import get_estimator
from keras_models.inference.frame_flow import in_face_crop, in_whole_frame
from pipelines.errors import InputError
from pipelines.io.flow_io import read_flow
from pipelines.io.images import write_image
from pipelines.io.video import read_clip


@pytest.fixture(scope="module")
def whole():
    return in_whole_frame(get_estimator("dis_fast"))


@pytest.fixture
def moving(tmp_path, portrait):
    """Eight pictures of the portrait, moved by 2 px each."""
    for number in range(8):
        shifted = np.roll(portrait[:300, 80:380], 2 * number, axis=1)
        write_image(tmp_path / "clip" / f"{number}.png", shifted)
    return tmp_path / "clip"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_one_file_a_frame_and_a_video(moving, tmp_path, whole):
    done = []
    came_to = write_clip_flow(moving, tmp_path / "out", whole, progress=lambda *counts: done.append(counts))
    assert (came_to.flows, came_to.report()) == (7, "")
    assert names(tmp_path / "out") == [*(f"{k:05d}.flo" for k in range(7)), "flow.mp4"]
    flow, _ = read_flow(tmp_path / "out" / "00003.flo")
    np.testing.assert_allclose(np.median(flow[20:-20, 20:-20], axis=(0, 1)), [2, 0], atol=0.1)
    assert read_clip(tmp_path / "out" / "flow.mp4").shape == (7, 300, 600, 3)
    assert done[-1] == (7, 7)


@pytest.mark.parametrize("suffix", [".npz", ".png"])
def test_smaller_frames_and_other_formats(moving, tmp_path, whole, suffix):
    write_clip_flow(moving, tmp_path / "out", whole, suffix=suffix, size=150)
    flow, _ = read_flow(tmp_path / "out" / f"00000{suffix}")
    assert flow.shape == (150, 150, 2)
    np.testing.assert_allclose(np.median(flow[10:-10, 10:-10], axis=(0, 1)), [1, 0], atol=0.1)


def test_a_truncated_video_keeps_its_flows(moving, tmp_path, whole):
    path = tmp_path / "x.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (300, 300))
    for frame in read_clip(moving):
        writer.write(frame[..., ::-1])
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    came_to = write_clip_flow(path, tmp_path / "out", whole)
    assert 1 <= came_to.flows < 7
    assert "truncated" in came_to.failure
    marked = (tmp_path / "out" / "incomplete.txt").read_text()
    assert f"x.avi: truncated: the file ends inside a frame; {came_to.flows + 1} frames" in marked
    assert f"{came_to.flows} flows before it are here" in marked
    assert len(read_clip(tmp_path / "out" / "flow.mp4")) == came_to.flows


def test_frames_without_a_face_are_left_out_by_number(moving, tmp_path):
    for number in (3, 4):
        write_image(moving / f"{number}.png", np.full((300, 300, 3), 90, np.uint8))
    estimate = in_face_crop(get_estimator("zero"))
    came_to = write_clip_flow(moving, tmp_path / "out", estimate)
    assert came_to.without_face == [2, 3, 4]
    assert names(tmp_path / "out") == [
        *(f"{k:05d}.flo" for k in (0, 1, 5, 6)),
        "flow.mp4",
        "incomplete.txt",
    ]
    assert "no flow from frame 2-4 to the next" in (tmp_path / "out" / "incomplete.txt").read_text()
    assert len(read_clip(tmp_path / "out" / "flow.mp4")) == 7


def test_nothing_is_kept_where_there_is_no_face(tmp_path):
    for number in range(3):
        write_image(tmp_path / "clip" / f"{number}.png", np.full((64, 64, 3), 90, np.uint8))
    with pytest.raises(InputError, match="clip: no face found in any two consecutive frames"):
        write_clip_flow(tmp_path / "clip", tmp_path / "out", in_face_crop(get_estimator("zero")))
    assert names(tmp_path) == ["clip"]


@pytest.mark.parametrize(
    ("limit", "value", "says"),
    [
        (
            "_MOST_BYTES",
            1_000_000,
            "about 7 flows of 300x300 take 0.0 GB; add --yes to go ahead, reduce them",
        ),
        ("_MOST_SECONDS", 0.0, "and about 0 minutes; add --yes"),
    ],
)
def test_what_takes_much_is_said_first(moving, tmp_path, whole, monkeypatch, limit, value, says):
    monkeypatch.setattr(clip_flow, limit, value)
    with pytest.raises(InputError, match=says):
        write_clip_flow(moving, tmp_path / "out", whole)
    assert names(tmp_path) == ["clip"]
    assert write_clip_flow(moving, tmp_path / "out", whole, unlimited=True).flows == 7


def test_limits_hold_for_a_clip_that_begins_without_a_face(moving, tmp_path, monkeypatch):
    for number in range(3):
        write_image(moving / f"{number}.png", np.full((300, 300, 3), 90, np.uint8))
    monkeypatch.setattr(clip_flow, "_MOST_SECONDS", 0.0)
    with pytest.raises(InputError, match=r"about 7 flows of 300x300 take .* and about 0 minutes; add --yes"):
        write_clip_flow(moving, tmp_path / "out", in_face_crop(get_estimator("zero")))
    assert names(tmp_path) == ["clip"]


def test_a_disk_that_is_too_small(moving, tmp_path, whole, monkeypatch):
    usage = clip_flow.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(clip_flow.shutil, "disk_usage", lambda path: usage._replace(free=5_000_000))
    with pytest.raises(InputError, match=r"take 0\.0 GB, and the disk of .* has 0\.0 GB left"):
        write_clip_flow(moving, tmp_path / "out", whole, unlimited=True)


def test_a_clip_of_one_frame(tmp_path, whole):
    write_image(tmp_path / "clip" / "0.png", np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(InputError, match="clip: a clip of one frame has no flow"):
        write_clip_flow(tmp_path / "clip", tmp_path / "out", whole)


def test_ranges():
    assert ranges([7]) == "7"
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"
