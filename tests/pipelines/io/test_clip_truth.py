import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.io.clip_truth import (
    ClipEvent,
    ClipTruth,
    TrueMotion,
    list_clips,
    read_clip_truth,
    write_clip_frame,
    write_clip_truth,
)


@pytest.fixture
def clip(tmp_path):
    """A clip of two frames, written."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "00000"
    frames = rng.integers(0, 256, (2, 8, 10, 3), np.uint8)
    flow = rng.normal(size=(8, 10, 2)).astype(np.float32)
    motion = TrueMotion(flow, flow / 2, rng.random((8, 10)) > 0.5)
    write_clip_frame(folder, 0, frames[0], None)
    write_clip_frame(folder, 1, frames[1], motion)
    events = (ClipEvent("micro", "positive", 1, 4, 9, 1.25),)
    face, regions = rng.random((8, 10)) > 0.5, rng.integers(0, 8, (8, 10), np.uint8)
    landmarks = rng.normal(size=(2, 478, 2)).astype(np.float32)
    truth = ClipTruth(folder, "micro", 30.0, face, regions, landmarks, events)
    write_clip_truth(truth, {"seed": 3})
    return truth, frames, motion


def test_round_trip(clip):
    written, frames, motion = clip
    read = read_clip_truth(written.folder)
    assert (read.kind, read.rate, read.events, len(read)) == ("micro", 30.0, written.events, 2)
    np.testing.assert_array_equal(np.stack(list(read.frames())), frames)
    for name in ("flow", "head", "occluded"):
        np.testing.assert_array_equal(getattr(read.motion(1), name), getattr(motion, name))
    for name in ("face", "regions", "landmarks"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
    assert list_clips(written.folder.parent) == [written.folder]


def test_damage_is_named(clip):
    folder = clip[0].folder
    (folder / "events.csv").write_text("kind,label,onset,apex,offset,peak\nmicro,,one,2,3,4\n")
    with pytest.raises(InputError, match="00000: a file of the clip is damaged"):
        read_clip_truth(folder)
    (folder / "events.csv").unlink()
    with pytest.raises(InputError, match=r"events\.csv: no such file"):
        read_clip_truth(folder)


def test_folder_without_clips(tmp_path):
    with pytest.raises(InputError, match="no clips with truth"):
        list_clips(tmp_path)
