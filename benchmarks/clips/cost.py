"""Time and memory of what reads clips."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common.page import bound
from benchmarks.common.peak_memory import measured
from benchmarks.common.timing import median_seconds

SPEED_FRAMES, ROUNDS = 480, 3
MEMORY_FRAMES = (1_000, 10_000)
_SEED = 2029
_FACEFLOW = Path(sys.prefix) / "bin" / "faceflow"


def speed(frames: int = SPEED_FRAMES, rounds: int = ROUNDS) -> str:
    """Time of a frame of `analyze`, beside `flow CLIP --face` of this commit or of `BASELINE`, in turns."""
    baseline = Path(os.environ.get("BASELINE", Path(__file__).parents[2]))
    named = "this commit" if "BASELINE" not in os.environ else f"the earlier commit {_commit(baseline)}"
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
        f"`faceflow analyze` (landmarks, flow, tables; no video) takes {1e3 * default:.0f} ms per frame of "
        f"256 x 256, {1 / default:.0f} frames per second, and {1e3 * fast:.0f} ms with `--model fast`, "
        f"{1 / fast:.0f} frames per second. `faceflow flow CLIP --face` of {named} takes "
        f"{1e3 * theirs:.0f} ms, so the ratios are {default / theirs:.2f} and {fast / theirs:.2f} "
        f"({bound(max(default, fast) / theirs, most=0.6)}; medians of {rounds}, in turns, of the frames "
        f"after the first {frames // 4} of {frames})."
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
    more = many / few - 1
    return (
        f"An analysis (`--model dis_fast`, no pictures) holds at most {few:.0f} MiB in a clip of "
        f"{counts[0]:,} frames and {many:.0f} MiB in one of {counts[1]:,}: {more:+.1%} "
        f"({bound(100 * more, most=2, unit=' %')})."
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
        times = median_seconds(lambda: by_pyav(clip), lambda: by_opencv(clip), rounds=ROUNDS)
    ours, theirs = (1e3 * seconds / frames for seconds in times)
    return (
        f"Reading a frame of 256 x 256 (H.264) takes {ours:.2f} ms by PyAV, which turns it upright and to "
        f"RGB, and {theirs:.2f} ms by OpenCV, which does neither (medians of {ROUNDS}, in turns)."
    )
