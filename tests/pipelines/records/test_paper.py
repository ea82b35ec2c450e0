"""The paper's scheme, from rendered BP4D and CK+ to batches: 68 points, consecutive frames of one clip."""

import numpy as np
import pytest

from pipelines.records.build_config import BuildConfig
from pipelines.records.builder import build
from pipelines.synthetic.rendered_corpora import bp4d_writer, ckplus_writer, recording, render_corpus
from pipelines.training_data.input_pipeline import InputConfig, training_batches
from pipelines.training_data.sources import open_source


@pytest.fixture
def small(monkeypatch):
    """Pictures of a quarter of the area, and short clips."""
    for module in (ckplus_writer, bp4d_writer):
        for name in ("STUDIO", "COLOUR_STUDIO"):
            if hasattr(module, name):
                studio = getattr(module, name)
                shape = studio.shape[0] // 2, studio.shape[1] // 2
                monkeypatch.setattr(module, name, recording.Studio(shape, studio.rate, studio.grey))
    monkeypatch.setattr(bp4d_writer, "_FRAMES", 12)
    monkeypatch.setattr(bp4d_writer, "TASKS", bp4d_writer.TASKS[:2])


@pytest.mark.slow
@pytest.mark.parametrize("corpus", ["bp4d", "ckplus"])
@pytest.mark.parametrize("landmarks", ["face_mesh", "corpus"])
def test_from_the_corpus_to_batches(tmp_path, small, corpus, landmarks):
    render_corpus(corpus, tmp_path / "corpus", subjects=1, workers=1)
    config = BuildConfig(corpus=corpus, pairs="consecutive", landmarks=landmarks)
    manifest = build(tmp_path / "corpus", tmp_path / "out", config)
    assert not manifest.failures
    assert manifest.pairs <= sum(clip.frames - 1 for clip in manifest.clips)
    source = open_source(tmp_path / "out")
    batches = training_batches(source, InputConfig(size=64, batch_size=8, label="sparse"))
    frames = 0
    for inputs, targets in batches.take(manifest.pairs // 8):
        flow, valid = targets["flow"].numpy(), targets["valid"].numpy()
        assert inputs["frame1"].shape == (8, 64, 64, 3)
        assert 0.2 < valid.mean() < 0.8  # undefined outside of the points' hull
        assert np.isfinite(flow).all()
        assert 0.001 < np.abs(flow[valid]).mean() < 5
        frames += len(flow)
    assert frames == 8 * (manifest.pairs // 8)
