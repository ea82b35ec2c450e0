"""Orientation of image files inside the graph, held against Pillow's."""

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from serving.export.image_decoding import decode_images, exif_orientation
from serving.runtime import image_headers

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def saved(kind, orientation, order="<", picture=PICTURE):
    exif = Image.Exif()
    exif.endian = order
    exif[0x10F], exif[0x112] = "maker", orientation
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, exif=exif, quality=100, subsampling=0)
    return file.getvalue()


@pytest.fixture(scope="module")
def decode():
    return tf.function(decode_images, input_signature=[tf.TensorSpec([None], tf.string)])


@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(10))
def test_as_pillow_turns_it(decode, kind, order, orientation):
    file = saved(kind, orientation, order)
    pixels = tf.io.decode_image(file).numpy()  # JPEG decoders differ, so Pillow only turns them
    lossless = io.BytesIO(saved("png", orientation, order, pixels))
    expected = np.array(ImageOps.exif_transpose(Image.open(lossless)))
    (found,) = decode(tf.constant([file])).numpy()
    np.testing.assert_array_equal(found, expected)
    assert image_headers.image_size(file) == expected.shape[1::-1]


def test_files_of_a_batch_are_turned_each_by_its_own(decode):
    files = tf.constant([saved("png", 6), saved("png", 1, picture=np.rot90(PICTURE, -1).copy())])
    first, second = decode(files).numpy()
    np.testing.assert_array_equal(first, second)


read = tf.function(exif_orientation, input_signature=[tf.TensorSpec([], tf.string)])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([b"II*\0", b"MM\0*"]), st.sampled_from([b"Exif\0\0", b"eXIf"]))
def test_damaged_blocks_are_read_alike_in_the_graph_and_in_python(data, tiff, mark):
    file = b"\xff\xd8\xff\xe1" + mark + tiff + data
    assert int(read(file)) in range(1, 9)


def test_served(caller):
    """A picture that lies on its side gives the flow of the upright one."""
    from serving.protocol.stubs import predict_pb2
    from serving.protocol.tensors import to_proto

    def flow(orientation, picture):
        file = to_proto(np.array([saved("png", orientation, picture=picture)], object))
        request = predict_pb2.PredictRequest(inputs={"frame1": file, "frame2": file})
        request.model_spec.name, request.model_spec.signature_name = "face_flow", "encoded"
        return caller.stub.Predict(request).outputs["flow"]

    assert flow(6, PICTURE) == flow(1, np.rot90(PICTURE, -1).copy())
