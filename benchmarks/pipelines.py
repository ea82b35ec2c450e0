"""What the way from clips to batches costs, each step beside what it is measured by.

`python -m benchmarks.pipelines` prints it; with `--write` it goes into docs/benchmarks.md, between the
markers of each part. Names of parts after it run these alone.
"""

import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.common.page import bound, run_parts
from benchmarks.common.peak_memory import measured
from benchmarks.common.real_data import real_data
from benchmarks.common.timing import ROUNDS, median_seconds

_PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def label_speed() -> str:
    """One 256x256 label from given landmarks, beside SciPy's `griddata` on the same points."""
    import skimage.data
    from scipy.interpolate import griddata

    from pipelines.image.crops import crop_around
    from pipelines.image.warping import pixel_grid
    from pipelines.labels.mesh import mesh_label
    from pipelines.landmarks.detector import FaceMesh

    portrait = skimage.data.astronaut()
    with FaceMesh() as face_mesh:
        landmarks = face_mesh(portrait).landmarks
    points = crop_around(landmarks, 256, margin=0.15).points(landmarks)
    moved = points + np.random.default_rng(0).normal(0, 1, points.shape).astype(np.float32)
    grid = pixel_grid((256, 256))
    mesh_label(points, moved, (256, 256))  # compiles
    ours, theirs = median_seconds(
        lambda: mesh_label(points, moved, (256, 256)), lambda: griddata(points, moved - points, grid)
    )
    return (
        f"One `mesh` label of 256x256 takes {1e3 * ours:.2f} ms on one core "
        f"({bound(1e3 * ours, most=5)}), SciPy's `griddata` on "
        f"the same points {1e3 * theirs:.1f} ms, {theirs / ours:.0f} times as long."
    )


def build_speed(rounds: int = ROUNDS) -> str:
    """One process of `faceflow build` on the GRID clips beside reading them and running Face Mesh alone."""
    from pipelines.datasets.corpora import find_clips
    from pipelines.io.video import read_frames
    from pipelines.landmarks.detector import FaceMesh
    from pipelines.records.build_config import BuildConfig
    from pipelines.records.clip_records import build_clip

    source = real_data("grid")
    clips = find_clips("folder", source)

    def face_mesh_alone() -> None:
        for clip in clips:
            with FaceMesh(tracking=True) as face_mesh:
                for frame in read_frames(clip.path):
                    face_mesh(frame)

    def whole_build() -> None:
        with tempfile.TemporaryDirectory() as out:
            for clip in clips:
                build_clip(clip, Path(out), BuildConfig(), "")

    whole_build()  # imports
    alone, whole = median_seconds(face_mesh_alone, whole_build, rounds=rounds, clock=time.process_time)
    return (
        f"`faceflow build` of the GRID clips takes {whole:.2f} s of one core's time where reading them and "
        f"Face Mesh alone take {alone:.2f} s: ratio {whole / alone:.2f} "
        f"({bound(whole / alone, most=1.3)}). Dense labels are made "
        "while training, unless they are asked for."
    )


def build_memory(minutes: float = 10) -> str:
    """Peak memory of a process that builds one long clip: a GRID clip, again and again."""
    source = real_data("grid")
    from pipelines.io.video import frame_rate, read_clip, write_video

    clip = min(source.iterdir())
    frames, rate = read_clip(clip), frame_rate(clip)
    with tempfile.TemporaryDirectory() as folder:
        count = int(minutes * 60 * rate)
        write_video(
            Path(folder) / "clips" / "long.mp4", (frames[k % len(frames)] for k in range(count)), rate
        )
        code = "import sys; from pipelines.records.builder import build; build(*sys.argv[1:])"
        _, peak = measured([sys.executable, "-c", code, f"{folder}/clips", f"{folder}/out"])
    return (
        f"A process that builds one clip of {minutes:g} minutes ({count:,} frames of "
        f"{frames[0].shape[1]}x{frames[0].shape[0]}) holds {peak / 1024:.2f} GB at most "
        f"({bound(peak / 1024, most=1.5)})."
    )


def dask_workers(subjects: int = 3, rounds: int = ROUNDS) -> str:
    """Two workers of a Dask scheduler beside one, in turns, on the clips of a rendered CAS(ME)^2."""
    from distributed import LocalCluster

    from pipelines.records.build_config import BuildConfig
    from pipelines.records.builder import build
    from pipelines.synthetic.rendered_corpora import render_corpus

    config, made = BuildConfig(corpus="casme_squared"), []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        render_corpus("casme_squared", Path(folder) / "corpus", subjects=subjects)

        def builder(workers: int) -> Callable[[], object]:
            cluster = stack.enter_context(
                LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0")
            )

            def whole_build() -> None:
                out = Path(folder) / f"{workers}-{len(made)}"
                made.append(build(Path(folder) / "corpus", out, config, scheduler=cluster.scheduler_address))

            return whole_build

        builds = [builder(1), builder(2)]
        for one_build in builds:
            one_build()  # imports
        one, two = median_seconds(*builds, rounds=rounds)
    return (
        f"One worker of a Dask scheduler builds the {len(made[0].clips)} clips of a rendered CAS(ME)^2 of "
        f"{subjects} subjects in {one:.1f} s, two build them in {two:.1f} s (median of {rounds} builds, in "
        f"turns): {one / two:.2f} times as fast "
        f"({bound(one / two, least=1.7)}). All of them run on this machine."
    )


def corpus_speed(files: int = 200_000) -> str:
    """Time and peak memory of `faceflow corpus` on many frame files, beside listing the folders alone."""
    import openpyxl

    clips, each = 255, files // 255
    with tempfile.TemporaryDirectory() as folder:
        book = openpyxl.Workbook()
        columns = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units")
        book.active.append((*columns, "Estimated Emotion"))
        for k in range(clips):
            subject, name = f"{1 + k % 26:02d}", f"EP{k:03d}"
            place = Path(folder) / "Cropped" / f"sub{subject}" / name
            place.mkdir(parents=True)
            for number in range(1, each + 1):
                (place / f"img{number}.jpg").touch()
            book.active.append((subject, name, 1, 2, 3, "4+L10", "happiness"))
        book.save(Path(folder) / "CASME2-coding-20140508.xlsx")
        command = [Path(sys.prefix) / "bin" / "faceflow", "corpus", "casme2", folder]
        runs = [measured(command) for _ in range(ROUNDS)]
        (alone,) = median_seconds(lambda: sum(len(names) for _, _, names in os.walk(folder)))
    seconds, mebibytes = (statistics.median(column) for column in zip(*runs, strict=True))
    return (
        f"`faceflow corpus` takes {seconds:.2f} s, its start included, and holds at most {mebibytes:.0f} MiB "
        f"({bound(mebibytes, most=400)}) "
        f"for a CASME II with {clips * each:,} frame files; listing the folders alone takes "
        f"{alone:.2f} s."
    )


def spotting_corpora(subjects: tuple[int, int] = (6, 4)) -> str:
    """F1 of macro- and micro-expressions in rendered CAS(ME)^2 and SAMM Long Videos, beside the baseline."""
    from keras_models.evaluation.spotting.evaluate_spotting import evaluate_spotting
    from keras_models.evaluation.spotting.spotting_methods import METHODS, candidates_by
    from pipelines.datasets.corpora import read_corpus
    from pipelines.synthetic.rendered_corpora import render_corpus

    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for corpus, count in zip(("casme_squared", "samm_long"), subjects, strict=True):
            render_corpus(corpus, Path(folder) / corpus, subjects=count)
            videos = read_corpus(corpus, Path(folder) / corpus).videos
            for method in METHODS:
                evaluation, _ = evaluate_spotting(method, {corpus: videos}, candidates_by(method))
                counts = evaluation.counts()
                cells = [
                    f"{counts[kind].f1:.3f} ({counts[kind].hits} of {counts[kind].true} coded found, "
                    f"{counts[kind].found - counts[kind].hits} false)"
                    for kind in ("macro", "micro")
                ]
                lines.append(f"| `{corpus}` | {count} | {len(videos)} | `{method}` | {' | '.join(cells)} |")
    return (
        "F1 of spotting in rendered long videos, thresholds learned with one subject left out (bounds for "
        "`flow`: macro .80, micro .70); `frame_difference` is the baseline:\n\n"
        "| corpus | subjects | videos | method | macro | micro |\n|---|---|---|---|---|---|\n"
        + "\n".join(lines)
    )


def input_share(steps: int = 20) -> str:
    """Share of a FlowNetS training loop (width 0.5, 192x192, batch 8) that waits for its batches."""
    with tempfile.TemporaryDirectory() as folder:
        _portrait_pairs(Path(folder), 64)
        waiting, total = _waiting(folder, steps)
    return (
        "Training FlowNetS at width 0.5 on pairs from disk, 8 crops of 192x192 a step, waits for its batches "
        f"{waiting / total:.1%} of the time ({bound(100 * waiting / total, most=5, unit=' %')})."
    )


def rendered_share(steps: int = 80) -> str:
    """The same with rendered faces: drawn while training, and rendered before."""
    from pipelines.synthetic.renderer.generate import render_pairs

    with tempfile.TemporaryDirectory() as folder:
        render_pairs(Path(folder) / "rendered", 64)
        stored = _waiting(Path(folder) / "rendered", steps)
    drawn = _waiting("rendered:1000000", steps)
    slower, step = drawn[1] / stored[1], drawn[1] / steps
    return (
        f"The same training waits {drawn[0] / drawn[1]:.1%} of the time for rendered pairs that are drawn "
        f"meanwhile ({bound(100 * drawn[0] / drawn[1], most=50, unit=' %')}), "
        f"and {stored[0] / stored[1]:.1%} for rendered pairs that are read from "
        f"disk. Drawing takes cores from the training, though: with it a step takes {slower:.1f} times as "
        f"long, {step:.2f} s on {os.cpu_count()} cores."
    )


def _waiting(data: Path | str, steps: int) -> tuple[float, float]:
    """Return how long FlowNetS at width 0.5 waits for batches of 8 crops of 192x192, and takes in all."""
    import tensorflow as tf

    from keras_models.flow.flow_networks import build_network
    from keras_models.training.flow_trainer import FlowTrainer
    from pipelines.training_data.input_pipeline import InputConfig, training_batches
    from pipelines.training_data.sources import open_source

    # A window of 512 pairs, as in training, would be drawn before the first step, and not be waited for again
    # until it is used up.
    batches = training_batches(open_source(data), InputConfig(size=192, batch_size=8, shuffle=16))
    trainer = FlowTrainer(build_network("flownet_s", width=0.5))
    trainer.compile("adam")
    return _time_loop(iter(batches), tf.function(trainer.train_step), steps)


def _time_loop(batches: Iterator, step: Callable, steps: int) -> tuple[float, float]:
    """Return the seconds spent waiting for batches and in all, after two steps to compile."""
    for batch in itertools.islice(batches, 2):
        step(batch)
    waiting, begin = 0.0, time.perf_counter()
    for _ in range(steps):
        asked = time.perf_counter()
        batch = next(batches)
        waiting += time.perf_counter() - asked
        step(batch)["loss"].numpy()
    return waiting, time.perf_counter() - begin


def _portrait_pairs(folder: Path, count: int) -> None:
    import skimage.data

    from pipelines.io.pairs import write_pair
    from pipelines.landmarks.detector import FaceMesh
    from pipelines.synthetic.portrait import PortraitMotion, moved_portrait

    portrait = skimage.data.astronaut()
    with FaceMesh() as face_mesh:
        landmarks = face_mesh(portrait).landmarks
    for number in range(count):
        write_pair(folder, moved_portrait(portrait, landmarks, PortraitMotion(size=256), 0, number))


PARTS = {
    "records: label": label_speed,
    "records: build": build_speed,
    "records: memory": build_memory,
    "records: dask": dask_workers,
    "corpora: listing": corpus_speed,
    "corpora: spotting": spotting_corpora,
    "inputs: disk": input_share,
    "inputs: rendered": rendered_share,
}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the parts that are named, all by default, and with `--write` put them into the page."""
    run_parts(_PAGE, PARTS, arguments)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
