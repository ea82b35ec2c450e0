import numpy as np
import tensorflow as tf

from keras_models.flow.flownet_c import flownet_c


def test_the_correlation_sees_where_a_feature_went():
    """A point that moves by 16 px along x is, on 1/8 of the grid, one shift of 2 places: column 11 of 21."""
    model = flownet_c(width=0.0625)
    seen = tf.keras.Model(model.inputs, model.get_layer("correlation").output)
    first = np.full((1, 128, 128, 3), 0.43, np.float32)
    first[0, 60:68, 60:68] = 1
    second = np.roll(first, 16, axis=2)
    # Frame 1's place (8, 8), where the point is, against all places of frame 2.
    cost = seen({"frame1": first, "frame2": second}).numpy()[0, 8, 8].reshape(21, 21)
    still = seen({"frame1": first, "frame2": first}).numpy()[0, 8, 8].reshape(21, 21)
    assert np.unravel_index(np.argmax(still), (21, 21)) == (10, 10)
    assert np.unravel_index(np.argmax(cost), (21, 21)) == (10, 11)
