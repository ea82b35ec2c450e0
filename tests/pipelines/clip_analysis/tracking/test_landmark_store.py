import numpy as np
import pytest

from pipelines.clip_analysis.tracking.landmark_store import LandmarkStore


def test_frames_come_back_and_work_goes_on(tmp_path):
    points = np.random.default_rng(0).normal(size=(3, 478, 2)).astype(np.float32)
    store = LandmarkStore(tmp_path / "landmarks")
    store.add(points[0])
    store.add(None)
    np.testing.assert_array_equal(store[0], points[0])
    store.close()
    store = LandmarkStore(tmp_path / "landmarks")
    assert len(store) == 2
    store.add(points[2])
    assert store[1] is None
    np.testing.assert_array_equal(store[2], points[2])
    np.testing.assert_array_equal(store[0], points[0])
    with pytest.raises(IndexError):
        store[3]
    store.close()
