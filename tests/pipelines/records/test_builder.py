import json
import shutil

import cv2
import numpy as np
import pytest
import tensorflow as tf

from pipelines.datasets.corpora import find_clips
from pipelines.errors import InputError
from pipelines.io import tfrecord_reader, tfrecord_writer
from pipelines.io.images import encode_png, read_image, write_image
from pipelines.io.video import frame_files
from pipelines.records.build_config import BuildConfig
from pipelines.records.builder import build
from pipelines.records.manifest import read_manifest


@pytest.fixture(scope="module")
def built(tmp_path_factory, clips_folder):
    folder = tmp_path_factory.mktemp("records")
    return folder, build(clips_folder, folder)


def read_all(folder):
    dataset = tf.data.TFRecordDataset(sorted(str(path) for path in folder.glob("*.tfrecord")))
    return [
        {key: value.numpy() for key, value in pair.items()} for pair in dataset.map(tfrecord_reader.parse)
    ]


def test_clips_of_a_folder(clips_folder):
    clips = find_clips("folder", clips_folder)
    assert [(clip.subject, clip.name) for clip in clips] == [
        ("anna", "anna-a"), ("anna", "anna-b"), ("bert", "bert-a")
    ]  # fmt: skip


def test_pairs_are_consecutive_and_never_span_two_clips(built):
    """Defect 4 of the paper's code: pairs from a sorted flat folder straddle two sequences."""
    folder, manifest = built
    pairs = read_all(folder)
    assert manifest.pairs == len(pairs) == 9  # three clips of four frames
    for clip in ("anna-a", "anna-b", "bert-a"):
        numbers = [pair["numbers"].tolist() for pair in pairs if pair["clip"] == clip.encode()]
        assert numbers == [[0, 1], [1, 2], [2, 3]]
    assert {pair["subject"] for pair in pairs if pair["clip"] == b"anna-b"} == {b"anna"}


def test_pairs_further_apart(tmp_path, clips_folder):
    manifest = build(clips_folder, tmp_path, BuildConfig(pairs="every:3"))
    pairs = read_all(tmp_path)
    assert manifest.settings.pairs == "every:3"
    assert [pair["numbers"].tolist() for pair in pairs] == [[0, 3]] * 3  # clips have four frames
    moves = [(pair["landmarks2"] - pair["landmarks1"]).mean(axis=0) for pair in pairs]
    np.testing.assert_allclose(np.mean(moves, axis=0), [6, 0], atol=0.5)
    with pytest.raises(InputError, match="every:0"):
        build(clips_folder, tmp_path, BuildConfig(pairs="every:0"))


def test_frames_are_lossless_and_in_counted_order(built, clips_folder):
    folder, _ = built
    pair = next(p for p in read_all(folder) if p["clip"] == b"anna-a" and p["numbers"][0] == 1)
    # The clip's files are 8.png, 9.png, 10.png, 11.png.
    np.testing.assert_array_equal(pair["frame1"], read_image(clips_folder / "anna" / "a" / "9.png"))
    np.testing.assert_array_equal(pair["frame2"], read_image(clips_folder / "anna" / "a" / "10.png"))


def test_landmarks_follow_the_motion(built):
    """The clips are a portrait that is shifted by exactly 2 px to the right a frame."""
    folder, _ = built
    moves = [(pair["landmarks2"] - pair["landmarks1"]).mean(axis=0) for pair in read_all(folder)]
    np.testing.assert_allclose(np.mean(moves, axis=0), [2, 0], atol=0.25)


def test_no_dense_flow_unless_it_is_known(built, tmp_path):
    folder, _ = built
    assert all(pair["flow"].size == 0 for pair in read_all(folder))
    flow = np.random.default_rng(0).normal(size=(6, 5, 2)).astype(np.float32)
    valid = flow[..., 0] > 0
    png, points = encode_png(np.zeros((6, 5, 3), np.uint8)), np.zeros((478, 2), np.float32)
    record = tfrecord_writer.PairRecord("s", "c", 3, 4, png, png, points, points, flow, valid)
    assert tfrecord_writer.write_shard(tmp_path / "x.tfrecord", [record]).pairs == 1
    (read,) = read_all(tmp_path)
    np.testing.assert_array_equal(read["flow"], flow)
    np.testing.assert_array_equal(read["valid"], valid)


def test_manifest(built):
    folder, manifest = built
    assert read_manifest(folder) == manifest
    assert json.loads((folder / "manifest.json").read_text())["clips"][0]["pairs"] == 3
    assert manifest.versions["mediapipe"].startswith("0.10")


def test_a_bad_clip_is_named_and_harms_no_other(tmp_path, clips_folder):
    source = tmp_path / "clips"
    for number in range(3):
        write_image(source / "wall" / f"{number}.png", np.full((80, 80, 3), 99, np.uint8))
    (source / "broken.mp4").write_bytes(b"no video")
    (source / "good").symlink_to(clips_folder / "bert" / "a")
    manifest = build(source, tmp_path / "out")
    assert [clip.pairs for clip in manifest.clips] == [0, 3, 0]
    broken, _, wall = manifest.clips
    assert "broken.mp4" in broken.failure
    assert "no face" in wall.failure
    assert wall.without_face == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "good.tfrecord", "manifest.json", "statistics.html"
    ]  # fmt: skip


def test_two_people_of_a_size_are_not_mixed_up(tmp_path, portrait):
    """The larger of two faces is another one in every frame; each pair must stay with one person."""
    head = portrait[20:240, 120:340]
    for number in range(6):
        frame = np.full((400, 800, 3), 127, np.uint8)
        sides = (300, 316) if number % 2 else (316, 300)
        for left, side in zip((40, 440), sides, strict=True):
            frame[40 : 40 + side, left : left + side] = cv2.resize(head, (side, side))
        write_image(tmp_path / "clips" / "two" / f"{number}.png", frame)
    manifest = build(tmp_path / "clips", tmp_path / "out")
    assert manifest.clips[0].with_several_faces > 0
    moves = [np.abs(p["landmarks2"] - p["landmarks1"]).max() for p in read_all(tmp_path / "out")]
    assert len(moves) >= 4
    assert max(moves) < 60  # the other person is 400 px away


def test_records_are_not_mixed_with_others(tmp_path, clips_folder):
    build(clips_folder / "bert", tmp_path / "out")
    before = sorted((path.name, path.read_bytes()) for path in (tmp_path / "out").iterdir())
    with pytest.raises(InputError, match=r"holds records with source .*bert"):
        build(clips_folder, tmp_path / "out")
    with pytest.raises(InputError, match="holds records with pairs consecutive"):
        build(clips_folder / "bert", tmp_path / "out", BuildConfig(pairs="every:2"))
    assert sorted((path.name, path.read_bytes()) for path in (tmp_path / "out").iterdir()) == before


def test_records_of_an_older_recipe_are_not_mixed_with_new_ones(tmp_path, clips_folder, monkeypatch):
    monkeypatch.setattr("pipelines.records.builder._RECIPE", 1)
    build(clips_folder / "bert", tmp_path / "out")
    monkeypatch.undo()
    with pytest.raises(InputError, match="holds records with recipe 1"):
        build(clips_folder / "bert", tmp_path / "out")


@pytest.mark.parametrize("name", ["ren\udce9", "n" * 245])
def test_a_name_that_no_page_or_no_file_can_have(tmp_path, clips_folder, name):
    """Not UTF-8, as in archives of other countries; or too long with the suffix: the others are built."""
    shutil.copytree(clips_folder, tmp_path / "clips")
    (tmp_path / "clips" / "bert" / "a").rename(tmp_path / "clips" / "bert" / name)
    manifest = build(tmp_path / "clips", tmp_path / "out")
    assert manifest.complete
    assert {"anna-a", "anna-b"} <= {clip.clip for clip in manifest.clips if clip.shard}
    assert "anna-a" in (tmp_path / "out" / "statistics.html").read_text()


def test_links_hidden_files_and_stray_pictures(tmp_path, clips_folder):
    source = tmp_path / "corpus"
    source.mkdir()
    (source / "linked").symlink_to(clips_folder / "anna")
    (source / "loop").symlink_to(source)
    write_image(source / "cover.png", np.zeros((8, 8, 3), np.uint8))
    (source / "own" / "a").mkdir(parents=True)
    for path in (clips_folder / "bert" / "a").iterdir():
        (source / "own" / "a" / path.name).write_bytes(path.read_bytes())
    (source / "own" / "a" / "._8.png").write_bytes(b"macOS leaves these")
    assert [clip.name for clip in find_clips("folder", source)] == ["linked-a", "linked-b", "own-a"]
    assert len(frame_files(source / "own" / "a")) == 4


def test_a_short_clip_says_so(tmp_path, clips_folder):
    with pytest.raises(InputError, match=r"4 frame\(s\) have no pair 'every:4'"):
        build(clips_folder / "bert", tmp_path / "out", BuildConfig(pairs="every:4"))


def test_nothing_usable(tmp_path):
    with pytest.raises(InputError, match="no such"):
        build(tmp_path / "absent", tmp_path / "out")
    with pytest.raises(InputError, match="no clips"):
        build(tmp_path, tmp_path / "out")
    (tmp_path / "x.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match=r"not one pair.*x\.mp4"):
        build(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="use one of: casme2"):
        build(tmp_path, tmp_path / "out", BuildConfig(corpus="bp5d"))


def test_two_clips_of_one_name(tmp_path):
    for suffix in ("mp4", "avi"):
        (tmp_path / f"x.{suffix}").write_bytes(b"")
    with pytest.raises(InputError, match="same name 'x'"):
        find_clips("folder", tmp_path)


def test_full_disk_while_writing(tmp_path):
    def endless():
        png, points = encode_png(np.zeros((64, 64, 3), np.uint8)), np.zeros((478, 2), np.float32)
        while True:
            yield tfrecord_writer.PairRecord("s", "c", 0, 1, png, png, points, points)

    (tmp_path / "out").mkdir()
    # A file system of 1 MB would need root; a file size limit makes the same failure.
    import resource
    import signal

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(OSError, match=r"x\.tfrecord"):
            tfrecord_writer.write_shard(tmp_path / "out" / "x.tfrecord", endless())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.real
def test_a_clip_that_loses_its_face(real_data, tmp_path):
    source = tmp_path / "clips"
    source.mkdir()
    (source / "cut.mov").symlink_to(real_data / "pyfeat" / "face_noface.mov")
    (report,) = build(source, tmp_path / "out").clips
    assert report.frames == 169
    assert report.without_face > 60
    assert report.pairs == report.frames - report.without_face - 1  # one run of frames with the face


def test_records_that_are_removed_are_named(tmp_path, clips_folder, caplog):
    """A folder that is not mounted, or was moved, costs its landmarks: that must be said."""
    shutil.copytree(clips_folder, tmp_path / "clips")
    build(tmp_path / "clips", tmp_path / "records")
    assert not caplog.records
    shutil.rmtree(tmp_path / "clips" / "bert")
    build(tmp_path / "clips", tmp_path / "records")
    assert "removed the records of 1 clips that are no longer in" in caplog.text
    assert "bert-a" in caplog.text
    assert not (tmp_path / "records" / "bert-a.tfrecord").exists()


def test_another_spelling_of_the_source_is_the_same_one(tmp_path, clips_folder):
    (tmp_path / "link").symlink_to(clips_folder)
    build(clips_folder, tmp_path / "records")
    build(tmp_path / "link", tmp_path / "records")
    build(clips_folder / "anna" / "..", tmp_path / "records")


def test_folders_named_by_date_keep_their_names(tmp_path, portrait):
    for day in ("2024.05.01", "2024.05.02"):
        write_image(tmp_path / "p1" / day / "0.png", portrait[:64, :64])
    assert [clip.name for clip in find_clips("folder", tmp_path)] == ["p1-2024.05.01", "p1-2024.05.02"]


def test_records_of_a_clip_that_fails_now_are_said_to_be_of_that(tmp_path, clips_folder, caplog):
    shutil.copytree(clips_folder, tmp_path / "clips")
    build(tmp_path / "clips", tmp_path / "records")
    next((tmp_path / "clips" / "bert" / "a").iterdir()).write_bytes(b"")
    manifest = build(tmp_path / "clips", tmp_path / "records")
    assert [clip.clip for clip in manifest.failures] == ["bert-a"]
    assert "removed the records of 1 clips that could not be built again" in caplog.text
    assert "no longer in" not in caplog.text
