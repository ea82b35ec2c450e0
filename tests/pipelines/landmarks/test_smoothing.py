import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from benchmarks.smoothing import apexes, kept_share, rendered_expression, rise_and_fall, still_tracks
from pipelines.errors import InputError
from pipelines.landmarks.smoothing import jitter, smooth_tracks
from pipelines.synthetic.renderer.posed_emotions import PROTOTYPES

FRAMES, RATE = 120, 25.0


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
    moved = height * rise_and_fall(FRAMES, 60, length)[:, None] * reach
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


@pytest.mark.parametrize(("rate", "length"), [(25, 5), (25, 8), (25, 12), (50, 10), (100, 20), (200, 40)])
def test_half_a_pixel_in_a_fifth_of_a_second_is_kept(portrait_landmarks, rate, length):
    frames, apexes = 400, [50, 150, 250, 350]
    still = portrait_landmarks + np.random.default_rng(5).normal(0, 0.1, (frames, 478, 2))
    near = np.linalg.norm(portrait_landmarks - portrait_landmarks[61], axis=1).argsort()[:60]
    moved = np.zeros(still.shape)
    moved[:, near, 1] = 0.5 * sum(rise_and_fall(frames, apex, length) for apex in apexes)[:, None]
    found = smooth_tracks(still + moved, rate) - smooth_tracks(still, rate)
    assert found[apexes][:, near, 1].mean() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("clip", [66, 90])
def test_a_micro_expression_as_long_as_its_clip_keeps_its_peak(jittering, portrait_landmarks, clip):
    """At 200 frames per second 0.3 seconds are 60 frames, and CASME II's clips are hardly longer."""
    moved = np.zeros((clip, 478, 2))
    moved[..., 1] = -1.0 * rise_and_fall(clip, 33, 60)[:, None]
    part = np.arange(478) < 60  # some landmarks move, the others are still
    moved[:, ~part] = 0
    still = smooth_tracks(jittering[:clip], 200.0)
    found = smooth_tracks(jittering[:clip] + moved, 200.0) - still
    assert -found[33, part, 1].mean() == pytest.approx(1, rel=0.05)


def test_steady_motion_is_left_alone(portrait_landmarks):
    """Constant speed and constant acceleration pass through filters of the second order."""
    time = np.arange(60)[:, None, None]
    tracks = portrait_landmarks + 0.4 * time + 0.01 * time**2
    np.testing.assert_allclose(smooth_tracks(tracks, RATE), tracks, atol=1e-2)


def test_time_reversed_is_the_result_reversed(jittering):
    np.testing.assert_allclose(smooth_tracks(jittering[::-1]), smooth_tracks(jittering)[::-1], atol=1e-3)


def test_the_number_of_threads_changes_no_bit(jittering):
    """Workers have other numbers of threads than the process that starts them."""
    results = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            results.append(smooth_tracks(jittering, RATE))
    np.testing.assert_array_equal(*results)


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


@pytest.fixture(scope="module")
def restless(portrait_landmarks):
    """A still face under Face Mesh: what it does to all landmarks together, as measured on a still clip.

    There, twelve components held 90 % of the steps' energy, the first half of it, and a step undid a sixth of
    the one before.
    """
    rng = np.random.default_rng(3)
    shares = [0.525, 0.121, 0.051, 0.044, 0.034, 0.031, 0.025, 0.022, 0.019, 0.016, 0.012, 0.010]
    frames, eyes = 252, np.linalg.norm(portrait_landmarks[33] - portrait_landmarks[263])
    x, y = ((portrait_landmarks - portrait_landmarks.mean(axis=0)) / eyes).T
    smooth = np.stack([x**i * y**j for i in range(4) for j in range(4 - i) if i + j], axis=-1)
    tracks = np.zeros((frames, 478, 2))
    for share in shares:
        mode = smooth @ rng.normal(size=(smooth.shape[1], 2))
        walk = np.zeros(frames)
        for frame in range(1, frames):
            walk[frame] = 0.74 * walk[frame - 1] + rng.normal()
        mode *= np.sqrt(share / np.square(mode).sum(axis=-1).mean()) / np.diff(walk).std()
        tracks += walk[:, None, None] * mode
    tracks += rng.normal(0, 0.05, tracks.shape) * np.sqrt(0.5)
    return portrait_landmarks + 0.27 * eyes / 198 * tracks


def test_measured_jitter_goes(restless):
    assert jitter(smooth_tracks(restless, RATE)) < jitter(restless) / 3


@pytest.mark.parametrize(
    ("unit", "peak", "length"),
    [
        ("AU01", 0.8, 10),
        ("AU01", 1.5, 10),
        ("AU24", 0.8, 10),
        ("AU26", 0.8, 10),
        ("AU12", 0.8, 5),
        ("AU24", 0.8, 5),
    ],
)
def test_weak_peaks_are_kept(restless, portrait_landmarks, unit, peak, length):
    """Inner brows move the fewest landmarks; the jaw moves as the tracker itself does; 0.8 px are little."""
    moved = rendered_expression({unit: 1}, peak, portrait_landmarks)
    assert kept_share(restless, moved, RATE, range(40, 230, 25), length) == pytest.approx(1, abs=0.05)


@pytest.mark.real
@pytest.mark.slow
def test_a_still_clip(real_data):
    tracks, rate = still_tracks(real_data / "proctoring" / "center_focus.mp4")
    assert jitter(smooth_tracks(tracks, rate)) < jitter(tracks) / 3
    units = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26)
    shown = {f"AU {unit}": ({f"AU{unit:02d}": 1},) for unit in units} | PROTOTYPES
    for name, variants in shown.items():
        for peak in (0.8, 1.5):
            moved = [rendered_expression(units, peak, tracks[0]) for units in variants]
            kept = np.mean([kept_share(tracks, each, rate, apexes(tracks)) for each in moved])
            assert kept == pytest.approx(1, abs=0.05), (name, peak)
