import numpy as np
import pytest

from pipelines.image.warping import warp_back
from pipelines.synthetic.shapes import shape_pair


@pytest.mark.parametrize("k", [0, 1, 5])
def test_warping_back_gives_frame_1_where_it_is_seen(k):
    pair = shape_pair(3, k)
    seen = ~pair.occluded
    assert 0.5 < seen.mean() <= 1
    back = warp_back(pair.frame2, pair.flow).astype(float)
    # Light: a straight line through the grey levels; noise of up to 6 levels, and soft rims.
    gain, offset = np.polyfit(back[seen].ravel(), pair.frame1[seen].astype(float).ravel(), 1)
    good = np.abs(gain * back + offset - pair.frame1)[seen].mean()
    still = np.abs(pair.frame2.astype(float) - pair.frame1)[seen].mean()
    assert good < 9
    assert good < still


def test_a_series_is_the_same_in_any_order_and_has_all_sizes_of_motion():
    pairs = [shape_pair(1, k, size=128) for k in range(20)]
    again = shape_pair(1, 7, size=128)
    np.testing.assert_array_equal(again.frame2, pairs[7].frame2)
    np.testing.assert_array_equal(again.flow, pairs[7].flow)
    lengths = [np.linalg.norm(pair.flow, axis=-1).mean() for pair in pairs]
    assert min(lengths) < 1
    assert max(lengths) > 5
    assert pairs[0].metadata["subject"] == pairs[3].metadata["subject"] != pairs[4].metadata["subject"]
