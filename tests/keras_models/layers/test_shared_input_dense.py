import numpy as np

from keras_models.layers.ensemble import EnsembleDense
from keras_models.layers.shared_input_dense import SharedInputDense


def test_equals_a_dense_layer_on_repeated_inputs():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((5, 7)).astype(np.float32)
    shared, apart = SharedInputDense(3, 4, "relu"), EnsembleDense(4, "relu")
    repeated = np.repeat(inputs[:, None], 3, axis=1)
    outputs = shared(inputs)
    apart(repeated)
    assert [w.shape for w in shared.get_weights()] == [w.shape for w in apart.get_weights()]
    apart.set_weights(shared.get_weights())
    np.testing.assert_allclose(outputs, apart(repeated), atol=1e-6)
    kernel, bias = shared.get_weights()
    np.testing.assert_allclose(outputs[:, 1], np.maximum(inputs @ kernel[1] + bias[1], 0), atol=1e-5)
