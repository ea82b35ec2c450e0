"""Pictures as files: right answers, and refusals before anything is decoded."""

import io
import resource
import struct
import zlib

import cv2
import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import predict_pb2
from serving.protocol.tensors import to_array, to_proto
from serving.runtime.image_headers import check_images, image_size

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def saved(picture, kind, **options):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width, height, rows=b""):
    """A PNG with right checksums that claims a size, and whatever rows."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def request(file1, file2=None):
    pairs = zip(("frame1", "frame2"), (file1, file2 or file1), strict=True)
    inputs = {name: to_proto(np.array([file], object)) for name, file in pairs}
    made = predict_pb2.PredictRequest(inputs=inputs)
    made.model_spec.name, made.model_spec.signature_name = "face_flow", "encoded"
    return made


def test_png_gives_the_flow_of_its_pixels(caller, client, frames):
    frame1, frame2 = frames((20, 30, 3))
    response = caller.stub.Predict(request(saved(frame1, "png"), saved(frame2, "png")))
    np.testing.assert_array_equal(to_array(response.outputs["flow"])[0], client.flow(frame1, frame2))


def test_jpeg_gives_about_the_flow_of_its_pixels(caller, client, portrait):
    frame1, frame2 = (cv2.resize(portrait, (48, 40)) for _ in range(2))
    files = [saved(frame, "jpeg", quality=95, subsampling=0) for frame in (frame1, frame2[::-1])]
    read = [cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)[..., ::-1] for file in files]
    response = caller.stub.Predict(request(*files))
    np.testing.assert_allclose(to_array(response.outputs["flow"])[0], client.flow(*read), atol=0.05)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from(
        [("png", {}), ("jpeg", {}), ("jpeg", {"progressive": True}), ("jpeg", {"comment": b"\xff\xc0" * 20})]
    ),
)
def test_size_as_pillow_wrote_it(width, height, kind):
    picture = np.zeros((height, width, 3), np.uint8)
    assert image_size(saved(picture, kind[0], **kind[1])) == (width, height)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=80), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xc0"])
)
def test_any_bytes_have_a_size_or_none(data, start):
    size = image_size(start + data)
    assert size is None or len(size) == 2


PICTURE = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
REFUSED = {
    "50,000 x 50,000": (png_of(50_000, 50_000), "holds images of 50000x50000 pixels"),
    "bomb": (png_of(20_000, 20_000, bytes(60_001 * 300)), "holds images of 20000x20000 pixels"),
    "animated GIF": (
        saved(PICTURE, "gif", save_all=True, append_images=[Image.fromarray(PICTURE[::-1])] * 5),
        "no complete JPEG or PNG",
    ),
    "BMP": (saved(PICTURE, "bmp"), "no complete JPEG or PNG"),
    "JPEG cut off in its header": (saved(PICTURE, "jpeg")[:100], "no complete JPEG or PNG"),
    "JPEG cut off": (saved(PICTURE, "jpeg")[:-200], "Invalid JPEG"),
    "PNG cut off": (saved(PICTURE, "png")[:-200], ""),
    "PNG of a size that it has not": (png_of(40, 40, b"\0" * 50), ""),
    "nothing": (b"", "no complete JPEG or PNG"),
    "text": (b"frame1.png", "no complete JPEG or PNG"),
    "path": (b"/etc/passwd", "no complete JPEG or PNG"),
}


@pytest.mark.parametrize(("file", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_and_memory_flat(caller, file, message):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        code, said = caller.refusal(request(file))
        assert code is INVALID
        assert message in said
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # kilobytes
    assert grown < 100_000  # decoded, the smallest of the large ones has 1.2 million


def test_pictures_of_two_sizes(caller):
    message = "all images must have the same size, but have 40x40, 40x41 pixels"
    taller = np.zeros((41, 40, 3), np.uint8)
    assert caller.refusal(request(saved(PICTURE, "png"), saved(taller, "png"))) == (INVALID, message)


def test_pictures_count_together():
    files = np.array([saved(PICTURE, "png")] * 3, object)
    check_images({"frame1": files}, 3 * 3 * 1600)
    with pytest.raises(ServingError, match="more than this server's limit of 14399 elements"):
        check_images({"frame1": files}, 3 * 3 * 1600 - 1)
