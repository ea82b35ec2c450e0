import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.flow.flow_networks import build_network
from serving.export.precision import bfloat16
from serving.export.saved_model import export_flow


@pytest.mark.slow
def test_a_version_in_bfloat16(tmp_path, frames):
    """Same weights, float32 on disk and at the edges, and nearly the same flow."""
    keras.utils.set_random_seed(0)
    network = build_network("flownet_s", width=0.0625)
    with bfloat16():
        fast = build_network("flownet_s", width=0.0625)
    fast.set_weights(network.get_weights())
    assert keras.mixed_precision.global_policy().name == "float32"
    version = export_flow(fast, tmp_path)
    loaded = tf.saved_model.load(str(version))
    assert {variable.dtype for variable in loaded.weights} == {tf.float32}
    given = {f"frame{k}": frame for k, frame in enumerate(frames((1, 64, 64, 3)), 1)}
    served = loaded.signatures["serving_default"](**{k: tf.constant(v) for k, v in given.items()})["flow"]
    expected = network({k: np.float32(v) / 255 for k, v in given.items()})["flow"].numpy()
    assert served.dtype == tf.float32
    error = np.abs(served - expected).max() / np.abs(expected).max()
    assert 1e-6 < error < 0.05  # bfloat16 has 8 bits of precision: neither equal nor far off
