import json
import shutil

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.io.flow_io import read_flow, write_flow
from pipelines.io.pairs import RENDER_SETTINGS
from pipelines.records.build_config import BuildConfig
from pipelines.records.builder import build
from pipelines.synthetic.renderer import render_pair
from pipelines.synthetic.renderer.generate import render_pairs
from pipelines.training_data.input_pipeline import InputConfig, flow_batches
from pipelines.training_data.sources import _RENDERED_SEED, open_source


def test_rendered_faces_are_drawn_while_reading():
    source = open_source("rendered:6")
    assert len(source) == 6
    assert len(source.subjects) == 2  # four pairs in a row show one person
    inputs, targets = (
        {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}
        for parts in zip(*flow_batches(source, InputConfig(size=256, batch_size=4, margin=5)), strict=True)
    )
    assert inputs["frame1"].shape == (6, 256, 256, 3)
    pair = render_pair(_RENDERED_SEED, 5)
    # With a wide margin the crop shows the whole picture, smaller: the flow shrinks with it.
    side = np.ceil(np.ptp(np.concatenate([pair.landmarks1, pair.landmarks2]), axis=0).max() * 11)
    valid = targets["valid"][5]
    mean = targets["flow"][5][valid].mean(axis=0)
    np.testing.assert_allclose(mean, pair.flow.mean(axis=(0, 1)) * 256 / side, rtol=0.1, atol=0.01)


def test_rendered_people_are_none_of_those_that_render_pairs_writes(tmp_path):
    """Otherwise whoever evaluates on these tests on the faces of the training."""
    render_pairs(tmp_path, 1, size=64, workers=1)
    settings = json.loads((tmp_path / RENDER_SETTINGS).read_text())
    assert settings["seed"] != _RENDERED_SEED


@pytest.mark.parametrize("lost", ["whole", "row"])
def test_interrupted_rendering_is_refused(tmp_path, lost):
    """Otherwise pairs of one person could be on both sides of the split."""
    render_pairs(tmp_path, 5, size=64, workers=1)
    table = tmp_path / "pairs.csv"
    rows = table.read_text().splitlines(keepends=True)
    table.write_text("".join(rows[:-1])) if lost == "row" else table.unlink()
    with pytest.raises(
        InputError, match=r"the rendering is incomplete.*run the same `faceflow render pairs`"
    ):
        open_source(tmp_path)
    render_pairs(tmp_path, 5, size=64, workers=1)
    assert open_source(tmp_path).subjects == {"0-00000", "0-00001"}


def test_a_source_that_has_changed_has_another_digest(tmp_path, pair_folder):
    folder = tmp_path / "pairs"
    shutil.copytree(pair_folder, folder)  # with the times of the files
    digest = open_source(pair_folder).digest
    assert open_source(folder).digest == digest
    flow, valid = read_flow(folder / "00000_flow.flo")
    write_flow(folder / "00000_flow.flo", 2 * flow, valid)  # of the same size
    changed = open_source(folder).digest
    assert changed != digest
    for path in folder.glob("*_landmarks*"):
        path.unlink()
    assert open_source(folder).digest not in (digest, changed)
    assert open_source("rendered:8").digest != open_source("rendered:9").digest


def test_records_that_were_built_otherwise_have_another_digest(tmp_path, clips_folder):
    labels = {"plain": "mesh", "again": "mesh", "other": "spline"}
    for name, label in labels.items():
        build(clips_folder, tmp_path / name, BuildConfig(label=label))
    digests = [open_source(tmp_path / name).digest for name in labels]
    assert digests[0] == digests[1] != digests[2]
