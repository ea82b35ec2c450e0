import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.smoothing import jitter, smooth_tracks

FRAMES, RATE = 120, 25.0


def expression(frames, apex, length):
    """Onset, apex and offset of a raised cosine."""
    time = np.arange(frames) - apex
    return np.where(np.abs(time) < length / 2, np.cos(np.pi * time / length) ** 2, 0)


@pytest.fixture(scope="module")
def jittering(portrait_landmarks):
    """A still face whose landmarks jitter as Face Mesh's do: neighbours alike, frames nearly not."""
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 0.15, (FRAMES, 1, 2))
    return portrait_landmarks + shared + rng.normal(0, 0.25, (FRAMES, 478, 2))


def test_jitter_is_that_of_the_noise():
    noise = np.random.default_rng(0).normal(0, 0.3, (400, 300, 2))
    assert jitter(noise) == pytest.approx(0.3 * 2, rel=0.02)  # two frames, two axes
    assert jitter(np.zeros((5, 3, 2)) + np.arange(5)[:, None, None]) == 0
    assert np.isnan(jitter(np.full((4, 3, 2), np.nan)))


def test_jitter_goes(jittering):
    assert jitter(smooth_tracks(jittering, RATE)) < jitter(jittering) / 3


@pytest.mark.parametrize("length", [10, 12, 15])
def test_a_micro_expression_keeps_its_peak_and_its_time(jittering, portrait_landmarks, length):
    corner = portrait_landmarks[61]
    eyes = np.linalg.norm(portrait_landmarks[33] - portrait_landmarks[263])
    reach = np.exp(-np.square(portrait_landmarks - corner).sum(axis=-1) / (2 * (0.2 * eyes) ** 2))
    height = 0.03 * eyes
    moved = height * expression(FRAMES, 60, length)[:, None] * reach
    tracks = jittering.copy()
    tracks[..., 1] -= moved
    part = reach > 0.6
    still = smooth_tracks(jittering, RATE)[:, part, 1]
    found = (still - smooth_tracks(tracks, RATE)[:, part, 1]).mean(axis=1)
    truth = moved[:, part].mean(axis=1)
    assert found.max() == pytest.approx(truth.max(), rel=0.05)
    assert abs(int(found.argmax()) - 60) <= 1
    # The rise passes half of its height when the truth does: nothing is delayed.
    assert abs(int((found > truth.max() / 2).argmax()) - int((truth > truth.max() / 2).argmax())) <= 1


def test_steady_motion_is_left_alone(portrait_landmarks):
    """Constant speed and constant acceleration pass through filters of the second order."""
    time = np.arange(60)[:, None, None]
    tracks = portrait_landmarks + 0.4 * time + 0.01 * time**2
    np.testing.assert_allclose(smooth_tracks(tracks, RATE), tracks, atol=1e-2)


def test_time_reversed_is_the_result_reversed(jittering):
    np.testing.assert_allclose(smooth_tracks(jittering[::-1]), smooth_tracks(jittering)[::-1], atol=1e-3)


def test_a_gap_is_not_bridged(jittering):
    tracks = jittering.copy()
    tracks[50:53] = np.nan
    tracks[53:] += 40  # another place after it
    smooth = smooth_tracks(tracks, RATE)
    assert np.isnan(smooth[50:53]).all()
    assert np.abs(smooth[49] - tracks[49]).mean() < 1
    assert np.abs(smooth[53] - tracks[53]).mean() < 1


def test_short_clips_and_bad_input(jittering):
    np.testing.assert_array_equal(smooth_tracks(jittering[:4]), jittering[:4].astype(np.float32))
    assert smooth_tracks(jittering[:9]).shape == (9, 478, 2)
    with pytest.raises(InputError, match="frames, points, 2"):
        smooth_tracks(jittering[0])
    with pytest.raises(InputError, match="frames per second"):
        smooth_tracks(jittering, 0)


@pytest.mark.real
@pytest.mark.slow
def test_a_still_clip(real_data):
    from pipelines.clips import frame_rate, read_frames
    from pipelines.landmarks import FaceMesh, find_face

    clip = real_data / "proctoring" / "center_focus.mp4"
    with FaceMesh(tracking=True) as face_mesh:
        tracks = np.stack([find_face(face_mesh, frame, clip.name).landmarks for frame in read_frames(clip)])
    assert jitter(smooth_tracks(tracks, frame_rate(clip))) < jitter(tracks) / 3
