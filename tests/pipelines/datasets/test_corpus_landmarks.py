"""Pairs with the landmarks that a corpus hands out, 68 or 49 of them, from the clip to batches."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.datasets.clip import Clip
from pipelines.image.bicubic import warp_back_bicubic
from pipelines.io.images import write_image
from pipelines.landmarks.face_mesh import IBUG_68
from pipelines.records.build_config import BuildConfig
from pipelines.records.clip_records import build_clip
from pipelines.records.manifest import Manifest, write_manifest
from pipelines.training_data.input_pipeline import InputConfig, flow_batches
from pipelines.training_data.sources import open_source

#: Without the jaw line and the inner corners of the mouth, as in BP4D.
POINTS = {68: IBUG_68, 49: np.delete(IBUG_68, [*range(17), 60, 64])}
SHIFT = 3.0  # pixels a frame


@pytest.fixture(params=POINTS)
def source(request, tmp_path, portrait, portrait_landmarks):
    """Records of a portrait that stands still while its landmarks say that it moves to the right."""
    left, top = 60, 0
    for number in range(3):
        write_image(tmp_path / "clip" / f"{number}.png", portrait[top:320, left:380])
    points = portrait_landmarks[POINTS[request.param]] - np.float32([left, top])
    own = [points + np.float32([SHIFT * number, 0]) for number in range(3)]
    clip = Clip("anna", "clip", tmp_path / "clip", landmarks=lambda: own)
    config = BuildConfig(landmarks="corpus", smooth=False)
    report = build_clip(clip, tmp_path, config, "key")
    write_manifest(tmp_path, Manifest("corpus", config, {}, True, [report]))
    return open_source(tmp_path)


def test_synthesised(source):
    """Frame 2, which in the records is frame 1 again, is made anew, and moves as the landmarks say."""
    ((inputs, targets),) = flow_batches(source, InputConfig(size=128, label="synthesised"))
    flow, valid = targets["flow"].numpy(), targets["valid"].numpy()
    assert flow.shape == (2, 128, 128, 2)
    assert valid.mean() > 0.9  # the whole crop, but what leaves it
    assert flow[valid][:, 0].min() > SHIFT / 2  # crops are about as large as what they show
    np.testing.assert_allclose(flow[valid][:, 1], 0, atol=0.01)
    frames = zip(inputs["frame1"].numpy(), inputs["frame2"].numpy(), flow, valid, strict=True)
    for frame1, frame2, flow, valid in frames:
        back = warp_back_bicubic(frame2, flow)[valid]
        # Light: a straight line through the grey levels.
        gain, offset = np.polyfit(back.ravel(), frame1[valid].ravel(), 1)
        assert np.abs(gain * back + offset - frame1[valid]).mean() < 0.02


@pytest.mark.parametrize("label", ["mesh", "refined"])
def test_labels_of_face_mesh_alone_say_so(source, label):
    with pytest.raises(tf.errors.OpError, match=r"needs the 478 landmarks of Face Mesh.*use sparse"):
        list(flow_batches(source, InputConfig(size=64, label=label)))
