import os
import pickle
from pathlib import Path

import pytest

from pipelines.datasets import folder_tree
from pipelines.datasets.folder_tree import FolderTree, FrameFiles


def test_folders_of_pictures(tmp_path, touch):
    touch(tmp_path / "b" / "2", ["1.png"])
    touch(tmp_path / "b" / "1", ["1.BMP"])
    touch(tmp_path / "a", ["notes.txt"])
    touch(tmp_path / ".trash" / "1", ["1.png"])
    touch(tmp_path / "b.c", ["._1.png"])
    assert FolderTree(tmp_path).picture_folders(tmp_path) == [tmp_path / "b" / "1", tmp_path / "b" / "2"]


def test_links_are_followed_but_not_in_circles(tmp_path, touch):
    touch(tmp_path / "elsewhere" / "clip", ["1.png"])
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path / "corpus")
    tree = FolderTree(tmp_path / "corpus")
    assert tree.picture_folders(tree.root) == [tree.root / "linked" / "clip"]


def test_each_folder_is_listed_once(tmp_path, touch, monkeypatch):
    touch(tmp_path / "a" / "b", ["1.png"])
    listed, scandir = [], os.scandir
    monkeypatch.setattr(folder_tree.os, "scandir", lambda path: listed.append(path) or scandir(path))
    tree = FolderTree(tmp_path)
    for _ in range(3):
        assert tree.has("a", "b")
        assert tree.picture_folders(tmp_path) == [tmp_path / "a" / "b"]
        assert not tree.has("nothing", "here")
    assert sorted(listed) == [
        str(tmp_path),
        str(tmp_path / "a"),
        str(tmp_path / "a/b"),
        str(tmp_path / "nothing"),
    ]


def test_a_folder_that_cannot_be_listed_is_kept(tmp_path, touch, monkeypatch):
    touch(tmp_path / "locked", ["1.png"])
    scandir = os.scandir

    def refuse(path):
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(folder_tree.os, "scandir", refuse)
    tree = FolderTree(tmp_path)
    assert tree.picture_folders(tmp_path) == [tmp_path / "locked"]
    assert tree.listing(tmp_path / "locked").error == "Permission denied"


def test_frame_files_are_a_sequence_of_paths():
    frames = FrameFiles(Path("sub01/EP02"), ("img1.jpg", "img2.jpg", "img3.jpg"))
    assert list(frames) == [Path("sub01/EP02") / f"img{k}.jpg" for k in (1, 2, 3)]
    assert frames[1:] == FrameFiles(Path("sub01/EP02"), ("img2.jpg", "img3.jpg"))
    assert pickle.loads(pickle.dumps(frames)) == frames
    with pytest.raises(IndexError):
        frames[3]
