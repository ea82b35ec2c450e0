"""Pair folders that do not fit together, and masks of other programs."""

import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.io.pairs import Pair, read_pair, write_pair


@pytest.fixture
def folder(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (2, 40, 50, 3), np.uint8)
    flow = np.ones((40, 50, 2), np.float32)
    write_pair(tmp_path, Pair("00000", *frames, flow, np.ones((40, 50), bool)))
    return tmp_path


@pytest.mark.parametrize("name", ["valid", "face", "occluded"])
@pytest.mark.parametrize("shape", [(30, 50), (1, 50)])
def test_a_mask_of_another_size(folder, name, shape):
    cv2.imwrite(str(folder / f"00000_{name}.png"), np.full(shape, 255, np.uint8))
    with pytest.raises(InputError, match=rf"00000: {name} is 50x{shape[0]}, but the flow is 50x40"):
        read_pair(folder, "00000")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("value", [1, 255])
def test_every_value_but_0_is_true(folder, dtype, value):
    mask = np.zeros((40, 50), dtype)
    mask[10:20] = value
    for name in ("valid", "face"):
        cv2.imwrite(str(folder / f"00000_{name}.png"), mask)
    pair = read_pair(folder, "00000")
    np.testing.assert_array_equal(pair.valid, mask > 0)
    np.testing.assert_array_equal(pair.face, mask > 0)
