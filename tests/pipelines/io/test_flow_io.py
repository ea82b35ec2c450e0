import io
import struct

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.errors import InputError
from pipelines.io.flow_io import read_flow, write_flow


def some_flow(shape=(7, 5), seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 20, (*shape, 2)).astype(np.float32), rng.random(shape) > 0.3


@pytest.mark.parametrize("suffix", [".flo", ".npz", ".pfm", ".FLO", ".NPZ", ".PFM"])
def test_round_trip_is_exact(tmp_path, suffix):
    flow, valid = some_flow()
    write_flow(tmp_path / f"x{suffix}", flow, valid)
    read, read_valid = read_flow(tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(read_valid, valid)
    np.testing.assert_array_equal(read[valid], flow[valid])
    assert (read[~valid] == 0).all()


@given(dx=st.floats(-500, 500), dy=st.floats(-500, 500))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_kitti_rounds_to_1_64_px(tmp_path, dx, dy):
    flow = np.full((2, 3, 2), (dx, dy), np.float32)
    write_flow(tmp_path / "x.png", flow)
    np.testing.assert_allclose(read_flow(tmp_path / "x.png")[0], flow, atol=1 / 128 + 1e-6)


def test_flo_equals_opencv(tmp_path):
    flow, _ = some_flow()
    write_flow(tmp_path / "ours.flo", flow)
    np.testing.assert_array_equal(cv2.readOpticalFlow(str(tmp_path / "ours.flo")), flow)
    cv2.writeOpticalFlow(str(tmp_path / "theirs.flo"), flow)
    np.testing.assert_array_equal(read_flow(tmp_path / "theirs.flo")[0], flow)


def test_flo_bytes_by_hand(tmp_path):
    (tmp_path / "x.flo").write_bytes(struct.pack("<fii4f", 202021.25, 2, 1, 1.5, -2.0, 1e10, 0.0))
    flow, valid = read_flow(tmp_path / "x.flo")
    assert flow.shape == (1, 2, 2)
    np.testing.assert_array_equal(flow[0, 0], [1.5, -2.0])  # x first, then y
    np.testing.assert_array_equal(valid, [[True, False]])  # above 1e9: unknown


def test_kitti_channels_by_hand(tmp_path):
    # KITTI's red is u, green v, blue validity; (value - 2^15) / 64.
    bgr = np.array([[[1, 32768 - 64, 32768 + 128], [0, 0, 0]]], np.uint16)
    cv2.imwrite(str(tmp_path / "x.png"), bgr)
    flow, valid = read_flow(tmp_path / "x.png")
    np.testing.assert_array_equal(flow[0, 0], [2.0, -1.0])
    np.testing.assert_array_equal(valid, [[True, False]])


def test_pfm_equals_opencv(tmp_path):
    """Rows from the bottom up, x first; OpenCV hands the channels out in reverse order."""
    flow, _ = some_flow()
    write_flow(tmp_path / "ours.pfm", flow)
    theirs = cv2.imread(str(tmp_path / "ours.pfm"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(theirs[..., ::-1][..., :2], flow)
    cv2.imwrite(str(tmp_path / "theirs.pfm"), theirs)
    np.testing.assert_array_equal(read_flow(tmp_path / "theirs.pfm")[0], flow)


def test_pfm_with_the_other_order_of_bytes_by_hand(tmp_path):
    body = struct.pack(">6f", 3, 4, 0, 1.5, -2, 0)  # the lower row first
    (tmp_path / "x.pfm").write_bytes(b"PF\n1 2\n1.0\n" + body)
    flow, valid = read_flow(tmp_path / "x.pfm")
    np.testing.assert_array_equal(flow[:, 0], [[1.5, -2], [3, 4]])
    assert valid.all()


def test_half_precision_and_an_archive_without_a_mask(tmp_path):
    flow = np.float16([[[0.5, -3], [np.nan, 1]]])
    np.savez(tmp_path / "x.npz", flow=flow)
    read, valid = read_flow(tmp_path / "x.npz")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read[0], [[0.5, -3], [0, 0]])
    np.testing.assert_array_equal(valid, [[True, False]])
    write_flow(tmp_path / "y.flo", flow)
    np.testing.assert_array_equal(read_flow(tmp_path / "y.flo")[0], read)


@pytest.mark.parametrize("suffix", [".flo", ".png", ".npz", ".pfm"])
def test_nan_is_not_valid(tmp_path, suffix):
    flow = np.zeros((2, 2, 2), np.float32)
    flow[0, 0, 1] = np.nan
    write_flow(tmp_path / f"x{suffix}", flow)
    flow, valid = read_flow(tmp_path / f"x{suffix}")
    assert np.isfinite(flow).all()
    np.testing.assert_array_equal(valid, [[False, True], [True, True]])


@pytest.mark.real
def test_flo_of_mmflow(real_data):
    flow, valid = read_flow(real_data / "flow_io" / "00001_flow.flo")
    np.testing.assert_array_equal(flow, cv2.readOpticalFlow(str(real_data / "flow_io" / "00001_flow.flo")))
    assert valid.all()


@pytest.mark.real
def test_pfm_of_mmflow_is_no_flow(real_data):
    """Occlusion weights have one channel."""
    with pytest.raises(InputError, match="three channels"):
        read_flow(real_data / "flow_io" / "0000000-occ_weights_01.pfm")


def _npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _damaged_npz():
    file = io.BytesIO()
    np.savez_compressed(file, flow=np.random.default_rng(0).normal(size=(9, 9, 2)))
    content = bytearray(file.getvalue())
    content[80:90] = bytes(10)
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.flo", b"", "must begin with"),
        ("x.flo", struct.pack("<fii", 1.0, 1, 1), "must begin with"),
        ("x.flo", struct.pack("<fii3f", 202021.25, 2, 1, 0, 0, 0), "needs 28"),
        ("x.flo", struct.pack("<fii", 202021.25, -1, 4), "damaged"),
        ("x.flo", struct.pack("<fii", 202021.25, 2**30, 2**30), "damaged"),
        ("x.png", b"not a picture", "not a picture"),
        ("x.npz", b"PK\x03\x04 cut off", "not an archive"),
        ("x.npz", _npy(np.zeros((2, 2, 2))), "not an archive"),
        ("x.npz", _damaged_npz(), "not an archive"),
        ("x.mat", b"", "unknown flow format"),
        ("x.pfm", b"", "not a .pfm file"),
        ("x.pfm", b"Pf\n1 1\n-1\n0000", r"three channels \(PF\), not one"),
        ("x.pfm", b"PF\n1 1\n-1\n0000", "4 bytes, 1x1 needs 12"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says) as error:
        read_flow(tmp_path / name)
    assert name in str(error.value)


def test_pickles_are_not_opened(tmp_path):
    np.savez(tmp_path / "x.npz", flow=np.array([{"a": 1}], dtype=object), valid=np.ones((1, 1)))
    with pytest.raises(InputError):
        read_flow(tmp_path / "x.npz")


def test_too_far_for_kitti(tmp_path):
    with pytest.raises(InputError, match=rf"^{tmp_path / 'x.png'}: a KITTI flow holds .*512 px"):
        write_flow(tmp_path / "x.png", np.full((1, 1, 2), 600, np.float32))
    assert not list(tmp_path.iterdir())


def test_eight_bit_png_is_not_kitti(tmp_path):
    cv2.imwrite(str(tmp_path / "x.png"), np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(InputError, match="16-bit"):
        read_flow(tmp_path / "x.png")


@pytest.mark.parametrize("suffix", [".flo", ".png", ".npz", ".pfm"])
def test_masks_as_pictures_hold_them(tmp_path, suffix):
    flow = np.ones((2, 3, 2), np.float32)
    for value in (1, 2, 128, 255):
        write_flow(tmp_path / f"a{suffix}", flow, np.array([[0, value, 0], [value, 0, 0]], np.uint8))
        _, valid = read_flow(tmp_path / f"a{suffix}")
        assert valid.tolist() == [[False, True, False], [True, False, False]]


def test_what_is_no_flow_is_not_written(tmp_path):
    flow = np.ones((2, 3, 2), np.float32)
    write_flow(tmp_path / "list.flo", flow.tolist())
    np.testing.assert_array_equal(read_flow(tmp_path / "list.flo")[0], flow)
    with pytest.raises(InputError, match="as two arguments"):
        write_flow(tmp_path / "a.flo", read_flow(tmp_path / "list.flo"))
    with pytest.raises(InputError, match="has the shape"):
        write_flow(tmp_path / "a.flo", np.zeros((0, 3, 2)))
    assert not (tmp_path / "a.flo").exists()
