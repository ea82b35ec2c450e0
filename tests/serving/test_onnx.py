import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

from keras_models.flow_layers import frame_inputs
from keras_models.networks import NETWORKS, build_network
from pipelines.errors import InputError
from serving.onnx import export_onnx


def network(name):
    """A narrow network whose estimates are some pixels long."""
    keras.utils.set_random_seed(0)
    model = build_network(name, width=0.0625)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.filters == 2:
            layer.kernel.assign(tf.random.normal(layer.kernel.shape, stddev=0.05, seed=1))
    return model


def agrees(file, model):
    """Sizes that the export itself does not try."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    assert {node.name for node in session.get_inputs()} == {"frame1", "frame2"}
    longest = 0
    for shape in ((3, 70, 65), (1, 1, 1), (1, 128, 64)):
        random = np.random.default_rng(1)
        frames = {name: random.random((*shape, 3)).astype(np.float32) for name in ("frame2", "frame1")}
        expected = model(frames)["flow"].numpy()
        np.testing.assert_allclose(session.run(["flow"], frames)[0], expected, atol=1e-3)
        longest = max(longest, np.abs(expected).max())
    return longest > 0.5


def test_onnx_runtime_gives_the_same_flow(tmp_path):
    model = network("flownet_s")
    file = export_onnx(model, tmp_path / "models")
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["face_flow.onnx"]
    assert agrees(file, model)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "flownet_s"])
def test_every_network_converts(tmp_path, name):
    model = network(name)
    assert agrees(export_onnx(model, tmp_path), model)


def test_what_converts_wrongly_is_not_written(tmp_path):
    """`resize(antialias=True)` is converted without a word and gives other numbers."""
    inputs = frame_inputs()
    half = keras.layers.Lambda(lambda x: tf.image.resize(x, tf.shape(x)[1:3] // 2, antialias=True))
    small = half(inputs["frame1"])[..., :2] * 9.0
    back = keras.layers.Lambda(lambda pair: tf.image.resize(pair[0], tf.shape(pair[1])[1:3]))
    model = keras.Model(inputs, {"flow": back((small, inputs["frame2"]))})
    (tmp_path / "face_flow.onnx").write_bytes(b"the one before")
    with pytest.raises(InputError, match=r"face_flow\.onnx: not written, .* by \d.* px on frames of 96x64"):
        export_onnx(model, tmp_path)
    assert (tmp_path / "face_flow.onnx").read_bytes() == b"the one before"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_cannot_be_converted(tmp_path):
    """An operation that ONNX does not have."""
    inputs = frame_inputs()
    flow = keras.layers.Lambda(lambda x: tf.math.bessel_i0(x)[..., :2])(inputs["frame1"])
    model = keras.Model(inputs, {"flow": flow + inputs["frame2"][..., :2]})
    with pytest.raises(InputError, match=r"face_flow\.onnx: not written, because"):
        export_onnx(model, tmp_path)
    assert not any(tmp_path.iterdir())
