import json
import shutil

import pytest

import keras_models.presets
import serving.export.onnx_export
from keras_models.presets import preset_folder
from pipelines.errors import InputError
from serving.web.model_cache import cached_onnx, web_folder


@pytest.fixture
def converted(tmp_path, monkeypatch):
    """Names of the presets that were converted, by a stand-in that writes them into the file."""
    names = []

    def export(network, folder):
        names.append(network)
        folder.mkdir()
        (folder / "face_flow_frames.onnx").write_text(network)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(keras_models.presets, "load_network", lambda preset: f"network {len(names)}")
    monkeypatch.setattr(serving.export.onnx_export, "export_onnx", export)
    return names


def test_a_network_is_converted_once_and_again_after_training(tmp_path, converted):
    run = tmp_path / "run"
    shutil.copytree(preset_folder("default"), run)
    first = cached_onnx(str(run))
    assert cached_onnx(str(run)) == first
    assert first.read_text() == "network 0"
    assert first.is_relative_to(web_folder())
    weights = run / "network.weights.h5"
    weights.write_bytes(weights.read_bytes() + b"more")
    assert cached_onnx(str(run)).read_text() == "network 1"
    assert converted == ["network 0", "network 1"]


def test_a_conversion_that_fails_leaves_nothing(tmp_path, converted, monkeypatch):
    def export(network, folder):
        folder.mkdir()
        (folder / "face_flow_frames.onnx").write_text("half")
        raise InputError("not written")

    monkeypatch.setattr(serving.export.onnx_export, "export_onnx", export)
    with pytest.raises(InputError, match="not written"):
        cached_onnx("default")
    assert not list(web_folder().rglob("*.onnx"))


def test_what_is_no_network(tmp_path, converted):
    with pytest.raises(InputError, match="nothing: no such folder or preset"):
        cached_onnx("nothing")
    (tmp_path / "preset.json").write_text(json.dumps({"net": 1}))
    with pytest.raises(InputError, match="damaged"):
        cached_onnx(str(tmp_path))
    assert converted == []
