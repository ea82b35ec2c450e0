"""`faceflow demo`: everything once, end to end, with nothing but the installed package."""

import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faceflow.arguments import Out
from faceflow.console import print_table, progress, say

_MARK = ".made-by-faceflow-demo"  # the next demo replaces only a folder with this file
_SIZE = 128
_TRAINING_PAIRS = 150  # of each kind
_TEST_PAIRS = 16
_BASELINES = ("zero", "label:mesh", "farneback", "dis_fast", "dis_medium", "dis_fine")
_SHIPPED = "default"
_FINE_TUNED = "default, fine-tuned"
_CALLS = 20
_CLIP, _CLIP_FRAMES, _CLIP_SIZE = 22, 75, 192  # number in its series, and what is rendered of it
_CLIP_CRF = 10  # little compression, as micro-expressions need it


def demo(out: Out = Path("demo"), max_minutes: float = 1.5, seed: int = 0) -> None:
    """Run everything once, end to end: data, training, evaluation, export, server, client, report.

    Makes training pairs with known flow from a public-domain portrait and from rendered faces, and fine-tunes
    the shipped network on them. Compares it with classical flow and landmark labels on unseen pairs, exports
    it, requests its flow over gRPC, and analyses a rendered clip. Needs no corpus, GPU or internet
    connection.

    Args:
        out: New folder, or the folder of an earlier demo, which is replaced. Open report.html in it.
        max_minutes: Time limit of the training, minutes.
        seed: Random seed.
    """
    from pipelines.errors import InputError
    from pipelines.files import replacing

    if not max_minutes > 0 or seed < 0:
        raise InputError(f"--max-minutes {max_minutes} must be more than 0, and --seed {seed} at least 0")
    ours = (out / _MARK).exists()
    if out.is_file() or (out.exists() and any(out.iterdir()) and not ours):
        raise InputError(f"{out}: not empty, and not an earlier demo; name another folder with --out")
    with replacing(out, replace_folder=ours) as part:
        part.mkdir()
        (part / _MARK).touch()
        _run(part, max_minutes, seed)
    say(f"open {out / 'report.html'} and {out / 'clip' / 'report.html'}")


def _run(folder: Path, max_minutes: float, seed: int) -> None:
    from keras_models.evaluation.evaluate_flow import evaluate_flow
    from keras_models.evaluation.flow_report import flow_sections, flow_table
    from keras_models.inference.estimators import get_estimator
    from keras_models.training.flow_training_config import FlowTrainingConfig
    from keras_models.training.train_flow import train_flow
    from pipelines.io.pairs import read_pair
    from pipelines.visualization.report import Section, Table, write_report
    from serving.export.saved_model import export_flow

    seconds: dict[str, float] = {}

    @contextmanager
    def step_named(name: str) -> Iterator[None]:
        say(f"{name} ...")
        begin = time.perf_counter()
        yield
        seconds[name] = time.perf_counter() - begin

    with step_named("making training and test pairs with known flow"):
        training = itertools.chain(_portraits(_TRAINING_PAIRS, seed), _rendered(_TRAINING_PAIRS, seed))
        _write_pairs(folder / "training", training, 2 * _TRAINING_PAIRS)
        figures = [
            _write_pairs(folder / "test-portrait", _portraits(_TEST_PAIRS, seed + 1), _TEST_PAIRS),
            _write_pairs(folder / "test-rendered", _rendered(_TEST_PAIRS, seed + 1), _TEST_PAIRS),
        ]

    with step_named("fine-tuning the shipped network"):
        config = FlowTrainingConfig(
            loss="robust",
            size=_SIZE,
            epochs=4,
            max_minutes=max_minutes,
            learning_rate=1e-4,
            warmup_steps=20,
            validation_share=0.05,
            seed=seed,
        )
        network = train_flow(folder / "training", folder / "run", config, init_from=_SHIPPED)

    evaluations = {}
    with step_named("comparing it with other methods on unseen pairs"):
        methods = {_FINE_TUNED: get_estimator(str(folder / "run"))}
        methods |= {name: get_estimator(name) for name in (_SHIPPED, *_BASELINES)}
        for kind in ("portrait", "rendered"):
            with progress(f"evaluate, {kind}", _TEST_PAIRS) as step:
                evaluations[kind] = evaluate_flow(folder / f"test-{kind}", methods, on_pair=step)
    for kind, evaluation in evaluations.items():
        table = flow_table(evaluation)
        print_table([kind, *table.columns[1:]], table.rows)

    with step_named("exporting it, serving it, requesting its flow over gRPC"):
        version = export_flow(network, folder / "models")
        served = _serve(folder / "models", folder / "test-portrait", methods[_FINE_TUNED])
    say(served)

    with step_named("analysing a rendered clip"):
        clip = _analyse_clip(folder, seed)
    say(clip)

    strongest = max(evaluations["portrait"].of(_FINE_TUNED), key=lambda error: error.motion).pair
    _draw(folder / "picture.png", read_pair(folder / "test-portrait", strongest), methods[_FINE_TUNED])
    summary = " ".join(_verdict(kind, evaluation) for kind, evaluation in evaluations.items())
    timing = Table(["step", "seconds"], [[name, f"{value:.0f}"] for name, value in seconds.items()])
    sections = [
        Section(
            "Data",
            "A portrait, warped by smooth known motion of face and head, and rendered faces with exact flow. "
            "Brightness and noise differ between the frames of a pair.",
            figures=figures,
        ),
        *flow_sections(
            evaluations["portrait"],
            methods,
            on="on the portrait, with unseen motion",
        ),
        *flow_sections(evaluations["rendered"], methods, on="on unseen rendered people"),
        Section("Serving", f"{served} The exported version is {version.name}."),
        Section("Clip", f"{clip} Open clip/report.html beside this page."),
        Section("Time", tables=[timing]),
    ]
    write_report(folder / "report.html", "FaceFlow demo", summary, sections)


def _analyse_clip(folder: Path, seed: int) -> str:
    """Render a clip of a person with a micro-expression, a blink and a turn of the head, and analyse it."""
    from faceflow.api import analyze
    from pipelines.io.video import write_video
    from pipelines.synthetic.renderer.clip_script import draw_clip
    from pipelines.synthetic.renderer.rendered_clip import photographs

    script = draw_clip(seed, _CLIP, kind="mixed", frames=_CLIP_FRAMES, size=_CLIP_SIZE)
    write_video(folder / "clip.mp4", photographs(script), script.rate, crf=_CLIP_CRF)
    analysis = analyze(folder / "clip.mp4", folder / "clip", reference=0)
    found = [f"{event.kind} with its apex at {analysis.times[event.apex]:.2f} s" for event in analysis.events]
    true = [f"{event.kind} at {event.apex / script.rate:.2f} s" for event in script.events]
    return (
        f"A rendered clip of {len(analysis.times)} frames was analysed. Events in it: {', '.join(true)}. "
        f"Found: {', '.join(found) or 'none'}."
    )


def _draw(path: Path, pair, estimate: Callable) -> None:
    """Draw the flow that the network estimates."""
    from pipelines.io.images import write_image
    from pipelines.visualization.flow_pictures import flow_panel

    write_image(path, flow_panel(pair.frame1, pair.frame2, *estimate(pair.frame1, pair.frame2)))


def _verdict(kind: str, evaluation) -> str:
    from keras_models.evaluation.flow_report import flow_table

    error, still = (evaluation.summary(name)["epe_face"] for name in (_FINE_TUNED, "zero"))
    best = flow_table(evaluation).rows[0]
    return (
        f"On the {kind} pairs, the mean end-point error in the face is {error:.2f} px for the fine-tuned "
        f"network and {still:.2f} px for zero flow; the lowest is {best[1]} px, {best[0]}."
    )


def _portraits(count: int, seed: int) -> Iterator:
    """Yield pairs of the warped portrait."""
    from pipelines.synthetic.portrait import PortraitMotion, portrait_pairs

    yield from portrait_pairs(PortraitMotion(size=_SIZE), seed, count)


def _rendered(count: int, seed: int) -> Iterator:
    """Yield pairs of rendered faces."""
    from pipelines.synthetic.renderer import render_pair

    for number in range(count):
        yield render_pair(seed, number, _SIZE)


def _write_pairs(folder: Path, pairs: Iterable, count: int):
    """Write numbered pairs and return a figure of the one with the largest motion."""
    import numpy as np

    from pipelines.io.pairs import write_metadata, write_pair
    from pipelines.visualization.flow_pictures import flow_panel
    from pipelines.visualization.report import Figure

    rows, most, figure = [], -1.0, None
    with progress("pairs", count) as step:
        for number, pair in enumerate(pairs):
            named = dataclasses.replace(pair, name=f"{number:05d}")
            write_pair(folder, named)
            rows.append({"pair": named.name, "subject": pair.metadata.get("subject", "portrait")})
            if (motion := float(np.abs(pair.flow).mean())) > most:
                panel = flow_panel(pair.frame1, pair.frame2, pair.flow)
                most, figure = motion, Figure(panel, "Frame 1, frame 2, known flow in colour, and as arrows.")
            step(number)
    write_metadata(folder, rows)
    return figure


def _serve(models: Path, pairs: Path, local: Callable) -> str:
    """Serve the exported model, request its flow over gRPC, and compare it with the local result."""
    import numpy as np

    from pipelines.io.pairs import list_pairs, read_pair
    from serving.client import FaceFlowClient
    from serving.server import Server

    pair = read_pair(pairs, list_pairs(pairs)[0])
    with Server(models, port=0) as server, FaceFlowClient(server.address) as client:
        times = {"local": [], "gRPC": []}
        for _ in range(_CALLS):
            for name, call in (("local", lambda a, b: local(a, b)[0]), ("gRPC", client.flow)):
                begin = time.perf_counter()
                flow = call(pair.frame1, pair.frame2)
                times[name].append(time.perf_counter() - begin)
                if name == "local":
                    expected = flow
        difference = float(np.abs(flow - expected).max())
    if difference > 1e-3:
        raise RuntimeError(f"the served flow differs from the local one by {difference} px")
    local_ms, grpc_ms = (statistics.median(values) * 1000 for values in times.values())
    return (
        f"The flow served over gRPC equals the local one (largest difference {difference:.1g} px). A request "
        f"took {grpc_ms:.1f} ms and a local call {local_ms:.1f} ms (medians of {_CALLS} calls)."
    )
