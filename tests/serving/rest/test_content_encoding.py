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


def test_members_across_chunks():
    plain = np.random.default_rng(0).bytes(300_000)
    body = b"".join(gzip.compress(plain[k : k + 70_000]) for k in range(0, len(plain), 70_000))
    assert decompressed(body + b"padding", "gzip", len(plain)) == plain


def test_too_many_members():
    """Each takes time: 64 MiB of empty ones took half an hour."""
    with pytest.raises(ServingError, match="more than 2048 members"):
        decompressed(gzip.compress(b"") * 3000, "gzip", 1000)


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
