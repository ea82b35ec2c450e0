from pathlib import Path

import pytest

from pipelines.datasets.clip import Clip
from pipelines.errors import InputError
from pipelines.micro_expressions.clip_features import clip_features, feature_options

FRAMES = tuple(Path(f"img{k}.png") for k in range(9))


@pytest.mark.parametrize(
    ("corpus", "coded", "message"),
    [
        ("casme2", {"apex": 4}, "its onset is not known"),
        ("casme2", {"onset": 2}, "its apex is not known"),
        ("casme2", {"onset": 4, "apex": 4}, "its apex, frame 4, is not after its onset, frame 4"),
        ("smic", {"onset": 8}, "its apex, frame 8, is not after its onset, frame 8"),  # spotted up to the end
    ],
)
def test_a_clip_without_two_frames_has_no_features(corpus, coded, message, tmp_path):
    def refuse(frame1, frame2):
        raise AssertionError("the flow is not needed")

    clip = Clip("sub01", "clip", tmp_path, FRAMES, **coded)
    with pytest.raises(InputError, match=message):
        clip_features(corpus, clip, refuse, refuse, None, tmp_path, feature_options("dis", True))


def test_a_video_without_an_offset_is_not_spotted(tmp_path):
    clip = Clip("sub01", "clip", tmp_path / "x.avi", onset=0)
    with pytest.raises(InputError, match="its offset is not known"):
        clip_features("smic", clip, None, None, None, tmp_path, feature_options("dis", True))
