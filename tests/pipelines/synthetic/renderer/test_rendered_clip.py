import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.image.warping import sample, warp_back
from pipelines.io.clip_truth import list_clips, read_clip_truth
from pipelines.synthetic.renderer.clip_script import KINDS, LONG, Action, draw_clip
from pipelines.synthetic.renderer.generate import render_pairs
from pipelines.synthetic.renderer.rendered_clip import render_clip, render_clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A micro-expression and a turn of the head, 14 frames of 96 x 96 each."""
    folder = tmp_path_factory.mktemp("rendered") / "clips"
    render_clips(folder, 2, kinds=("micro", "head"), frames=14, size=96, workers=1)
    return folder


def test_flow_is_that_of_the_landmarks(clips):
    """The renderer's landmarks move with the skin, whose motion the flow is."""
    for path in list_clips(clips):
        truth = read_clip_truth(path)
        event = max(truth.events, key=lambda event: event.peak)
        motion = truth.motion(event.apex)
        # On the cheeks and the forehead, where the surface is smooth.
        points = [50, 280, 9, 108, 337, 205, 425]
        at = truth.landmarks[0, points]
        flow = sample(motion.flow, at[None], 1)[0]
        moved = truth.landmarks[event.apex, points] - at
        np.testing.assert_allclose(flow, moved, atol=0.12)


def test_frames_follow_the_flow(clips):
    """A frame that is brought back by its flow is the first one, and without the flow it is not."""
    truth = read_clip_truth(list_clips(clips)[1])
    apex = truth.events[0].apex
    motion = truth.motion(apex)
    seen = truth.face & ~motion.occluded
    first, frame = truth.frame(0).astype(np.float32), truth.frame(apex).astype(np.float32)

    def difference(image):
        return np.abs(image - first)[seen].mean()

    assert difference(warp_back(frame, motion.flow)) < 0.35 * difference(frame)


def test_head_and_flow_agree_where_only_the_head_moves(clips):
    truth = read_clip_truth(list_clips(clips)[1])
    motion = truth.motion(truth.events[0].apex)
    np.testing.assert_allclose(motion.flow[truth.face], motion.head[truth.face], atol=1e-3)
    assert np.linalg.norm(motion.flow[truth.face], axis=-1).mean() > 0.8 * truth.events[0].peak


def test_events_are_when_the_face_moves(clips):
    truth = read_clip_truth(list_clips(clips)[0])
    lengths = []
    for number in range(1, len(truth)):
        motion = truth.motion(number)
        lengths.append(np.linalg.norm(motion.flow - motion.head, axis=-1)[truth.face].max())
    active = np.zeros(len(truth), bool)
    for event in truth.events:
        assert event.kind == "micro"
        assert event.onset < event.apex < event.offset
        active[event.onset + 1 : event.offset] = True
    np.testing.assert_array_equal(np.array(lengths) > 0.01, active[1:])


def test_a_clip_depends_on_its_arguments_alone(clips):
    script = draw_clip(0, 1, kind="head", frames=14, size=96)
    truth = read_clip_truth(clips / "00001")
    assert script.events == truth.events
    for number, (frame, motion) in enumerate(render_clip(script)):
        if number == 3:
            np.testing.assert_array_equal(frame, truth.frame(3))
            np.testing.assert_array_equal(motion.flow, truth.motion(3).flow)
            break


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_have_their_events(kind):
    expected = {"micro": {"micro"}, "hold": {"macro"}, "mixed": {"micro", "blink", "head"}}
    script = draw_clip(3, 0, kind=kind, frames=60, size=96)
    assert {event.kind for event in script.events} == expected.get(kind, {kind})
    for event in script.events:
        assert 0 < event.onset < event.apex < event.offset < 60


@pytest.mark.parametrize(("frames", "rate"), [(12, 30.0), (24, 30.0), (90, 200.0), (12, 1.0), (60, 5.0)])
@pytest.mark.parametrize("kind", [*KINDS, LONG])
def test_events_fit_into_short_clips(kind, frames, rate):
    for number in range(3):
        events = draw_clip(3, number, kind=kind, frames=frames, rate=rate, size=96).events
        assert events
        for event in events:
            assert 0 < event.onset < event.apex < event.offset < frames
            assert event.peak > 0


def test_action_rises_holds_and_falls():
    action = Action(np.zeros(1), np.zeros(6), onset=10, apex=14, release=20, offset=28)
    levels = [action.level(k) for k in (9, 10, 12, 14, 17, 20, 24, 28, 30)]
    np.testing.assert_allclose(levels, [0, 0, 0.5, 1, 1, 1, 0.5, 0, 0])


def test_turn_travels_as_far_as_it_says(clips):
    """Measured on the true flow of the face, which no step of the draw looks at."""
    truth = read_clip_truth(clips / "00001")
    event = truth.events[0]
    head = truth.motion(event.apex).head[truth.face]
    assert np.linalg.norm(head, axis=-1).mean() == pytest.approx(event.peak, rel=0.2, abs=0.3)


def test_rendering_goes_on_and_refuses_other_settings(clips):
    before = (clips / "00000" / "clip.json").stat().st_mtime_ns
    render_clips(clips, 2, kinds=("micro", "head"), frames=14, size=96, workers=1)
    assert (clips / "00000" / "clip.json").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="other settings"):
        render_clips(clips, 2, kinds=("micro", "head"), frames=16, size=96, workers=1)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "pairs.csv").write_text("mine")
    with pytest.raises(InputError, match="is a folder with something in it; choose another name"):
        render_clips(tmp_path, 1, frames=14, size=96, workers=1)
    with pytest.raises(InputError, match="is a folder with something in it"):
        render_pairs(tmp_path, 1, size=64, workers=1)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("pairs.csv", "mine")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 5}, "at least 1 of 12 frames"),
        ({"rate": 0.0}, "rate 0"),
        ({"kinds": ("smile",)}, "unknown kind of clip 'smile'"),
    ],
)
def test_bad_settings(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        render_clips(tmp_path / "clips", 1, **options)
    assert not (tmp_path / "clips").exists()


def test_regions_are_in_the_face(clips):
    truth = read_clip_truth(clips / "00000")
    assert set(np.unique(truth.regions[truth.face])) >= {1, 2, 3, 4, 5}
    assert set(np.unique(truth.regions[~truth.face])) == {0}
