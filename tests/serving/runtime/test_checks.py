"""The checks alone, against requests that nobody thought of."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import meta_graph_pb2, predict_pb2, types_pb2
from serving.protocol.tensors import to_proto
from serving.runtime.checks import check_predict


def declare(info, dtype, shape):
    info.dtype = dtype
    for size in shape:
        info.tensor_shape.dim.add(size=size)


SIGNATURE = meta_graph_pb2.SignatureDef()
declare(SIGNATURE.inputs["frame1"], types_pb2.DT_UINT8, [-1, -1, -1, 3])
declare(SIGNATURE.inputs["frame2"], types_pb2.DT_UINT8, [-1, -1, -1, 3])
declare(SIGNATURE.outputs["flow"], types_pb2.DT_FLOAT, [-1, -1, -1, 2])

CHECKS_OF_FRAMES = ("declared_shape", "not_empty", "equal_shapes")
FRAME = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(1, 4, 5, 3)
GOOD = predict_pb2.PredictRequest(inputs={"frame1": to_proto(FRAME), "frame2": to_proto(FRAME)})


def test_good_request():
    arrays, outputs = check_predict(SIGNATURE, GOOD, 100)
    assert outputs == ["flow"]
    assert list(arrays) == ["frame1", "frame2"]
    np.testing.assert_array_equal(arrays["frame2"], FRAME)


@settings(max_examples=2000, deadline=None)
@given(st.data())
def test_mutated_requests_are_refused_or_are_what_tensorflow_reads(data):
    """Bytes changed, cut or put in anywhere: no other error, and never a shape that would be fatal."""
    wire = bytearray(GOOD.SerializeToString(deterministic=True))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(wire) - 1))
        kind = data.draw(st.sampled_from(["change", "cut", "put in"]))
        if kind == "change":
            wire[position] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del wire[position : position + data.draw(st.integers(1, 8))]
        else:
            wire[position:position] = data.draw(st.binary(min_size=1, max_size=8))
    try:
        request = predict_pb2.PredictRequest.FromString(bytes(wire))
        arrays, _ = check_predict(SIGNATURE, request, 100, CHECKS_OF_FRAMES)
    except (DecodeError, ServingError):
        return
    for name, array in arrays.items():
        assert array.dtype == np.uint8
        assert array.ndim == 4
        assert array.shape[3] == 3
        assert 0 < array.size <= 100
        read = tf.io.parse_tensor(request.inputs[name].SerializeToString(), tf.uint8)
        np.testing.assert_array_equal(array, read)
    assert arrays["frame1"].shape == arrays["frame2"].shape


def test_static_sizes_and_limits():
    request = predict_pb2.PredictRequest(inputs={"frame1": to_proto(FRAME), "frame2": to_proto(FRAME)})
    with pytest.raises(
        ServingError, match=r"^input frame1 has the shape \[1,4,5,3\], which is more than .* 59"
    ):
        check_predict(SIGNATURE, request, 59)
    check_predict(SIGNATURE, request, 60)
