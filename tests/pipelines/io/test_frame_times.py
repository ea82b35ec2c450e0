from fractions import Fraction

import av
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.io.frame_times import frame_times, video_start
from pipelines.io.images import write_image
from pipelines.io.video import frame_rate, read_frames


@pytest.fixture
def phone(tmp_path):
    """A video of a phone: 12 frames, some of which come late, with frames that are stored out of order."""
    times = [0, 33, 67, 100, 200, 233, 267, 400, 433, 467, 500, 533]
    return write_timed(tmp_path / "phone.mp4", times), times


def write_timed(path, times):
    """Write a video whose frames have the given times, milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 30, options={"bf": "2"})
        stream.width = stream.height = 64
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_times_are_those_of_the_time_stamps(phone):
    path, times = phone
    np.testing.assert_allclose(frame_times(path, 12), np.array(times) / 1000, atol=1e-3)


def test_a_repeated_time_stamp_spoils_no_other(tmp_path, monkeypatch):
    """A clock that stands still for a frame, in a video whose second half is slower."""
    times = [0.0, 0.1, 0.2, 0.2, 0.4, 0.8, 1.2, 1.2, 1.2]
    monkeypatch.setattr("pipelines.io.frame_times._stamps", lambda path: np.array(times))
    path = write_timed(tmp_path / "x.mkv", range(0, 900, 100))
    expected = [0, 0.1, 0.2, 0.3, 0.4, 0.8, 1.2, 1.3, 1.4]
    np.testing.assert_allclose(frame_times(path, 9), expected, atol=1e-6)
    times[:] = [0.0] * 5 + [0.1, 0.1, 0.2, 0.3]  # too few are left
    np.testing.assert_allclose(frame_times(path, 9), np.arange(9) / 10, atol=1e-6)


def test_recordings_that_were_joined(tmp_path):
    """As cameras and `cat` join MPEG transport streams: the time stamps begin anew."""
    parts = []
    for name, frames in (("a", 60), ("b", 45)):
        with av.open(str(tmp_path / f"{name}.ts"), "w") as container:
            stream = container.add_stream("libx264", 25, options={"bf": "2", "g": "20"})
            stream.width = stream.height = 64
            stream.pix_fmt = "yuv420p"
            for number in range(frames):
                picture = np.full((64, 64, 3), 4 * number, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        parts.append((tmp_path / f"{name}.ts").read_bytes())
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts))
    count = sum(1 for _ in read_frames(path))
    assert count > 100
    times = frame_times(path, count)
    np.testing.assert_allclose(np.diff(times), 0.04, atol=0.002)
    assert frame_rate(path) == pytest.approx(25, rel=0.02)


@pytest.mark.parametrize("fall", [0.1, 0.7])
def test_times_never_fall(tmp_path, monkeypatch, fall):
    """By less than what recordings that begin anew fall by."""
    times = np.arange(12) / 10
    times[7:] -= fall
    monkeypatch.setattr("pipelines.io.frame_times._stamps", lambda path: times)
    path = write_timed(tmp_path / "x.mkv", range(0, 1200, 100))
    assert (np.diff(frame_times(path, 12)) > 0).all()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_video_whose_sound_begins_earlier(tmp_path, suffix):
    """Players count from the beginning of the file, also if its time stamps begin later, as in .ts."""
    path = tmp_path / f"late{suffix}"
    with av.open(str(path), "w") as container:
        video, sound = container.add_stream("mpeg4", 25), container.add_stream("mp2", 48000)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        for number in range(80):
            samples = np.zeros((1, 1152), np.int16)
            chunk = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            chunk.pts, chunk.sample_rate, chunk.time_base = 1152 * number, 48000, Fraction(1, 48000)
            container.mux(sound.encode(chunk))
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = 20 + number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux([*video.encode(), *sound.encode()])
    assert video_start(path) == pytest.approx(0.8, abs=0.03)
    np.testing.assert_allclose(frame_times(path, 10), np.arange(10) / 25, atol=1e-3)


def test_a_video_without_sound_starts_at_once(phone):
    assert video_start(phone[0]) == 0


def test_frames_without_a_stamp_go_on(phone):
    path, _ = phone
    times = frame_times(path, 14)
    assert len(times) == 14
    assert (np.diff(times) > 0).all()


def test_rate_of_a_folder_and_a_stated_one(tmp_path):
    write_image(tmp_path / "0.png", np.zeros((4, 4, 3), np.uint8))
    np.testing.assert_allclose(frame_times(tmp_path, 3), [0, 0.04, 0.08])
    np.testing.assert_allclose(frame_times(tmp_path, 3, rate=200), [0, 0.005, 0.01])
    with pytest.raises(InputError, match="rate 0"):
        frame_times(tmp_path, 3, rate=0)


def test_frames_behind_damaged_packets_keep_their_times(tmp_path, caplog):
    path = tmp_path / "damaged.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", 25)
        stream.width = stream.height = 32
        stream.pix_fmt = "rgb24"
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 10 * number, np.uint8), format="rgb24")
            for packet in stream.encode(frame):
                if 5 <= number < 10:
                    damaged = av.Packet(b"damaged")
                    damaged.pts, damaged.dts, damaged.time_base = packet.pts, packet.dts, packet.time_base
                    damaged.stream = packet.stream
                    packet = damaged
                container.mux(packet)
        container.mux(stream.encode())
    frames = list(read_frames(path))
    shown = [int(frame[0, 0, 0]) // 10 for frame in frames]
    assert shown == [*range(5), *range(10, 20)]
    np.testing.assert_allclose(frame_times(path, len(frames)), np.array(shown) / 25)
