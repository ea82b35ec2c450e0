"""Candidates of a video of the moved portrait, in which one micro-expression was put."""

import os

import numpy as np
import pytest

from keras_models.evaluation.spotting import spotting_methods as module
from keras_models.evaluation.spotting.spotting_methods import candidates_by
from pipelines.datasets.folder_tree import FrameFiles
from pipelines.datasets.long_video import LongVideo
from pipelines.errors import InputError
from pipelines.io.images import write_image

RATE, FRAMES, ONSET, APEX, OFFSET = 60, 121, 50, 60, 74  # every second frame is looked at


def video(folder):
    names = tuple(f"img{k}.png" for k in range(FRAMES))
    return LongVideo("s1", "v1", folder, FrameFiles(folder, names), RATE)


@pytest.fixture(scope="module")
def moving(tmp_path_factory, expressive):
    folder = tmp_path_factory.mktemp("moving")
    rng = np.random.default_rng(0)
    for k in range(FRAMES):
        strength = np.interp(k, [ONSET, APEX, OFFSET], [0, 0.6, 0], left=0, right=0)
        frame = expressive("surprise", round(float(strength), 2), 15)
        noisy = np.clip(frame + rng.normal(0, 1.5, frame.shape), 0, 255).astype(np.uint8)
        write_image(folder / f"img{k}.png", noisy)
    return video(folder)


@pytest.mark.parametrize(("method", "flow"), [("analyze", "fast"), ("flow", None)])
def test_the_expression_is_found_in_the_frames_of_the_video(moving, method, flow):
    best = max(candidates_by(method, flow)(moving), key=lambda one: one.score)
    assert abs(best.apex - APEX) <= 4
    assert abs(best.first - ONSET) <= 8
    assert abs(best.last - OFFSET) <= 8


def test_candidates_are_kept_until_a_frame_changes(moving, tmp_path, monkeypatch):
    first = candidates_by("frame_difference", cache=tmp_path)(moving)
    assert first
    monkeypatch.setattr(module, "video_segments", lambda *_: pytest.fail("computed anew"))
    assert candidates_by("frame_difference", "other", tmp_path)(moving) == first  # has no flow
    os.utime(moving.frames[60], (0, 0))
    with pytest.raises(pytest.fail.Exception, match="computed anew"):
        candidates_by("frame_difference", cache=tmp_path)(moving)


def test_a_damaged_file_of_candidates_is_computed_anew(moving, tmp_path):
    find = candidates_by("frame_difference", cache=tmp_path)
    first = find(moving)
    (kept,) = tmp_path.iterdir()
    for damaged in ("", '[{"kind": "micro"}]'):
        kept.write_text(damaged)
        assert find(moving) == first
    assert '"apex"' in kept.read_text()


def test_a_message_names_the_file_of_the_video(tmp_path):
    for k in range(FRAMES):
        write_image(tmp_path / f"img{k}.png", np.full((64, 64, 3), 90, np.uint8))
    for method in module.METHODS:
        with pytest.raises(InputError, match=f"^{tmp_path}: no face found"):
            candidates_by(method)(video(tmp_path))
    (tmp_path / "img4.png").write_bytes(b"no picture")
    for method in module.METHODS:
        with pytest.raises(InputError, match=f"{tmp_path}/img4.png"):
            candidates_by(method)(video(tmp_path))


def test_an_unknown_method_is_refused():
    with pytest.raises(InputError, match="unknown method 'magic'; use one of: analyze, flow"):
        candidates_by("magic")
