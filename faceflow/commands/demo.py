"""`faceflow demo`: every station once, from a portrait to a served flow, with nothing but the package."""

import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faceflow.arguments import Out
from faceflow.console import print_table, progress, say

_MARK = ".made-by-faceflow-demo"  # only a folder that has it is replaced by the next demo
_SIZE = 128
_TRAINING_PAIRS = 150  # of the portrait, and as many of rendered faces
_TEST_PAIRS = 16
_RIVALS = ("zero", "label:mesh", "farneback", "dis_fast", "dis_medium", "dis_fine")
_SHIPPED = "default"
_NETWORK = "default, fine-tuned here"
_CALLS = 20


def demo(out: Out = Path("demo"), minutes: float = 1.5, seed: int = 0) -> None:
    """Show the whole chain: pairs with known motion, training, evaluation, export, server, client, report.

    It takes the portrait that scikit-image ships, a real face in the public domain, and moves it by known
    smooth motion; it renders other faces; it fine-tunes the network that comes with FaceFlow on both,
    compares both networks with classical flow and with landmark labels on pairs they have not seen, exports
    the fine-tuned one and asks for it over gRPC. No corpus, no GPU, no connection.

    Args:
        out: a new folder, or that of an earlier demo, which is replaced; open report.html in it.
        minutes: time to train.
        seed: of every random draw.
    """
    from pipelines.errors import InputError
    from pipelines.files import replacing

    if minutes <= 0 or seed < 0:
        raise InputError(f"minutes {minutes} must be more than 0, and seed {seed} at least 0")
    ours = (out / _MARK).exists()
    if out.is_file() or (out.exists() and any(out.iterdir()) and not ours):
        raise InputError(f"{out}: not empty, and not an earlier demo; name another folder with --out")
    with replacing(out, replace_folder=ours) as part:
        part.mkdir()
        (part / _MARK).touch()
        _run(part, minutes, seed)
    say(f"open {out / 'report.html'}")


def _run(folder: Path, minutes: float, seed: int) -> None:
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
    def station(name: str) -> Iterator[None]:
        say(f"{name} ...")
        begin = time.perf_counter()
        yield
        seconds[name] = time.perf_counter() - begin

    with station("moving the portrait and rendering faces, by known motion"):
        training = itertools.chain(_portraits(_TRAINING_PAIRS, seed), _rendered(_TRAINING_PAIRS, seed))
        _write_pairs(folder / "training", training, 2 * _TRAINING_PAIRS)
        figures = [
            _write_pairs(folder / "test-portrait", _portraits(_TEST_PAIRS, seed + 1), _TEST_PAIRS),
            _write_pairs(folder / "test-rendered", _rendered(_TEST_PAIRS, seed + 1), _TEST_PAIRS),
        ]

    with station("fine-tuning the network that comes with FaceFlow"):
        config = FlowTrainingConfig(
            loss="robust",
            size=_SIZE,
            epochs=4,
            max_minutes=minutes,
            learning_rate=1e-4,
            warmup_steps=20,
            validation_share=0.05,
            seed=seed,
        )
        network = train_flow(folder / "training", folder / "run", config, init_from=_SHIPPED)

    evaluations = {}
    with station("comparing it on pairs it has not seen"):
        methods = {_NETWORK: get_estimator(str(folder / "run"))}
        methods |= {name: get_estimator(name) for name in (_SHIPPED, *_RIVALS)}
        for kind in ("portrait", "rendered"):
            with progress(f"evaluate, {kind}", _TEST_PAIRS) as step:
                evaluations[kind] = evaluate_flow(folder / f"test-{kind}", methods, on_pair=step)
    for kind, evaluation in evaluations.items():
        table = flow_table(evaluation)
        print_table([kind, *table.columns[1:]], table.rows)

    with station("exporting, serving, asking over gRPC"):
        version = export_flow(network, folder / "models")
        served = _ask(folder / "models", folder / "test-portrait", methods[_NETWORK])
    say(served)

    strongest = max(evaluations["portrait"].of(_NETWORK), key=lambda error: error.motion).pair
    _draw(folder / "picture.png", read_pair(folder / "test-portrait", strongest), methods[_NETWORK])
    summary = " ".join(_verdict(kind, evaluation) for kind, evaluation in evaluations.items())
    timing = Table(["station", "seconds"], [[name, f"{value:.0f}"] for name, value in seconds.items()])
    sections = [
        Section(
            "The pairs",
            "A portrait, moved by smooth facial motion and a little head motion that are known exactly, and "
            "rendered faces, whose motion is known because they are rendered. Brightness and noise differ "
            "between the frames.",
            figures=figures,
        ),
        *flow_sections(
            evaluations["portrait"], methods, on="on the portrait, moved otherwise than in training"
        ),
        *flow_sections(evaluations["rendered"], methods, on="on rendered people who are not in training"),
        Section("Served", f"{served} The exported version is {version.name}."),
        Section("Time", tables=[timing]),
    ]
    write_report(folder / "report.html", "FaceFlow, the whole chain", summary, sections)


def _draw(path: Path, pair, estimate: Callable) -> None:
    """Draw what the network sees in a pair."""
    from pipelines.io.images import write_image
    from pipelines.visualization.flow_pictures import flow_panel

    write_image(path, flow_panel(pair.frame1, pair.frame2, *estimate(pair.frame1, pair.frame2)))


def _verdict(kind: str, evaluation) -> str:
    from keras_models.evaluation.flow_report import flow_table

    error, still = (evaluation.summary(name)["epe_face"] for name in (_NETWORK, "zero"))
    best = flow_table(evaluation).rows[0]
    return (
        f"On the {kind} pairs the network is off by {error:.2f} px on average in the face, where no answer "
        f"at all is off by {still:.2f}; {best[0]} comes closest with {best[1]}."
    )


def _portraits(count: int, seed: int) -> Iterator:
    """Yield pairs of the moved portrait."""
    from pipelines.synthetic.portrait import PortraitMotion, portrait_pairs

    yield from portrait_pairs(PortraitMotion(size=_SIZE), seed, count)


def _rendered(count: int, seed: int) -> Iterator:
    """Yield pairs of rendered faces."""
    from pipelines.synthetic.renderer import render_pair

    for number in range(count):
        yield render_pair(seed, number, _SIZE)


def _write_pairs(folder: Path, pairs: Iterable, count: int):
    """Write pairs under new numbers, and return a picture of the one that moves most."""
    import numpy as np

    from pipelines.io.pairs import write_facts, write_pair
    from pipelines.visualization.flow_pictures import flow_panel
    from pipelines.visualization.report import Figure

    rows, most, figure = [], -1.0, None
    with progress("pairs", count) as step:
        for number, pair in enumerate(pairs):
            named = dataclasses.replace(pair, name=f"{number:05d}")
            write_pair(folder, named)
            rows.append({"pair": named.name, "subject": pair.facts.get("subject", "portrait")})
            if (motion := float(np.abs(pair.flow).mean())) > most:
                panel = flow_panel(pair.frame1, pair.frame2, pair.flow)
                most, figure = motion, Figure(panel, "Frame 1, frame 2, known flow in colour, and as arrows.")
            step(number)
    write_facts(folder, rows)
    return figure


def _ask(models: Path, pairs: Path, local: Callable) -> str:
    """Serve the exported model, ask it over gRPC, and say how its answer compares with the local one."""
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
        f"The server's answer over gRPC equals the local one (largest difference {difference:.1g} px); it "
        f"took {grpc_ms:.1f} ms, the local call {local_ms:.1f} ms (medians of {_CALLS} calls)."
    )
