"""Whole files and their beginnings, written by ffmpeg."""

import subprocess

import imageio_ffmpeg
import pytest

from pipelines.io.container_ends import is_truncated

# Options of ffmpeg, and bytes at the end that hold no frames.
CONTAINERS = {
    ".mp4": (("-movflags", "+faststart"), 0),
    ".avi": (("-c:v", "mjpeg"), 0),
    ".mkv": ((), 0),
    ".webm": (("-c:v", "libvpx"), 0),
    ".ogv": (("-c:v", "libtheora"), 0),
    ".gif": ((), 0),
    ".ts": ((), 0),
    ".m2ts": (("-mpegts_m2ts_mode", 1), 0),
    ".mxf": (("-c:v", "mpeg2video"), 2000),  # the footer
    ".dv": (("-s", "720x576", "-pix_fmt", "yuv420p", "-frames:v", 7), 0),
    ".y4m": ((), 0),
}


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_whole_files_and_their_beginnings(tmp_path, suffix):
    options, footer = CONTAINERS[suffix]
    path = tmp_path / f"x{suffix}"
    source = ("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=1")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, *options, path]
    subprocess.run(list(map(str, command)), check=True)
    assert not is_truncated(path)
    whole = path.read_bytes()
    # Odd numbers of bytes: nobody can see that whole packets or frames of one size are missing.
    for missing in (footer + 1, len(whole) // 3 | 1, len(whole) // 2 | 1, len(whole) * 4 // 5 | 1):
        path.write_bytes(whole[:-missing])
        assert is_truncated(path), f"{missing} of {len(whole)} bytes missing"


@pytest.mark.parametrize("layout", ["420jpeg", "422", "444", "mono", "420p9", "420p10", "mono12"])
def test_pictures_of_yuv4mpeg(tmp_path, layout):
    """Sizes of a picture of 5 x 3 pixels, counted by hand: chrominance of 3 x 2, 3 x 3 and 5 x 3."""
    samples = {"420jpeg": 27, "422": 33, "444": 45, "mono": 15, "420p9": 54, "420p10": 54, "mono12": 30}[
        layout
    ]
    path = tmp_path / "x.y4m"
    whole = f"YUV4MPEG2 W5 H3 F25:1 C{layout}\n".encode() + 2 * (b"FRAME\n" + bytes(samples))
    path.write_bytes(whole)
    assert not is_truncated(path)
    path.write_bytes(whole[:-1])
    assert is_truncated(path)


def test_a_layout_whose_size_is_not_known(tmp_path):
    path = tmp_path / "x.y4m"
    path.write_bytes(b"YUV4MPEG2 W5 H3 F25:1 C444alpha\nFRAME\n" + bytes(60))
    assert not is_truncated(path)


def test_a_file_of_another_kind(tmp_path):
    path = tmp_path / "x.mp4"
    for content in (b"", b"G", b"text"):
        path.write_bytes(content)
        assert not is_truncated(path)
