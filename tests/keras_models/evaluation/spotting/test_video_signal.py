import numpy as np
import pytest

from keras_models.evaluation.spotting.video_signal import video_segments
from pipelines.datasets.folder_tree import FrameFiles
from pipelines.datasets.long_video import LongVideo
from pipelines.io.images import write_image


@pytest.fixture
def video(tmp_path, portrait):
    """The portrait for 24 frames, 60 per second; from frame 12 on it is 40 px farther to the right."""
    for k in range(24):
        write_image(tmp_path / f"{k}.png", portrait[:320, 60:380] if k < 12 else portrait[:320, 20:340])
    names = tuple(f"{k}.png" for k in range(24))
    return LongVideo("s1", "v1", tmp_path, FrameFiles(tmp_path, names), 60.0)


def test_a_segment_ends_where_the_face_has_moved_far(video):
    """Every second frame is a sample, and every tenth sample tells."""
    first, second = video_segments(video, "frame_difference")
    assert first.frames.tolist() == list(range(0, 20, 2))
    assert second.frames.tolist() == [20, 22]
    still = first.signal[:6]
    assert np.abs(still - still[0]).max() < 1e-6
    assert np.abs(first.signal[6:] - still[0]).max() > 0.05


def test_motion_of_the_whole_face_is_that_of_the_head(video):
    shift = np.float32([3, -2])

    def everything_moves(frame1, frame2):
        return np.broadcast_to(shift, (*frame1.shape[:2], 2))

    for segment in video_segments(video, "flow", everything_moves):
        assert np.abs(segment.signal).max() < 1e-3
