from dataclasses import replace

import numpy as np
import pytest

from faceflow import cli
from keras_models.evaluation.evaluate_clips import (
    ClipFrameErrors,
    clip_errors,
    clips_to_json,
    evaluate_clips,
    frame_by_frame,
    summarise_clips,
    tracked,
)
from pipelines.errors import InputError
from pipelines.image.warping import pixel_grid
from pipelines.io.clip_truth import (
    TrueMotion,
    list_clips,
    read_clip_truth,
    write_clip_frame,
    write_clip_truth,
)
from pipelines.landmarks.face_mesh import REGIONS
from pipelines.synthetic.renderer.rendered_clip import render_clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluated") / "clips"
    render_clips(folder, 1, kinds=("head",), frames=12, size=96, workers=1)
    return folder


def test_errors_against_the_truth(clips):
    """A method that knows the truth, off by (.3, -.4), lost once and silent on the left half."""
    truth = read_clip_truth(list_clips(clips)[0])

    def follow(frames):
        for number, _ in enumerate(frames):
            if number == 5:
                yield None
            elif number:
                known = np.ones(truth.face.shape, bool)
                known[:, :48] = False
                yield truth.motion(number).flow + np.float32([0.3, -0.4]), known

    rows = clip_errors(truth, "off", follow)
    assert [row.frame for row in rows] == list(range(1, 12))
    lost = rows[4]
    assert np.isnan(lost.epe_face)
    assert lost.coverage == 0
    for row in rows[:4]:
        assert row.epe_face == pytest.approx(0.5, abs=1e-4)
        assert 0.2 < row.coverage < 0.8
        np.testing.assert_allclose(row.regions["mouth"], (0.3, -0.4), atol=1e-4)
    summary = summarise_clips(rows)
    assert (summary.lost, summary.epe) == (pytest.approx(1 / 11), pytest.approx(0.5, abs=1e-4))
    assert summary.jitter == pytest.approx(0, abs=1e-4)
    active = truth.events[0]
    assert [row.still for row in rows] == [not active.onset < k < active.offset for k in range(1, 12)]


def test_gain_is_the_share_of_the_true_motion(clips, tmp_path):
    """The head is followed, and seven tenths of a motion of the brows of 2 px to the right."""
    rendered = read_clip_truth(list_clips(clips)[0])
    brows = rendered.regions == 1 + REGIONS.index("brows")
    moved, nothing = np.zeros((*brows.shape, 2), np.float32), np.zeros_like(brows)
    moved[brows] = 2, 0
    for number in range(3):
        head = rendered.motion(number + 1).head
        motion = TrueMotion(head + moved, head, nothing) if number else None
        write_clip_frame(tmp_path, number, rendered.frame(number), motion)
    write_clip_truth(replace(rendered, folder=tmp_path, landmarks=rendered.landmarks[:3]), {})
    truth = read_clip_truth(tmp_path)

    def follow(frames):
        for number, _ in enumerate(frames):
            if number:
                yield truth.motion(number).head + np.float32(0.7) * moved, truth.face

    summary = summarise_clips(clip_errors(truth, "understates", follow))
    # A hundredth, because the motion of the head is found in the flow, and this face is not the mean one.
    assert summary.gain == pytest.approx(0.7, abs=0.01)
    assert summary.gain_by_region["brows"] == pytest.approx(0.7, abs=0.01)
    assert np.isnan(summary.gain_by_region["mouth"])  # does not move
    # Three tenths of 2 px are missing in one of the six regions that count.
    assert summary.expression == pytest.approx(0.6 / np.sqrt(6), abs=0.02)


def test_an_error_of_the_head_alone_is_none_of_the_expression(clips):
    """The head is off by a pixel and comes closer; then the brows rise, and the mouth with them."""
    truth = read_clip_truth(list_clips(clips)[0])
    grid = pixel_grid(truth.face.shape)

    def follow(part):
        def flows(frames):
            for number, _ in enumerate(frames):
                if number:
                    off = 1 + 0.02 * (grid - 48) + np.float32([0, -3]) * part[..., None]
                    yield (truth.motion(number).head + off).astype(np.float32), truth.face

        return flows

    off = summarise_clips(clip_errors(truth, "off", follow(np.zeros_like(truth.face))))
    assert off.expression < 0.03
    brows = truth.regions == 1 + REGIONS.index("brows")
    raised = summarise_clips(clip_errors(truth, "raised", follow(brows)))
    assert raised.expression == pytest.approx(3 / np.sqrt(6), abs=0.1)


def frame_errors(frame, motion, epe, mean=(0.0, 0.0)):
    return ClipFrameErrors("a", "micro", frame, "m", motion, epe, 1.0, {"mouth": mean}, {}, {}, True)


def test_drift_compares_frames_of_the_same_motion():
    """Errors of .1 at 1 px and .4 at 3 px at first, and twice as much at the end, by hand."""
    rows = [frame_errors(k, 1.0, 0.1) for k in range(2)] + [frame_errors(k, 3.0, 0.4) for k in (2, 3)]
    rows += [frame_errors(k, 2.0, 9.0) for k in range(4, 8)]
    rows += [frame_errors(k, 1.0, 0.2) for k in (8, 9)] + [frame_errors(k, 3.0, 0.8) for k in (10, 11)]
    summary = summarise_clips(rows)
    assert summary.drift == pytest.approx(2)
    assert summary.epe_by_motion["1-2 px"] == pytest.approx(0.15)
    assert summary.epe_by_motion["4+ px"] != summary.epe_by_motion["4+ px"]  # NaN: no such frame


def test_jitter_is_the_deviation_of_a_region():
    rng = np.random.default_rng(0)
    rows = [frame_errors(k, 0.0, 0.0, tuple(1 + rng.normal(0, 0.05, 2))) for k in range(2000)]
    assert summarise_clips(rows).jitter == pytest.approx(0.05, rel=0.05)


def test_frames_of_which_nothing_is_known_do_not_hide_the_drift():
    rows = [frame_errors(k, 1.0, 0.1) for k in range(5)] + [frame_errors(k, 1.0, 0.2) for k in range(5, 15)]
    assert summarise_clips(rows).drift == pytest.approx(2)
    rows[1] = frame_errors(1, 1.0, float("nan"))
    assert summarise_clips(rows).drift == pytest.approx(2)


def test_jitter_is_from_one_frame_to_the_next():
    """An error that changes during an event, whose frames do not count, is no jitter."""
    before = [frame_errors(k, 0.0, 0.0, (0.0, 0.0)) for k in range(10)]
    after = [frame_errors(k, 0.0, 0.5, (0.5, 0.0)) for k in range(20, 30)]
    assert summarise_clips(before + after).jitter == 0


def test_command(clips, tmp_path, capsys):
    out = tmp_path / "figures.json"
    cli.run(
        [
            "evaluate",
            "clips",
            str(clips),
            "--method",
            "zero",
            "--method",
            "tracker:dis_fine",
            "--json",
            str(out),
        ]
    )
    table = capsys.readouterr().out
    zero, tracker = (line.split() for line in table.splitlines()[1:3])
    assert (zero[0], tracker[0]) == ("zero", "tracker:dis_fine")
    truth = read_clip_truth(list_clips(clips)[0])
    motions = [truth.motion(k) for k in range(1, 12)]
    mean = np.mean([np.linalg.norm(m.flow, axis=-1)[truth.face & ~m.occluded].mean() for m in motions])
    assert float(zero[1]) == pytest.approx(mean, abs=1e-3)
    assert out.exists()


def test_json_has_no_nan(clips):
    errors = evaluate_clips(clips, {"zero": frame_by_frame(_refuses)})
    written = clips_to_json(errors)
    assert written["methods"]["zero"]["epe"] is None
    assert written["methods"]["zero"]["lost"] == 1


def _refuses(frame1, frame2):
    raise InputError("cannot")


def test_a_new_reference_has_no_flow_from_the_first_frame(portrait):
    """After ten lost frames the tracker starts anew; its flow is then that from another frame."""
    rng = np.random.default_rng(0)

    def knows_one_frame(crop1, crop2):
        valid = np.ones(crop1.shape[:2], bool)
        if np.array_equal(crop1, crop2):
            return np.zeros((*valid.shape, 2), np.float32), valid
        return rng.normal(0, 40, (*valid.shape, 2)).astype(np.float32), valid

    noisy = [np.clip(portrait + rng.normal(0, 3, portrait.shape), 0, 255).astype(np.uint8) for _ in range(12)]
    assert list(tracked(knows_one_frame)(iter([portrait, *noisy]))) == [None] * 12


def test_events_need_a_tracker(clips):
    with pytest.raises(InputError, match="add --method tracker:dis_fast"):
        cli.run(["evaluate", "clips", str(clips), "--method", "dis_fast", "--events"])


def test_nothing_measured_is_a_gain_of_nothing(tmp_path):
    """Whether the head moves or not: its motion is no part of the gain."""
    render_clips(tmp_path / "clips", 1, kinds=("mixed",), frames=24, size=96, seed=7, workers=1)

    def zero(frame1, frame2):
        return np.zeros((*frame1.shape[:2], 2), np.float32), np.ones(frame1.shape[:2], bool)

    errors = evaluate_clips(tmp_path / "clips", {"zero": frame_by_frame(zero)})["zero"]
    assert any(row.gains for row in errors)
    assert summarise_clips(errors).gain == pytest.approx(0, abs=0.05)


def test_a_first_frame_without_a_face_is_a_clip_that_is_lost(clips):
    truth = read_clip_truth(list_clips(clips)[0])
    frames = [truth.frame(number) for number in range(4)]
    frames[0] = np.zeros_like(frames[0])
    assert list(tracked(_refuses)(iter(frames))) == [None] * 3
