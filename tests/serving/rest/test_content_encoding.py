"""Compressed bodies, made by gzip, and `.npz` files, read by NumPy."""

import gzip
import io

import numpy as np
import pytest

from serving.protocol.serving_error import ServingError
from serving.rest.content_encoding import decompressed, npz


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate, gzip", "my_gzip"])
def test_gzip(encoding):
    assert decompressed(gzip.compress(b"body"), encoding, 4) == b"body"


def test_gzip_of_several_members():
    """As `cat a.gz b.gz` makes them; the limit is that of all together."""
    body = gzip.compress(b"bo") + gzip.compress(b"dy") + gzip.compress(b"")
    assert decompressed(body, "gzip", 4) == b"body"
    with pytest.raises(ServingError, match="larger than max"):
        decompressed(body, "gzip", 3)
    with pytest.raises(ServingError, match="truncated"):
        decompressed(body[:-4], "gzip", 4)


def test_other_encodings_are_left_alone():
    assert decompressed(b"body", "", 1) == b"body"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"not gzip", "Failed to uncompress the gzipped body"),
        # Without the time in gzip's header: tests are named after these, alike in every worker.
        (gzip.compress(b"body", mtime=0)[:-9], "truncated"),
        (gzip.compress(bytes(1001), mtime=0), "larger than max"),
    ],
)
def test_errors(body, message):
    with pytest.raises(ServingError, match=message):
        decompressed(body, "gzip", 1000)


def test_npz():
    flow = np.random.default_rng(0).normal(size=(1, 2, 3, 2)).astype(np.float32)
    found = np.load(io.BytesIO(npz({"flow": flow, "labels": np.array([b"a", b"bc"], object)})))
    np.testing.assert_array_equal(found["flow"], flow)
    np.testing.assert_array_equal(found["labels"], [b"a", b"bc"])
