from pipelines.datasets.frames import frame_folders, loosely, numbered_frames


def test_frames_are_counted_padded_or_not(tmp_path, touch):
    touch(
        tmp_path,
        ["img9.jpg", "img10.jpg", "img100.jpg", "img0101.jpg", "img11.jpg", "._img12.jpg", "Thumbs.db"],
    )
    frames, repairs = numbered_frames(tmp_path)
    assert list(frames) == [9, 10, 11, 100, 101]
    assert frames[101] == tmp_path / "img0101.jpg"
    assert repairs == ["88 frame(s) missing (12-99); no consecutive pair spans the gap"]


def test_the_last_number_counts(tmp_path, touch):
    touch(tmp_path, ["006_05562.jpg", "006_05563.jpg", "006_05565.jpg"])
    frames, repairs = numbered_frames(tmp_path)
    assert list(frames) == [5562, 5563, 5565]
    assert repairs == ["1 frame(s) missing (5564); no consecutive pair spans the gap"]


def test_files_without_a_number_of_their_own(tmp_path, touch):
    touch(tmp_path, ["img1.jpg", "img01.jpg", "cover.jpg"])
    frames, repairs = numbered_frames(tmp_path)
    assert len(frames) == 1
    assert len(repairs) == 2
    assert any("cover.jpg has no frame number" in reason for reason in repairs)
    assert any("has the same frame number as" in reason for reason in repairs)


def test_folders_of_frames(tmp_path, touch):
    touch(tmp_path / "b" / "2", ["1.png"])
    touch(tmp_path / "b" / "1", ["1.bmp"])
    touch(tmp_path / "a", ["notes.txt"])
    touch(tmp_path / ".trash" / "1", ["1.png"])
    assert frame_folders(tmp_path) == [tmp_path / "b" / "1", tmp_path / "b" / "2"]


def test_names_are_compared_loosely():
    assert loosely("Sub01/EP02_01f") == loosely("sub1/ep2_01F")
    assert loosely("s1_ne_01") != loosely("s1_ne_11")
