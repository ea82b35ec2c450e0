"""`faceflow demo`: every station once, from a portrait to a served flow, with nothing but the package."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faceflow.arguments import Out
from faceflow.console import print_table, progress, say

_TRAINING_PAIRS = 600
_TEST_PAIRS = 24
_RIVALS = ("zero", "label:mesh", "farneback", "dis_fast", "dis_medium", "dis_fine")
_NETWORK = "FlowNetS, trained here"
_CALLS = 20


def demo(out: Out = Path("demo"), minutes: float = 3.0, seed: int = 0) -> None:
    """Show the whole chain: pairs with known motion, training, evaluation, export, server, client, report.

    It takes the portrait that scikit-image ships, a real face in the public domain, moves it by known smooth
    motion, trains a narrow FlowNetS on some of the pairs, compares it with classical flow and with landmark
    labels on others, exports it and asks for it over gRPC. No corpus, no GPU, no network.

    Args:
        out: a new folder, or that of an earlier demo, which is replaced; open report.html in it.
        minutes: time to train.
        seed: of every random draw.
    """
    from pipelines.errors import InputError
    from pipelines.files import replacing

    if out.exists() and not (out / "report.html").exists() and (out.is_file() or any(out.iterdir())):
        raise InputError(f"{out}: not empty, and not an earlier demo; name another folder with --out")
    with replacing(out) as part:
        _run(part, minutes, seed)
    say(f"open {out / 'report.html'}")


def _run(folder: Path, minutes: float, seed: int) -> None:
    from keras_models.evaluate_flow import evaluate_flow
    from keras_models.flow_report import flow_sections, flow_table
    from keras_models.flow_training_config import FlowTrainingConfig
    from keras_models.methods import open_method
    from keras_models.train_flow import train_flow
    from pipelines.pairs import read_pair
    from pipelines.report import Section, Table, write_report
    from serving.export import export_flow

    seconds: dict[str, float] = {}

    @contextmanager
    def station(name: str) -> Iterator[None]:
        say(f"{name} ...")
        begin = time.perf_counter()
        yield
        seconds[name] = time.perf_counter() - begin

    with station("moving the portrait by known motion"):
        figures = _write_pairs(folder / "training", _TRAINING_PAIRS, seed)
        _write_pairs(folder / "test", _TEST_PAIRS, seed + 1)

    with station("training a narrow FlowNetS"):
        # One person on all pairs: nobody is left to validate on. The test is on motion it has not seen.
        config = FlowTrainingConfig(
            width=0.25,
            size=128,
            epochs=14,
            minutes=minutes,
            learning_rate=5e-4,
            validation_share=0,
            seed=seed,
        )
        network = train_flow(folder / "training", folder / "run", config)

    with station("comparing it on pairs it has not seen"), progress("evaluate", _TEST_PAIRS) as step:
        methods = {_NETWORK: open_method(str(folder / "run"))} | {name: open_method(name) for name in _RIVALS}
        evaluation = evaluate_flow(folder / "test", methods, on_pair=step)
    strongest = max(evaluation.of(_NETWORK), key=lambda error: error.motion).pair
    _draw(folder / "picture.png", read_pair(folder / "test", strongest), methods[_NETWORK])
    table = flow_table(evaluation)
    print_table(table.columns, table.rows)

    with station("exporting, serving, asking over gRPC"):
        version = export_flow(network, folder / "models")
        served = _ask(folder / "models", folder / "test", methods[_NETWORK])
    say(served)

    error, still = (evaluation.summary(name)["epe_face"] for name in (_NETWORK, "zero"))
    best = table.rows[0]
    summary = (
        f"In {seconds['training a narrow FlowNetS'] / 60:.1f} minutes the network learned to follow this "
        f"face: it is off by {error:.2f} px on average, where no answer at all is off by {still:.2f}. "
        f"{best[0]} comes closest, with {best[1]} px."
    )
    timing = Table(["station", "seconds"], [[name, f"{value:.0f}"] for name, value in seconds.items()])
    sections = [
        Section(
            "The pairs",
            "One portrait, moved by smooth facial motion and a little head motion that are known exactly; "
            "brightness and noise differ between the frames.",
            figures=figures,
        ),
        *flow_sections(evaluation, methods),
        Section("Served", f"{served} The exported version is {version.name}."),
        Section("Time", tables=[timing]),
    ]
    write_report(folder / "report.html", "FaceFlow, the whole chain", summary, sections)


def _draw(path: Path, pair, estimate: Callable) -> None:
    """Draw what the network sees in a pair."""
    from pipelines.files import write_image
    from pipelines.pictures import flow_panel

    write_image(path, flow_panel(pair.frame1, pair.frame2, *estimate(pair.frame1, pair.frame2)))


def _write_pairs(folder: Path, count: int, seed: int) -> list:
    """Write pairs of the moved portrait, and return pictures of the first two."""
    import skimage.data

    from pipelines.landmarks import FaceMesh, find_face
    from pipelines.pairs import write_facts, write_pair
    from pipelines.pictures import flow_panel
    from pipelines.portrait import PortraitMotion, moved_portrait
    from pipelines.report import Figure

    portrait = skimage.data.astronaut()
    with FaceMesh() as face_mesh:
        landmarks = find_face(face_mesh, portrait, "the portrait").landmarks
    figures = []
    with progress("pairs", count) as step:
        for number in range(count):
            pair = moved_portrait(portrait, landmarks, PortraitMotion(), seed, number)
            write_pair(folder, pair)
            step(pair.name)
            if number < 2:
                panel = flow_panel(pair.frame1, pair.frame2, pair.flow)
                figures.append(Figure(panel, "Frame 1, frame 2, the known flow in colour, and as arrows."))
    write_facts(folder, [{"pair": f"{number:05d}", "subject": "portrait"} for number in range(count)])
    return figures


def _ask(models: Path, pairs: Path, local: Callable) -> str:
    """Serve the exported model, ask it over gRPC, and say how its answer compares with the local one."""
    import numpy as np

    from pipelines.pairs import list_pairs, read_pair
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
