from pipelines.datasets.folder_tree import FolderTree
from pipelines.datasets.frames import loosely, missing_frames, numbered_frames


def frames_in(folder):
    return numbered_frames(FolderTree(folder), folder)


def test_frames_are_counted_padded_or_not(tmp_path, touch):
    touch(
        tmp_path,
        ["img9.jpg", "img10.jpg", "img100.jpg", "img0101.jpg", "img11.jpg", "._img12.jpg", "Thumbs.db"],
    )
    frames = frames_in(tmp_path)
    assert frames.numbers == (9, 10, 11, 100, 101)
    assert frames.files[4] == tmp_path / "img0101.jpg"
    assert frames.repairs == ()
    assert missing_frames(frames.numbers) == [
        "88 frame(s) missing (12-99); no consecutive pair spans the gap"
    ]


def test_the_last_number_counts(tmp_path, touch):
    touch(tmp_path, ["006_05562.jpg", "006_05563.jpg", "006_05565.jp2.jpg"])
    assert frames_in(tmp_path).numbers == (2, 5562, 5563)
    touch(tmp_path / "a", ["reg_img7.bmp", "7.1_left.png"])
    assert frames_in(tmp_path / "a").numbers == (1, 7)


def test_files_without_a_number_of_their_own(tmp_path, touch):
    touch(tmp_path, ["img1.jpg", "img01.jpg", "cover.jpg"])
    frames = frames_in(tmp_path)
    assert frames.numbers == (1,)
    assert sorted(frames.repairs) == [
        "cover.jpg has no frame number; skipped",
        "img1.jpg has the same frame number as img01.jpg; skipped",
    ]


def test_frames_of_an_interval(tmp_path, touch):
    touch(tmp_path, [f"img{number}.jpg" for number in (3, 4, 6, 7)])
    frames = frames_in(tmp_path)
    assert frames.cut(4, 6).numbers == (4, 6)
    assert [path.name for path in frames.cut(4, 6).files] == ["img4.jpg", "img6.jpg"]
    assert frames.cut(8, 9).numbers == ()
    assert frames.cut(float("-inf"), float("inf")) == frames
    assert frames.shifted(100).numbers == (103, 104, 106, 107)


def test_names_are_compared_loosely():
    assert loosely("Sub01/EP02_01f") == loosely("sub1/ep2_01F")
    assert loosely("s1_ne_01") != loosely("s1_ne_11")


def test_copies_and_sizes_in_names(tmp_path, touch):
    touch(tmp_path / "copies", ["img46.jpg", "img46(1).jpg", "img47.jpg", "img47 (2).jpg"])
    frames = frames_in(tmp_path / "copies")
    assert frames.numbers == (46, 47)
    assert sorted(frames.repairs) == [
        "img46(1).jpg is a copy of img46.jpg; skipped",
        "img47 (2).jpg is a copy of img47.jpg; skipped",
    ]
    touch(tmp_path / "renamed", ["frame.jpg", "frame (1).jpg", "frame (2).jpg"])
    assert frames_in(tmp_path / "renamed").numbers == (1, 2)
    sizes = [f"img{k}_224x224.jpg" for k in (9, 10, 11)]
    touch(tmp_path / "sizes", sizes)
    frames = frames_in(tmp_path / "sizes")
    assert (frames.numbers, frames.repairs) == ((9, 10, 11), ())
    touch(tmp_path / "stray", [*sizes, "img9_224x224 (1).jpg", "preview1.jpg"])
    frames = frames_in(tmp_path / "stray")
    assert frames.numbers == (9, 10, 11)
    assert frames.repairs == (
        "img9_224x224 (1).jpg is a copy of img9_224x224.jpg; skipped",
        "preview1.jpg has no frame number; skipped",
    )
