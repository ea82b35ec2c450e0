"""`make bench-quick`: a short version of every benchmark, to check within minutes that all of them run.

With so few rounds and pairs the results are rough; they are printed and not written to a page. Not included
are benchmarks without a short version: the ranking of methods (all of `portraits_truth`), classifiers (hours
of rendering), clips, pictures of reports (they need Chromium), the experiment of the paper (hours of
training), landmark smoothing (a whole clip), PyTorch and other runtimes (`runtimes`, downloads).
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2

from benchmarks import (
    labels,
    light,
    model_card,
    networks,
    pipelines,
    rendered_faces,
    spotting,
)
from benchmarks import serving as serving_benchmark
from benchmarks.common import command_line, server_life, serving_ways
from benchmarks.common.page import NotMeasured, bound, circumstances
from benchmarks.pictures import label_pictures, moving_picture

_PAIRS = 4


def main() -> None:
    """Run all short benchmarks and print the time of each."""
    print(circumstances())
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        for measure in measurements(Path(scratch)):
            started = time.monotonic()
            try:
                text = measure()
            except NotMeasured as reason:
                text = f"not measured: {reason}"
            if text:
                print(text)
            print(f"  ({time.monotonic() - started:.0f} s)", flush=True)
    seconds = time.monotonic() - begin
    print(f"quick benchmarks: {seconds:.0f} s in total ({bound(seconds, most=300)})")


def measurements(scratch: Path) -> Iterator[Callable[[], object]]:
    """Yield the benchmarks, each a function that returns the text to print.

    Args:
        scratch: Empty folder for temporary files.
    """
    yield command_line.main
    yield pipelines.label_speed
    yield lambda: pipelines.build_speed(rounds=1)
    yield lambda: pipelines.build_memory(minutes=0.1)
    yield lambda: pipelines.dask_workers(subjects=1, rounds=1)
    yield lambda: pipelines.corpus_speed(files=2_000)
    yield lambda: pipelines.input_share(steps=4)
    yield lambda: pipelines.rendered_share(steps=2)
    yield lambda: _serving(scratch / "models")
    yield lambda: networks.forward(rounds=1)
    yield lambda: networks.threads(("fast",), calls=4, rounds=1)
    yield lambda: f"training step: {networks.training_costs('flownet_s', 0.25, 'float32', rounds=1)}"
    yield model_card.recipe
    yield lambda: model_card.rendered(_PAIRS)
    yield lambda: model_card.uncertainty(_PAIRS)
    yield rendered_faces.speed
    yield lambda: rendered_faces.memory(400)
    yield lambda: rendered_faces.face_mesh_agreement(20)
    yield lambda: rendered_faces.classical_methods(_PAIRS)
    yield lambda: light.light(people=_PAIRS, clips=light.CLIPS[:1])
    yield lambda: spotting.apexes(2)
    yield lambda: f"moving picture: {len(moving_picture.pictures(frames=3))} frames"
    yield lambda: f"pictures of labels: {label_pictures.sheet().shape}"
    yield _labels  # last, because it restricts OpenCV to one thread


def _serving(models: Path) -> str:
    from keras_models.flow.flow_networks import build_network
    from serving.export.saved_model import export_flow

    export_flow(build_network("flownet_s", width=0.25), models)
    times = serving_ways.way_times(models, rounds=5)
    bare, grpc, json_call = (
        times[name] for name in (serving_ways.BARE, serving_ways.GRPC, serving_ways.NUMBERS)
    )
    lines = [
        f"serving: bare {1e3 * bare:.1f} ms, gRPC {1e3 * grpc:.1f} ms, REST {1e3 * json_call:.0f} ms",
        serving_benchmark.compare_batching(models, rounds=1, seconds=2),
        server_life.watch_memory(models, minutes=0.1),
        server_life.cold_start(models),
    ]
    return "\n".join(lines)


def _labels() -> str:
    cv2.setNumThreads(1)
    return f"{labels.refined_speed(pairs=1)}\n{labels.rendered(_PAIRS)}"
