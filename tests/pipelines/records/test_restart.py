"""A build that is stopped, by whatever it may be, and started again."""

import errno
import fcntl
import os
import resource
import signal

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.io.images import read_image, write_image
from pipelines.records import builder
from pipelines.records.build_config import BuildConfig
from pipelines.records.builder import build
from pipelines.records.manifest import read_manifest
from pipelines.training_data.sources import open_source


def checksums(manifest):
    return {clip.clip: clip.sha256 for clip in manifest.clips}


def stopped_at(number, error):
    """Return a `build_clip` that raises `error` at its call `number`, and counts the clips that it built."""
    built, real = [], builder.build_clip

    def build_clip(clip, *rest):
        if len(built) == number:
            raise error
        built.append(clip.name)
        return real(clip, *rest)

    return build_clip, built


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left", "x")])
def test_it_goes_on_where_it_stopped(tmp_path, clips_folder, monkeypatch, error):
    whole = build(clips_folder, tmp_path / "whole")
    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(builder, "build_clip", stopped_at(1, error)[0])
        with pytest.raises(type(error)):
            build(clips_folder, out)
    assert sorted(path.name for path in out.iterdir()) == ["anna-a.tfrecord", "manifest.json"]
    partial = read_manifest(out)
    assert not partial.complete
    assert [clip.clip for clip in partial.clips] == ["anna-a"]
    with pytest.raises(InputError, match="the build is incomplete"):
        open_source(out)

    rest, built = stopped_at(-1, None)
    monkeypatch.setattr(builder, "build_clip", rest)
    again = build(clips_folder, out)
    assert built == ["anna-b", "bert-a"]
    assert again.complete
    assert again.clips == whole.clips
    for clip in whole.clips:
        assert (out / clip.shard).read_bytes() == (tmp_path / "whole" / clip.shard).read_bytes()
    build(clips_folder, out)
    assert len(built) == 2


def test_only_what_changed_is_built_again(tmp_path, portrait, monkeypatch):
    def clip(name, frames, shift=0):
        for number in range(frames):
            write_image(
                tmp_path / "clips" / name / f"{number}.png", np.roll(portrait, shift + number, 1)[:320]
            )

    clip("a", 2)
    clip("b", 2)
    out = tmp_path / "out"
    build(tmp_path / "clips", out)
    (out / ".a.tfrecord.k1ll3d").mkdir()  # what a process leaves that is killed while it writes
    (out / ".a.tfrecord.k1ll3d" / "a.tfrecord").write_bytes(b"half")
    clip("a", 2, shift=5)  # changed
    clip("c", 2)  # new
    (tmp_path / "clips" / "b").rename(tmp_path / "gone")
    counting, built = stopped_at(-1, None)
    monkeypatch.setattr(builder, "build_clip", counting)
    manifest = build(tmp_path / "clips", out)
    assert built == ["a", "c"]
    assert [clip.clip for clip in manifest.clips] == ["a", "c"]
    assert sorted(path.name for path in out.iterdir()) == [
        "a.tfrecord", "c.tfrecord", "manifest.json", "statistics.html"
    ]  # fmt: skip

    (out / "c.tfrecord").write_bytes(b"cut off")
    build(tmp_path / "clips", out)
    assert built == ["a", "c", "c"]


def test_two_builds_at_once(tmp_path, clips_folder):
    """The second one leaves alone what the first is writing."""
    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    writing = tmp_path / ".a.tfrecord.wr1t1ng"
    writing.mkdir()
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="another build"):
        build(clips_folder, tmp_path)
    assert writing.exists()
    assert (tmp_path / "manifest.json").exists()
    os.close(other)


def test_a_start_that_was_killed_before_its_first_clip(tmp_path, clips_folder):
    (tmp_path / ".a.tfrecord.k1ll3d").mkdir()
    assert build(clips_folder, tmp_path).pairs == 9
    assert not list(tmp_path.glob(".*"))


def test_a_folder_with_something_else_in_it(tmp_path, clips_folder):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="something in it"):
        build(clips_folder, tmp_path)
    with pytest.raises(InputError, match="is a file"):
        build(clips_folder, tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_manifest_of_something_else(tmp_path, clips_folder):
    (tmp_path / "manifest.json").write_text('{"name": "a web page"}')
    with pytest.raises(InputError, match="damaged"):
        build(clips_folder, tmp_path)
    assert (tmp_path / "manifest.json").read_text() == '{"name": "a web page"}'


def test_strict_stops_at_the_first_failure(tmp_path, clips_folder):
    source = tmp_path / "clips"
    (source / "a").mkdir(parents=True)
    (source / "a" / "broken.mp4").write_bytes(b"no video")
    (source / "b").symlink_to(clips_folder / "bert" / "a")
    with pytest.raises(InputError, match=r"broken\.mp4"):
        build(source, tmp_path / "out", strict=True)
    assert not (tmp_path / "out").exists()
    assert len(build(source, tmp_path / "out").failures) == 1


def test_a_failure_is_tried_again(tmp_path, clips_folder):
    source = tmp_path / "clips"
    source.mkdir()
    (source / "a").symlink_to(clips_folder / "bert" / "a")
    (source / "b.avi").write_bytes(b"not all of it has been copied yet")
    assert [clip.pairs for clip in build(source, tmp_path / "out").clips] == [3, 0]
    (source / "b.avi").unlink()
    (source / "b").symlink_to(clips_folder / "anna" / "a")
    assert [clip.pairs for clip in build(source, tmp_path / "out").clips] == [3, 3]


def test_full_disk(tmp_path, clips_folder):
    """A limit on the size of files stands in for a full disk, which would need a file system of our own."""
    frames = sorted((clips_folder / "bert" / "a").iterdir())
    for name, count in (("a", 2), ("b", 4)):
        for path in frames[:count]:
            write_image(tmp_path / "clips" / name / path.name, read_image(path))
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    pair = 2 * frames[0].stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * pair, limits[1]))  # one pair or two, not three
    try:
        with pytest.raises(OSError, match=r"b\.tfrecord") as stop:
            build(tmp_path / "clips", tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert stop.value.errno == errno.EFBIG
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.tfrecord", "manifest.json"]
    assert [clip.pairs for clip in build(tmp_path / "clips", tmp_path / "out").clips] == [1, 3]


def test_settings_that_cannot_be(tmp_path, clips_folder):
    for config, says in (
        (BuildConfig(pairs="backwards"), "unknown scheme"),
        (BuildConfig(label="magic"), "unknown label"),
        (BuildConfig(corpus="bp5d"), "unknown corpus"),
    ):
        with pytest.raises(InputError, match=says):
            build(clips_folder, tmp_path / "out", config)
    with pytest.raises(InputError, match="workers 0"):
        build(clips_folder, tmp_path / "out", workers=0)
    assert not (tmp_path / "out").exists()
