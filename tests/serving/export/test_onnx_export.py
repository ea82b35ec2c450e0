import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from onnx import helper, numpy_helper

import serving.export.onnx_export
from keras_models.flow.flow_networks import NETWORKS, build_network
from keras_models.layers.flow_layers import frame_inputs
from pipelines.errors import InputError
from serving.export.onnx_export import export_onnx


def network(name, **more):
    """A narrow network whose estimates are some pixels long."""
    keras.utils.set_random_seed(0)
    model = build_network(name, width=0.0625, **more)
    for layer in model.layers:
        predicts = layer.name.endswith("_step") or getattr(layer, "filters", 0) == 2
        if isinstance(layer, keras.layers.Conv2D) and predicts:
            layer.kernel.assign(tf.random.normal(layer.kernel.shape, stddev=0.05, seed=1))
    return model


def agrees(file, model):
    """Sizes that the export itself does not try."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    assert [node.name for node in session.get_inputs()] == ["frame1", "frame2"]
    served = [name for name in ("flow", "uncertainty") if name in model.output]
    assert [node.name for node in session.get_outputs()] == served
    axes = [node.shape for node in (*session.get_inputs(), *session.get_outputs())]
    assert axes == [["batch", "height", "width", channels] for channels in (3, 3, 2, 1)[: len(axes)]]
    longest = 0
    for shape in ((3, 70, 65), (1, 1, 1), (1, 128, 64)):
        random = np.random.default_rng(1)
        frames = {name: random.random((*shape, 3)).astype(np.float32) for name in ("frame2", "frame1")}
        expected = model(frames)
        for name, values in zip(served, session.run(served, frames), strict=True):
            np.testing.assert_allclose(values, expected[name], atol=1e-3, rtol=1e-3)
        longest = max(longest, np.abs(expected["flow"]).max())
    return longest > 0.5


@pytest.mark.slow
def test_onnx_runtime_gives_the_same_flow(tmp_path):
    model = network("flownet_s")
    file, of_frames = export_onnx(model, tmp_path / "models")
    assert set((tmp_path / "models").iterdir()) == {file, of_frames}
    assert [file.name, of_frames.name] == ["face_flow.onnx", "face_flow_frames.onnx"]
    assert agrees(file, model)
    session = onnxruntime.InferenceSession(str(of_frames), providers=["CPUExecutionProvider"])
    assert [(node.name, node.type) for node in session.get_inputs()] == [("frames", "tensor(uint8)")]
    frames = np.random.default_rng(1).integers(0, 256, (2, 2, 33, 70, 3), np.uint8)
    frame1, frame2 = np.float32(frames[:, 0]) / 255, np.float32(frames[:, 1]) / 255
    expected = model({"frame1": frame1, "frame2": frame2})["flow"].numpy()
    np.testing.assert_allclose(session.run(["flow"], {"frames": frames})[0], expected, atol=1e-3)


@pytest.mark.slow
def test_several_flow_updates_convert(tmp_path):
    model = network("flownet_s", num_flow_updates=2)
    assert agrees(export_onnx(model, tmp_path)[0], model)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "flownet_s"])
def test_every_network_converts(tmp_path, name):
    model = network(name)
    assert agrees(export_onnx(model, tmp_path)[0], model)


def first_channels_plus(offset):
    """An ONNX graph by hand: flow = the first two channels of frame1, plus something."""
    frames = [helper.make_tensor_value_info(name, 1, [None, None, None, 3]) for name in ("frame1", "frame2")]
    flow = helper.make_tensor_value_info("flow", 1, [None, None, None, 2])
    numbers = {
        "from": np.array([0]),
        "to": np.array([2]),
        "axis": np.array([3]),
        "offset": np.float32([offset]),
    }
    nodes = [
        helper.make_node("Slice", ["frame1", "from", "to", "axis"], ["sliced"]),
        helper.make_node("Add", ["sliced", "offset"], ["flow"]),
    ]
    constants = [numpy_helper.from_array(value, name) for name, value in numbers.items()]
    graph = helper.make_graph(nodes, "by_hand", frames, [flow], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("offset", [0.0, 0.0009, 0.0011, 0.25, np.nan])
def test_what_differs_is_not_written(tmp_path, monkeypatch, offset):
    """The converter is replaced by one that is off by a known number of pixels."""
    inputs = frame_inputs()
    shown = keras.layers.Lambda(lambda pair: pair[0][..., :2] + 0.0 * pair[1][..., :2])
    model = keras.Model(inputs, {"flow": shown(list(inputs.values()))})
    monkeypatch.setattr(
        serving.export.onnx_export,
        "_convert",
        lambda folder, file: onnx.save(first_channels_plus(offset), str(file)),
    )
    (tmp_path / "face_flow.onnx").write_bytes(b"the one before")
    if offset < 0.001:
        export_onnx(model, tmp_path)
        assert (tmp_path / "face_flow.onnx").read_bytes() != b"the one before"
        (tmp_path / "face_flow_frames.onnx").unlink()
    else:
        says = rf"face_flow\.onnx: not written, .* by {offset:.3g} px on frames of 96x64 in a batch of 1"
        with pytest.raises(InputError, match=says):
            export_onnx(model, tmp_path)
        assert (tmp_path / "face_flow.onnx").read_bytes() == b"the one before"
    assert len(list(tmp_path.iterdir())) == 1


def test_half_precision_has_a_wider_tolerance(tmp_path, monkeypatch):
    inputs = frame_inputs()
    shown = keras.layers.Lambda(lambda pair: pair[0][..., :2] + 0.0 * pair[1][..., :2])
    model = keras.Model(inputs, {"flow": shown(list(inputs.values()))})
    for offset, passes in ((0.009, True), (0.011, False)):
        monkeypatch.setattr(
            serving.export.onnx_export,
            "_convert",
            lambda folder, file, offset=offset: onnx.save(first_channels_plus(offset), str(file)),
        )
        if passes:
            export_onnx(model, tmp_path, fp16=True)
        else:
            with pytest.raises(InputError, match=r"by 0\.011 px on frames of 96x64 .*; 0\.01 is allowed"):
                export_onnx(model, tmp_path, fp16=True)


@pytest.mark.slow
def test_what_cannot_be_converted(tmp_path):
    """tf2onnx makes an invalid graph of `resize(antialias=True)`, without a word."""
    inputs = frame_inputs()
    half = keras.layers.Lambda(lambda x: tf.image.resize(x, tf.shape(x)[1:3] // 2, antialias=True))
    back = keras.layers.Lambda(lambda pair: tf.image.resize(pair[0], tf.shape(pair[1])[1:3]))
    model = keras.Model(inputs, {"flow": back((half(inputs["frame1"])[..., :2], inputs["frame2"]))})
    with pytest.raises(InputError, match=r"face_flow\.onnx: not written, because"):
        export_onnx(model, tmp_path)
    assert not any(tmp_path.iterdir())
