"""Videos as phones, cameras, browsers and editors write them; frames are compared with those of ffmpeg."""

import io
import logging
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from pipelines.errors import InputError
from pipelines.io.frame_times import frame_times, video_start
from pipelines.io.video import is_clip, write_video
from pipelines.io.video_decoder import (
    TruncatedClipError,
    _has_profile,
    _upright,
    decode_video,
    video_rate,
)

MOVING = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=2")


def ffmpeg(*arguments):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def frames_of_ffmpeg(path, height, width):
    raw = ffmpeg("-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def cut_off(path, share=2 / 3):
    whole = path.read_bytes()
    short = path.with_name(f"cut_{path.name}")
    short.write_bytes(whole[: round(len(whole) * share)])
    return short


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    path = tmp_path_factory.mktemp("videos") / "plain.mp4"
    ffmpeg(*MOVING, "-g", 25, "-movflags", "+faststart", path)
    return path


@pytest.mark.parametrize(
    ("matrix", "shape"),
    [
        (("-display_rotation", 0), (64, 96)),
        (("-display_rotation", 90), (96, 64)),
        (("-display_rotation", 180), (64, 96)),
        (("-display_rotation", 270), (96, 64)),
        (("-display_rotation", 90, "-display_hflip"), (96, 64)),
        (("-display_hflip",), (64, 96)),
        (("-display_vflip",), (64, 96)),
    ],
)
def test_turned_videos_are_shown_as_ffmpeg_shows_them(plain, tmp_path, matrix, shape):
    path = tmp_path / "phone.mp4"
    ffmpeg(*matrix, "-i", plain, "-c", "copy", path)
    expected = frames_of_ffmpeg(path, *shape)
    frames = np.stack(list(decode_video(path)))
    np.testing.assert_array_equal(frames, expected)


@pytest.mark.parametrize(
    "matrix",
    [("-display_rotation", 90), ("-display_rotation", 270), ("-display_hflip",), ("-display_vflip",)],
)
def test_a_video_of_png_pictures_is_turned_too(tmp_path, matrix):
    plain, path = tmp_path / "plain.mov", tmp_path / "turned.mov"
    ffmpeg(*MOVING, "-frames:v", 3, "-c:v", "png", "-pix_fmt", "rgb24", plain)
    ffmpeg(*matrix, "-i", plain, "-c", "copy", path)
    expected = frames_of_ffmpeg(path, *((96, 64) if "-display_rotation" in matrix else (64, 96)))
    np.testing.assert_array_equal(np.stack(list(decode_video(path))), expected)


def test_side_data_of_a_frame_with_a_profile_are_not_read():
    """PyAV 18.1 breaks its memory then. Turns are known without them."""

    class Frame:
        rotation = 90

        @property
        def side_data(self):
            raise AssertionError("was read")

    picture = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(_upright(picture, Frame(), has_profile=True), np.rot90(picture))
    before, pixels = b"\x89PNG IHDR", b"IDAT pixels"
    assert _has_profile(before + b"iCCP profile" + pixels, "png")
    assert not _has_profile(before + pixels + b"iCCP", "png")
    assert not _has_profile(before + b"iCCP" + pixels, "mjpeg")


@pytest.mark.parametrize("container", ["avi", "mov", "mjpeg"])
def test_pictures_of_cameras_with_exif_make_a_video(tmp_path, container):
    frames, path = [], tmp_path / f"camera.{container}"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mjpeg", 25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        for number in range(4):
            exif, written = Image.Exif(), io.BytesIO()
            exif[0x010F] = "a camera"
            picture = np.full((64, 96, 3), 40 * number, np.uint8)
            Image.fromarray(picture).save(written, "jpeg", exif=exif, quality=95)
            packet = av.Packet(written.getvalue())
            packet.stream, packet.pts, packet.dts = stream, number, number
            packet.time_base = Fraction(1, 25)
            file.mux(packet)
            frames.append(picture)
    np.testing.assert_allclose(np.stack(list(decode_video(path))), np.stack(frames), atol=2)


def test_frames_are_contiguous(tmp_path):
    """FFmpeg pads rows of 90 pixels; NumPy would go through each of them pixel by pixel, in every use."""
    pictures = np.random.default_rng(0).integers(0, 256, (3, 40, 90, 3), np.uint8)
    write_video(tmp_path / "x.mp4", pictures, 25)
    assert all(frame.flags.c_contiguous for frame in decode_video(tmp_path / "x.mp4"))


@pytest.mark.parametrize("colours", ["bt709", "smpte170m"])
def test_colours_are_those_of_ffmpeg(tmp_path, colours):
    path = tmp_path / "x.mp4"
    ffmpeg(*MOVING, "-vf", f"scale=out_color_matrix={colours}", "-colorspace", colours, path)
    np.testing.assert_array_equal(np.stack(list(decode_video(path))), frames_of_ffmpeg(path, 64, 96))


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        *(
            (suffix, ())
            for suffix in (".mts", ".m2ts", ".ts", ".3gp", ".flv", ".gif", ".mov", ".mkv", ".wmv")
        ),
        (".ogv", ("-c:v", "libtheora")),
        (".webm", ("-c:v", "libvpx")),
        (".avi", ("-c:v", "mjpeg")),
        (".mp4", ("-c:v", "libsvtav1")),
    ],
)
def test_every_container_is_a_clip_and_is_decoded(tmp_path, suffix, options):
    path = tmp_path / f"x{suffix.upper()}"
    ffmpeg(*MOVING, *(("-s", "128x96") if suffix == ".3gp" else ()), *options, path)
    assert is_clip(path)
    assert sum(1 for _ in decode_video(path)) == 50
    assert video_rate(path) == pytest.approx(25, rel=1e-3)


@pytest.mark.parametrize(
    "suffix",
    [
        *(".mp4", ".avi", ".mkv", ".webm", ".ogv", ".mts", ".m2ts", ".mxf", ".y4m", ".wmv", ".mpg", ".flv"),
        ".gif",
    ],
)
def test_files_that_are_cut_off(tmp_path, suffix):
    """The intact frames are yielded before the error; the one in which the file ends is not."""
    codec = {".avi": "mjpeg", ".webm": "libvpx", ".ogv": "libtheora"}.get(suffix)
    codec = ("-c:v", codec) if codec else ()
    faststart = ("-movflags", "+faststart") if suffix == ".mp4" else ()
    path = tmp_path / f"x{suffix}"
    ffmpeg(*MOVING, *codec, *faststart, path)
    whole, frames = list(decode_video(path)), []
    with pytest.raises(TruncatedClipError, match=rf"cut_x\{suffix}: truncated"):
        for frame in decode_video(cut_off(path)):
            frames += [frame]
    frames = frames[:-1] if suffix == ".gif" else frames  # its decoder does not say which frame was cut
    assert 15 < len(frames) < 50
    np.testing.assert_array_equal(frames, whole[: len(frames)])


@pytest.mark.parametrize("suffix", [".mpg", ".avi", ".ts"])
def test_files_cut_off_inside_a_frame_that_others_refer_past(tmp_path, suffix):
    """Frames between two others (B) are stored behind both: the one shown last is not the one cut off."""
    path = tmp_path / f"x{suffix}"
    ffmpeg(*MOVING, "-c:v", "mpeg2video" if suffix == ".mpg" else "mpeg4", "-bf", 2, path)
    whole = np.stack(list(decode_video(path))).astype(int)
    for share in np.linspace(0.3, 0.95, 14):
        frames = []
        with pytest.raises(TruncatedClipError):
            for frame in decode_video(cut_off(path, share)):
                frames.append(frame)
        assert frames
        for frame in frames[-4:]:
            assert np.abs(whole - frame).mean(axis=(1, 2, 3)).min() == 0


def test_an_mp4_whose_recording_was_not_finished(tmp_path):
    ffmpeg(*MOVING, tmp_path / "x.mp4")
    with pytest.raises(TruncatedClipError, match="the index of the MP4 file"):
        list(decode_video(cut_off(tmp_path / "x.mp4")))


def test_a_clip_trimmed_without_encoding_is_whole(plain, tmp_path):
    """Its edit list shows part of what is stored, so that the index states more frames than there are."""
    path = tmp_path / "trimmed.mp4"
    ffmpeg("-ss", 0.6, "-i", plain, "-t", 0.8, "-c", "copy", path)
    expected = frames_of_ffmpeg(path, 64, 96)
    np.testing.assert_array_equal(np.stack(list(decode_video(path))), expected)


def test_sound_may_be_longer_than_the_picture(tmp_path):
    path = tmp_path / "x.wmv"
    ffmpeg(*MOVING, "-f", "lavfi", "-i", "sine=duration=5", path)
    assert sum(1 for _ in decode_video(path)) == 50


def test_a_variable_frame_rate(plain, tmp_path):
    """Every third frame is left out in the second half: 42 frames in 2 seconds."""
    path = tmp_path / "x.webm"
    keep = "select='lt(n,25)+mod(n,3)'"
    ffmpeg("-i", plain, "-vf", keep, "-fps_mode", "vfr", "-c:v", "libvpx", path)
    assert sum(1 for _ in decode_video(path)) == len(frames_of_ffmpeg(path, 64, 96)) == 42
    # 41 steps from 0 to 1.96 seconds; those after the eighth last packet are not measured.
    assert video_rate(path) == pytest.approx(41 / 1.96, rel=0.08)


def test_a_header_as_browsers_write_it(plain, tmp_path):
    """A stream that is written while it is recorded states no duration, no count and no size."""
    path = tmp_path / "recorded.webm"
    path.write_bytes(ffmpeg("-i", plain, "-c:v", "libvpx", "-f", "webm", "-live", 1, "pipe:1"))
    assert sum(1 for _ in decode_video(path)) == 50
    assert video_rate(path) == pytest.approx(25, rel=1e-3)


def test_damage_inside_a_file_is_said(plain, tmp_path, caplog):
    whole = bytearray(plain.read_bytes())
    middle = whole.index(b"mdat") + (len(whole) - whole.index(b"mdat")) // 2
    whole[middle : middle + 300] = b"\xff" * 300
    (tmp_path / "x.mp4").write_bytes(whole)
    with caplog.at_level(logging.WARNING, "faceflow"):
        count = sum(1 for _ in decode_video(tmp_path / "x.mp4"))
    assert 40 < count <= 50
    assert count == 50 or "damaged packets were skipped" in caplog.text


@pytest.mark.parametrize(
    ("name", "says"),
    [("empty.mp4", "the file is empty"), ("text.mp4", "not a video"), ("sound.mp4", "has no video stream")],
)
def test_what_is_no_video_is_said_in_words_of_its_own(tmp_path, name, says):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video at all\n" * 20)
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", tmp_path / "sound.mp4")
    with pytest.raises(InputError, match=f"{name}: .*{says}"):
        list(decode_video(tmp_path / name))


def test_written_videos_are_read_by_ffmpeg(tmp_path):
    frames = [np.full((48, 65, 3), 40 * k, np.uint8) for k in range(5)]
    assert write_video(tmp_path / "x.mp4", frames, 29.97) == 5
    shown = frames_of_ffmpeg(tmp_path / "x.mp4", 48, 64)
    assert np.abs(shown[:, 24, 32].astype(int) - [[40 * k] * 3 for k in range(5)]).max() <= 2
    assert video_rate(tmp_path / "x.mp4") == pytest.approx(29.97, abs=1e-3)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "frames", "shape"),
    [
        ("phone_portrait.mp4", 96, (848, 480, 3)),
        ("trimmed_copy.mp4", 92, (360, 640, 3)),
        ("long_audio.wmv", 72, (360, 640, 3)),
        ("clip.mts", 30, (360, 640, 3)),
        ("av1.mp4", 30, (360, 640, 3)),
    ],
)
def test_files_of_other_people(real_data, name, frames, shape):
    path = real_data / "field_reports" / name
    decoded = list(decode_video(path))
    assert (len(decoded), decoded[0].shape) == (frames, shape)
    np.testing.assert_array_equal(decoded[-1], frames_of_ffmpeg(path, *shape[:2])[-1])


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".mkv"])
def test_titles_in_the_encoding_of_windows(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    ffmpeg(*MOVING, "-metadata", "title=Patient Mxller", "-c:v", "mpeg4", path)
    content = path.read_bytes()
    assert b"Mxller" in content
    path.write_bytes(content.replace(b"Mxller", "Müller".encode("latin-1")))
    assert len(list(decode_video(path))) == 50
    assert len(frame_times(path, 50)) == 50
    assert video_start(path) == 0


def test_a_file_cut_off_in_its_head(tmp_path):
    """FFmpeg reports an input/output error, which is none of this machine."""
    ffmpeg(*MOVING, tmp_path / "x.mkv")
    short = tmp_path / "short.mkv"
    short.write_bytes((tmp_path / "x.mkv").read_bytes()[:300])
    with pytest.raises(TruncatedClipError, match=r"short\.mkv: truncated"):
        list(decode_video(short))


def test_a_name_that_looks_like_a_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video(Path("10:30.mp4"), [np.zeros((32, 32, 3), np.uint8)] * 3, 25)
    assert len(list(decode_video(Path("10:30.mp4")))) == 3


def test_an_animated_webp_is_not_called_truncated(tmp_path):
    """FFmpeg 7 has no decoder for its frames, Pillow has."""
    first, *others = (Image.fromarray(np.full((32, 32, 3), 60 * k, np.uint8)) for k in range(4))
    first.save(tmp_path / "x.webp", save_all=True, append_images=others)
    with pytest.raises(InputError, match="cannot be decoded; convert it") as raised:
        list(decode_video(tmp_path / "x.webp"))
    assert not isinstance(raised.value, TruncatedClipError)
