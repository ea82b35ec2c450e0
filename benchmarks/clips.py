"""Motion and events of clips: accuracy on rendered ones, speed and memory.

`python -m benchmarks.clips` prints all parts; with `--write` they go into docs/clips.md. Names of parts after
it run these alone. `BASELINE` in the environment may name a checkout of another commit with its own .venv:
its `faceflow flow CLIP --face` is then measured beside `analyze`, and its `faceflow spot` beside ours.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.common.page import run_parts, table
from benchmarks.common.peak_memory import measured

CLIPS, FRAMES = 12, 60  # two of each kind
METHODS = ("zero", "dis_fine", "deepflow", "default", "tracker:dis_fine", "tracker:default", "tracker:fast")
DRIFT_FRAMES = 310
LONG, SECONDS, RATE = 13, 16, 25.0  # long clips, of people who blink, speak and drift; frames a second
SPEED_FRAMES, ROUNDS = 480, 3
MEMORY_FRAMES = (1_000, 10_000)
SPOT_FRAMES = (3_000, 90_000)  # 2 minutes and an hour
_SEED = 2029
_FACEFLOW = Path(sys.prefix) / "bin" / "faceflow"
_PAGE = Path(__file__).parents[1] / "docs" / "clips.md"


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

    methods = {"dis, warm start": _dis_with_its_own_warm_start}
    for name in METHODS:
        estimator = get_estimator(name.removeprefix("tracker:"))
        methods[name] = (tracked if name.startswith("tracker:") else frame_by_frame)(estimator)
    with tempfile.TemporaryDirectory() as folder:
        render_clips(Path(folder) / "clips", clips, frames=frames, seed=_SEED)
        errors = evaluate_clips(Path(folder) / "clips", methods)
    rows = []
    for name, each in errors.items():
        summary = summarise_clips(each)
        micro = summary.epe_by_kind.get("micro", float("nan"))
        numbers = (summary.epe, *summary.epe_by_motion.values(), micro, summary.jitter)
        cells = [f"`{name}`", *(f"{value:.3f}" for value in numbers)]
        rows.append([*cells, f"{summary.drift:.2f}", f"{summary.lost:.1%}"])
    about = (
        f"{clips} rendered clips of {frames} frames, 256 x 256, seed {_SEED}; end-point error in the "
        "face in pixels, by the mean motion in the face."
    )
    columns = ["method", "EPE", *CLIP_MOTION_BINS, "micro", "jitter", "drift", "lost"]
    return f"{about}\n\n{table(columns, rows)}"


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
    """Error of frame 300 beside that at the same motion in frame 30: the same movement, ten times over."""
    from keras_models.evaluation.evaluate_clips import tracked
    from keras_models.inference.estimators import get_estimator
    from pipelines.synthetic.renderer.clip_script import draw_clip
    from pipelines.synthetic.renderer.rendered_clip import render_clip

    script = draw_clip(_SEED, 0, kind="mixed", frames=60)
    # Once around in 60 frames, and back: frame k of the clip shows what frame k mod 60 shows.
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
        f"No drift: the same 60 frames over and over, `tracker:default`. Error in frames 25 to 35 "
        f"{np.mean(early):.3f} px, in frames 265 to 275, which show the same, {np.mean(late):.3f} px: "
        f"{np.mean(late) / np.mean(early):.2f} times (bound 1.10)."
    )


def _face(script) -> np.ndarray:
    from pipelines.landmarks.face_mesh import face_mask

    first = script.at(0)
    return face_mask(first.landmarks, first.size)


def events(clips: int = LONG, seconds: float = SECONDS) -> str:
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
                out, config = Path(folder) / f"{name} {number}", AnalysisConfig(rate=RATE, magnify=0)
                analysis = analyse_clip(clip, out, get_estimator("default"), config)
                scored[name].append((list(analysis.events), list(script.events), RATE))
    rows = [
        [
            name, kind, *map(str, (one.true, one.found, one.right)), f"{one.f1:.2f}", f"{one.apex_ms:.0f}",
            f"{one.onset_ms:.0f}",
        ]
        for name, each in scored.items()
        for kind, one in evaluate_events(each).items()
    ]  # fmt: skip
    about = (
        f"{clips} rendered people for {seconds:g} seconds at {RATE:g} frames a second, who blink, speak, "
        f"drift and turn, seed {_SEED}; an event is right if it overlaps the true one by half (intersection "
        "over union)."
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


def speed(frames: int = SPEED_FRAMES, rounds: int = ROUNDS) -> str:
    """Time of a frame of `analyze`, beside `flow CLIP --face` of this commit or of `BASELINE`, in turns."""
    baseline = Path(os.environ.get("BASELINE", Path(__file__).parents[1]))
    named = "this commit" if "BASELINE" not in os.environ else _commit(baseline)
    with tempfile.TemporaryDirectory() as folder:
        clips = {
            count: _rendered_video(Path(folder) / f"{count}.mp4", count) for count in (frames // 4, frames)
        }
        analyze = ["analyze", "--magnify", "0", "--classifier", "none"]
        commands = {
            "analyze": (Path(sys.prefix), analyze),
            "analyze, fast": (Path(sys.prefix), [*analyze, "--model", "fast"]),
            "flow": (baseline / ".venv", ["flow", "--face"]),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(rounds):
            for name, (environment, options) in commands.items():
                taken = {}
                for count, clip in clips.items():
                    out = Path(folder) / f"{name}{turn}{count}"
                    words = [environment / "bin" / "faceflow", options[0], clip, "-o", out, *options[1:]]
                    begin = time.perf_counter()
                    subprocess.run(list(map(str, words)), check=True, capture_output=True)
                    taken[count] = time.perf_counter() - begin
                # The difference of two lengths: without the start of the program and of the network.
                few, many = sorted(clips)
                times[name].append((taken[many] - taken[few]) / (many - few))
    default, fast, theirs = (statistics.median(each) for each in times.values())
    return (
        f"A frame of 256 x 256 takes `faceflow analyze` (landmarks, flow, tables; no pictures) "
        f"{1e3 * default:.0f} ms, {1 / default:.0f} frames a second; with `--model fast` "
        f"{1e3 * fast:.0f} ms, {1 / fast:.0f} frames a second; and `faceflow flow CLIP --face` of {named} "
        f"{1e3 * theirs:.0f} ms: {default / theirs:.2f} and {fast / theirs:.2f} times (bound 0.6; "
        f"medians of {rounds}, in turns, of the frames after the first {frames // 4} of {frames})."
    )


def _commit(folder: Path) -> str:
    words = ["git", "-C", str(folder), "describe", "--always"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip() or str(folder)


def _rendered_video(path: Path, frames: int) -> Path:
    from pipelines.io.video import write_video
    from pipelines.synthetic.renderer.clip_script import draw_clip
    from pipelines.synthetic.renderer.rendered_clip import photographs

    script = draw_clip(_SEED, 5, kind="mixed", frames=min(frames, 30))
    pictures = list(photographs(script))
    # Forth and back, so that nothing jumps.
    there_and_back = pictures + pictures[-2:0:-1]
    write_video(path, (there_and_back[k % len(there_and_back)] for k in range(frames)), 30)
    return path


def memory(counts: tuple[int, int] = MEMORY_FRAMES) -> str:
    """Memory of an analysis after few and after many frames, in a process of its own each."""
    with tempfile.TemporaryDirectory() as folder:
        held = []
        for count in counts:
            clip = _rendered_video(Path(folder) / f"{count}.mp4", count)
            options = ["--magnify", "0", "--model", "dis_fast", "--classifier", "none"]
            out = Path(folder) / str(count)
            held.append(measured([_FACEFLOW, "analyze", clip, "-o", out, *options])[1])
    few, many = held
    return (
        f"An analysis (`--model dis_fast`, no pictures) holds at most {few:.0f} MB in a clip of "
        f"{counts[0]:,} frames and {many:.0f} MB in one of {counts[1]:,}: {many / few - 1:+.1%} (bound 2 %)."
    )


def spot(frames: int = SPOT_FRAMES[0], rounds: int = ROUNDS) -> str:
    """Time and memory of `faceflow spot`, beside those of `BASELINE`."""
    programs = {"`faceflow spot`": _FACEFLOW}
    if "BASELINE" in os.environ:
        baseline = Path(os.environ["BASELINE"])
        programs[f"that of {_commit(baseline)}"] = baseline / ".venv" / "bin" / "faceflow"
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as folder:
        clip = _rendered_video(Path(folder) / "clip.mp4", frames)
        for _ in range(rounds):
            for name, program in programs.items():
                runs[name].append(measured([program, "spot", clip]))
    seconds = [statistics.median(time for time, _ in each) for each in runs.values()]
    megabytes = [statistics.median(held for _, held in each) for each in runs.values()]
    taken = ", ".join(
        f"{name} {time:.0f} s and {held:.0f} MB"
        for name, time, held in zip(programs, seconds, megabytes, strict=True)
    )
    return (
        f"A clip of {frames:,} frames takes {taken} (medians of {rounds}, in turns): "
        f"{seconds[0] / seconds[-1]:.2f} times the time (bound 0.7)."
    )


def spot_an_hour(counts: tuple[int, int] = SPOT_FRAMES) -> str:
    """Memory of `faceflow spot` in a short clip and in an hour of video."""
    with tempfile.TemporaryDirectory() as folder:
        clips = [_rendered_video(Path(folder) / f"{count}.mp4", count) for count in counts]
        few, many = (measured([_FACEFLOW, "spot", clip])[1] for clip in clips)
    return (
        f"`faceflow spot` holds at most {few:.0f} MB in a clip of {counts[0]:,} frames and {many:.0f} MB in "
        f"one of {counts[1]:,}, an hour at 25 frames a second (bound 1,200)."
    )


def reader(frames: int = 300) -> str:
    """Time to read a frame of a video by PyAV, as all commands do, and by OpenCV."""
    import cv2

    from pipelines.io.video import read_frames

    def by_pyav(path: Path) -> None:
        for _ in read_frames(path):
            pass

    def by_opencv(path: Path) -> None:
        capture = cv2.VideoCapture(str(path))
        while capture.read()[0]:
            pass

    with tempfile.TemporaryDirectory() as folder:
        clip = _rendered_video(Path(folder) / "clip.mp4", frames)
        times: dict[str, list[float]] = {"PyAV": [], "OpenCV": []}
        for _ in range(ROUNDS):
            for name, read in (("PyAV", by_pyav), ("OpenCV", by_opencv)):
                begin = time.perf_counter()
                read(clip)
                times[name].append(1e3 * (time.perf_counter() - begin) / frames)
    ours, theirs = (statistics.median(times[name]) for name in ("PyAV", "OpenCV"))
    return (
        f"Reading a frame of 256 x 256 (H.264) takes {ours:.2f} ms by PyAV, which turns it upright and to "
        f"RGB, and {theirs:.2f} ms by OpenCV, which does neither (medians of {ROUNDS}, in turns)."
    )


PARTS = {
    "accuracy": accuracy, "drift": drift, "events": events, "speed": speed, "memory": memory, "spot": spot,
    "spot: an hour": spot_an_hour, "reader": reader,
}  # fmt: skip


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the parts that are named, all by default, and with `--write` put them into the page."""
    run_parts(_PAGE, PARTS, arguments)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
