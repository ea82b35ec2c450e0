"""Accuracy of motion and events on rendered clips."""

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.common.page import bound, table

CLIPS, FRAMES = 12, 60  # two of each kind
METHODS = ("zero", "dis_fine", "deepflow", "default", "tracker:dis_fine", "tracker:default", "tracker:fast")
DRIFT_FRAMES = 310
TURNS = 24  # clips of turns, two of each person
LONG_CLIPS, SECONDS, RATE = 13, 16, 25.0  # long clips, of people who blink, speak and drift; frames a second
_SEED = 2029
_FAR = 4.0  # pixels


def accuracy(clips: int = CLIPS, frames: int = FRAMES) -> str:
    """Errors by motion, jitter, drift and lost frames of each method, as Markdown."""
    from keras_models.evaluation.evaluate_clips import (
        CLIP_MOTION_BINS,
        evaluate_clips,
        frame_by_frame,
        summarise_clips,
        tracked,
    )
    from keras_models.inference.estimators import get_estimator
    from pipelines.synthetic.renderer.rendered_clip import render_clips

    methods = {"DIS, warm start": _dis_with_its_own_warm_start}
    for name in METHODS:
        estimator = get_estimator(name.removeprefix("tracker:"))
        methods[name] = (tracked if name.startswith("tracker:") else frame_by_frame)(estimator)
    with tempfile.TemporaryDirectory() as folder:
        render_clips(Path(folder) / "clips", clips, frames=frames, seed=_SEED)
        errors = evaluate_clips(Path(folder) / "clips", methods)
    rows, summaries = [], {name: summarise_clips(each) for name, each in errors.items()}
    for name, summary in summaries.items():
        micro = summary.epe_by_kind.get("micro", float("nan"))
        numbers = (summary.epe, *summary.epe_by_motion.values(), micro, summary.jitter)
        numbers += (summary.expression, summary.gain)
        cells = [f"`{name}`" if name in METHODS else name, *(f"{value:.3f}" for value in numbers)]
        rows.append([*cells, f"{summary.drift:.2f}", f"{summary.lost:.1%}"])
    about = (
        f"{clips} rendered clips of {frames} frames, 256 x 256, seed {_SEED}; end-point error in the "
        "face in pixels, by the mean motion in the face."
    )
    columns = ["method", "EPE", *CLIP_MOTION_BINS, "micro", "jitter", "expression", "gain", "drift", "lost"]
    gains = summaries["tracker:default"].gain_by_region
    by_region = "Gain of `tracker:default` by region: " + ", ".join(
        f"{region} {gain:.2f}" for region, gain in gains.items() if not np.isnan(gain)
    )
    return f"{about}\n\n{table(columns, rows)}\n\n{by_region}."


def turns(clips: int = TURNS, frames: int = FRAMES) -> str:
    """Error of the tracker where the face moves far, beside `default` for each frame by itself."""
    from keras_models.evaluation.evaluate_clips import evaluate_clips, frame_by_frame, tracked
    from keras_models.inference.estimators import get_estimator
    from pipelines.synthetic.renderer.clip_script import CLIPS_PER_PERSON
    from pipelines.synthetic.renderer.rendered_clip import render_clips

    default = get_estimator("default")
    with tempfile.TemporaryDirectory() as folder:
        render_clips(Path(folder) / "clips", clips, kinds=("head",), frames=frames, seed=_SEED)
        methods = {"alone": frame_by_frame(default), "tracker": tracked(default)}
        errors = evaluate_clips(Path(folder) / "clips", methods)
    names = sorted({row.clip for row in errors["alone"]})
    people = -(-len(names) // CLIPS_PER_PERSON)
    sums, frames_far = np.zeros((people, 2)), 0  # errors of each person and method
    for both in zip(errors["alone"], errors["tracker"], strict=True):
        found = [row.epe_face for row in both]
        if both[0].motion >= _FAR and np.isfinite(found).all():
            sums[names.index(both[0].clip) // CLIPS_PER_PERSON] += found
            frames_far += 1
    alone, own = sums.sum(axis=0) / frames_far
    drawn = np.random.default_rng(0).integers(len(sums), size=(2000, len(sums)))
    ratios = np.divide(*sums[drawn].sum(axis=1).T[::-1])
    low, high = np.quantile(ratios, (0.025, 0.975))
    return (
        f"{clips} rendered clips of {len(sums)} people who turn their heads, of {frames} frames, 256 x 256, "
        f"seed {_SEED}; frames whose face moves by at least {_FAR:g} px on average: the error is {own:.3f} "
        f"px by `tracker:default` and {alone:.3f} px by `default` for each frame alone, {own / alone:.2f} "
        f"of it (95 % by bootstrap over people: {low:.2f}-{high:.2f}; {bound(own / alone, most=0.4)})."
    )


def _dis_with_its_own_warm_start(frames: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """DIS from the first frame to each other one, started from the flow of the frame before."""
    import cv2

    grey = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames)
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    first, flow = next(grey), None
    for frame in grey:
        flow = dis.calc(first, frame, None if flow is None else flow.copy())
        yield flow, np.ones(first.shape, bool)


def drift(frames: int = DRIFT_FRAMES) -> str:
    """Error in frames 265 to 275 of a clip that repeats 60 frames, beside that in frames 25 to 35."""
    from keras_models.evaluation.evaluate_clips import tracked
    from keras_models.inference.estimators import get_estimator
    from pipelines.synthetic.renderer.clip_script import draw_clip
    from pipelines.synthetic.renderer.rendered_clip import render_clip

    script = draw_clip(_SEED, 0, kind="mixed", frames=60)
    # Frame k of the clip shows what frame k mod 60 shows.
    shown = list(islice(render_clip(script), 60))
    pictures = [picture for picture, _ in shown]
    face = _face(script)
    order = [number % 60 for number in range(frames)]
    found = tracked(get_estimator("default"))(pictures[number] for number in order)
    errors = {}
    for number, answer in enumerate(found, start=1):
        truth = shown[order[number]][1]
        if truth is not None and answer is not None:
            seen = face & answer[1] & ~truth.occluded
            errors[number] = float(np.linalg.norm(answer[0] - truth.flow, axis=-1)[seen].mean())
    early = [errors[number] for number in range(25, 36)]
    late = [errors[number] for number in range(265, 276)]
    return (
        "Drift of `tracker:default` over a clip that repeats the same 60 frames: the mean error is "
        f"{np.mean(early):.3f} px in frames 25 to 35 and {np.mean(late):.3f} px in frames 265 to 275, "
        f"{np.mean(late) / np.mean(early):.2f} times as large "
        f"({bound(np.mean(late) / np.mean(early), most=1.1)})."
    )


def _face(script) -> np.ndarray:
    from pipelines.landmarks.face_mesh import face_mask

    first = script.at(0)
    return face_mask(first.landmarks, first.size)


def events(clips: int = LONG_CLIPS, seconds: float = SECONDS) -> str:
    """F1 of the events of long clips, with blinks, speech and heads that drift; lossless and compressed."""
    from keras_models.evaluation.evaluate_events import evaluate_events
    from keras_models.inference.estimators import get_estimator
    from pipelines.clip_analysis.analysis import AnalysisConfig, analyse_clip
    from pipelines.io.video import write_video
    from pipelines.synthetic.renderer.rendered_clip import photographs

    formats = {"lossless": _write_frames, "H.264, CRF 20": write_video}
    scored = {name: [] for name in formats}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(clips):
            script = _long_script(number, seconds)
            pictures = list(photographs(script))
            for name, write in formats.items():
                clip = Path(folder) / f"{number}{'.mp4' if write is write_video else ''}"
                write(clip, pictures, RATE)
                analysis = analyse_clip(clip, None, get_estimator("default"), AnalysisConfig(rate=RATE))
                scored[name].append((list(analysis.events), list(script.events), RATE))
    rows = [
        [
            name, kind, *map(str, (one.true, one.found, one.right)), f"{one.f1:.2f}",
            *("-" if np.isnan(each) else f"{each:.0f}" for each in (one.apex_ms, one.onset_ms)),
        ]
        for name, analyses in scored.items()
        for kind, one in evaluate_events(analyses).items()
    ]  # fmt: skip
    about = (
        f"{clips} rendered people for {seconds:g} seconds at {RATE:g} frames a second, who blink, speak, "
        f"drift and turn, seed {_SEED}; an event is right if it overlaps the true one by half (intersection "
        "over union). Found events whose apex lies within speech are not counted."
    )
    columns = ["video", "events", "true", "found", "right", "F1", "apex, ms", "onset, ms"]
    return f"{about}\n\n{table(columns, rows)}"


def _long_script(number: int, seconds: float):
    from pipelines.synthetic.renderer.clip_script import CLIPS_PER_PERSON, LONG, draw_clip

    frames = round(seconds * RATE)
    return draw_clip(_SEED, CLIPS_PER_PERSON * number, kind=LONG, frames=frames, rate=RATE)


def _write_frames(folder: Path, pictures: list[np.ndarray], rate: float) -> None:
    from pipelines.io.images import write_image

    folder.mkdir()
    for number, picture in enumerate(pictures):
        write_image(folder / f"{number:05d}.png", picture)
