"""TF Lite files, run by TF Lite's interpreter beside Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import serving.export.tflite_export
from keras_models.flow.flow_networks import build_network
from keras_models.layers.flow_layers import frame_inputs
from pipelines.errors import InputError
from serving.export.saved_model import export_flow
from serving.export.tflite_export import export_tflite, interpret


def shifted_by(offset):
    """A network whose flow is the first two channels of frame 1, and something more."""
    inputs = frame_inputs()
    shown = keras.layers.Lambda(lambda pair: pair[0][..., :2] + offset + 0.0 * pair[1][..., :2])
    return keras.Model(inputs, {"flow": shown(list(inputs.values()))})


def expected_of(model, frames):
    frame1, frame2 = np.float32(frames[:, 0]) / 255, np.float32(frames[:, 1]) / 255
    return model({"frame1": frame1, "frame2": frame2})["flow"].numpy()


@pytest.mark.slow
def test_uncertainty_is_an_output_as_well(tmp_path, capfd):
    """And the converter's list of operations is not shown."""
    keras.utils.set_random_seed(0)
    model = build_network("block_flow", width=0.25)
    content = export_tflite(model, tmp_path).read_bytes()
    assert "occurrences" not in "".join(capfd.readouterr())
    frames = np.random.default_rng(1).integers(0, 256, (1, 2, 70, 65, 3), np.uint8)
    expected = model({f"frame{k + 1}": np.float32(frames[:, k]) / 255 for k in range(2)})
    found = interpret(content, frames)
    assert set(found) == {"flow", "uncertainty"}
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-3)


@pytest.mark.slow
def test_the_interpreter_gives_the_same_flow(tmp_path):
    """Sizes that the export itself does not try."""
    keras.utils.set_random_seed(0)
    model = build_network("flownet_s", width=0.0625)
    file = export_tflite(model, tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == [file]
    for shape in ((1, 2, 70, 65, 3), (3, 2, 64, 128, 3)):
        frames = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
        found = interpret(file.read_bytes(), frames)["flow"]
        np.testing.assert_allclose(found, expected_of(model, frames), atol=1e-3)


def test_inputs_and_outputs(tmp_path):
    content = export_tflite(shifted_by(0.0), tmp_path).read_bytes()
    interpreter = tf.lite.Interpreter(model_content=content)
    signatures = interpreter.get_signature_list()
    assert signatures == {"frames": {"inputs": ["frames"], "outputs": ["flow"]}}
    frames = np.random.default_rng(0).integers(0, 256, (2, 2, 3, 4, 3), np.uint8)
    flow = interpret(content, frames)["flow"]
    np.testing.assert_allclose(flow, np.float32(frames[:, 0, ..., :2]) / 255, atol=1e-6)


def test_order_of_two_frames(tmp_path):
    """Who converts a signature with two frames gets them by name, and in a list as frame 1, frame 2."""
    version = export_flow(shifted_by(0.0), tmp_path)
    content = tf.lite.TFLiteConverter.from_saved_model(
        str(version), signature_keys=["serving_float32"]
    ).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    details = interpreter.get_input_details()
    assert [one["name"].rpartition("_")[2] for one in details] == ["frame1:0", "frame2:0"]
    frames = np.random.default_rng(0).random((2, 1, 1, 1, 3)).astype(np.float32)
    by_name = interpreter.get_signature_runner()(frame2=frames[1], frame1=frames[0])["flow"]
    np.testing.assert_array_equal(by_name, frames[0, ..., :2])
    interpreter.allocate_tensors()
    for one, frame in zip(details, frames, strict=True):
        interpreter.set_tensor(one["index"], frame)
    interpreter.invoke()
    (flow,) = interpreter.get_output_details()
    np.testing.assert_array_equal(interpreter.get_tensor(flow["index"]), by_name)


def test_an_operation_that_tf_lite_lacks(tmp_path):
    inputs = frame_inputs()
    changed = keras.layers.Lambda(
        lambda pair: tf.image.adjust_contrast(pair[0], 2.0)[..., :2] + pair[1][..., :2]
    )
    model = keras.Model(inputs, {"flow": changed(list(inputs.values()))})
    says = r"face_flow\.tflite: not written, .* cannot convert it \(it lacks AdjustContrastv2\)$"
    with pytest.raises(InputError, match=says):
        export_tflite(model, tmp_path)
    assert not any(tmp_path.iterdir())


def test_what_differs_is_not_written(tmp_path, monkeypatch):
    """The interpreter is replaced by one that is off by a known number of pixels."""
    right = serving.export.tflite_export.interpret

    def wrong(content, frames):
        return {name: values + 0.25 for name, values in right(content, frames).items()}

    monkeypatch.setattr(serving.export.tflite_export, "interpret", wrong)
    (tmp_path / "face_flow.tflite").write_bytes(b"the one before")
    with pytest.raises(InputError, match=r"not written, .* by 0\.25 px on frames of 96x64 in a batch of 1"):
        export_tflite(shifted_by(0.0), tmp_path)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the one before"]
