"""What serving costs: gRPC and REST beside the bare call, other runtimes, batching, hot swap, start, memory.

`python -m benchmarks.serving` prints it; with `--write` it goes into docs/benchmarks.md, and what a core
carries into docs/serving.md, between the markers of each part. Names of parts run these alone; `--minutes N`
watches memory for N minutes in place of twenty; `--against FOLDER` compares REST with another checkout of the
project, usually of an earlier commit, with its environment in `FOLDER/.venv`.

Everything that is compared runs in turns in one go, so that whatever else the machine does falls on all
alike. The server is a process of its own, as in use.
"""

import argparse
import os
import re
import statistics
import sys
import tempfile
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

import numpy as np

from benchmarks.common.other_clients import other_clients
from benchmarks.common.page import NotMeasured, bound, run_parts, table
from benchmarks.common.rest_comparison import compare_rest
from benchmarks.common.server_life import cold_start, hot_swap, watch_memory
from benchmarks.common.server_process import (
    CLIENTS,
    SIZE,
    SMALL,
    frames,
    load,
    medians_in_turns,
    processor_seconds,
    server,
)
from benchmarks.common.serving_ways import BARE, GRPC, ONNX, way_times, ways
from benchmarks.networks import run_torch

ROUNDS = 120
_BATCHING_BOUND = 3
_DOCS = Path(__file__).parents[1] / "docs"


@cache
def _scratch() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory()  # removed when the process ends


@cache
def _exported(name: str | None = None) -> tuple[Path, Path]:
    """Export a network of half width, or the shipped one; returns the base folder and the ONNX file."""
    from keras_models.flow.flow_networks import build_network
    from keras_models.presets import load_network
    from serving.export.onnx_export import export_onnx
    from serving.export.saved_model import export_flow

    network = build_network(name, width=0.5) if name else load_network()
    folder = Path(_scratch().name) / (name or "shipped")
    export_flow(network, folder)
    return folder, export_onnx(network, folder.with_name(f"{folder.name}_onnx"))[0]


def call() -> str:
    """One pair of the shipped network: bare, over gRPC, over REST, and by ONNX Runtime."""
    folder, onnx = _exported()
    return ways(way_times(folder, ROUNDS, onnx), ROUNDS)


def runtimes() -> str:
    """One pair of FlowNetS in TensorFlow, over gRPC, in ONNX Runtime, and in PyTorch, which uv downloads."""
    folder, onnx = _exported("flownet_s")
    times = way_times(folder, ROUNDS, onnx)
    bare, over_grpc, by_onnx = (times[name] for name in (BARE, GRPC, ONNX))
    return (
        f"One {SIZE}x{SIZE} pair, FlowNetS of half width, medians of {ROUNDS} calls in turns: TensorFlow "
        f"{1e3 * bare:.1f} ms, over gRPC {1e3 * over_grpc:.1f} ms, ONNX Runtime {1e3 * by_onnx:.1f} ms; "
        f"right afterwards, in a process and an environment of its own, {_by_torch()}."
    )


def _by_torch() -> str:
    try:
        measured = run_torch(0.5, 1, ROUNDS)
    except RuntimeError as error:
        raise NotMeasured(f"PyTorch: {error}") from error
    return f"PyTorch {measured['version']} {measured['milliseconds']['forward'][0]:.1f} ms"


def compare_batching(folder: str | Path, rounds: int = 5, seconds: float = 4.0) -> str:
    """Put 16 clients on a server that joins requests and on one that does not, in turns."""
    with server(folder) as (single, *_), server(folder, enable_batching=True) as (joined, *_):
        for address in (single, joined):
            load(address, 2.0)
        times = {"one by one": [], "joined": []}
        ratios = []
        for _ in range(rounds):
            counts = []
            for name, address in (("one by one", single), ("joined", joined)):
                found = load(address, seconds)
                times[name] += found
                counts.append(len(found))
            ratios.append(counts[1] / counts[0])
    lines = [
        f"{name} {len(found) / (rounds * seconds):.0f} requests/s, "
        f"median {1e3 * statistics.median(found):.0f} ms, "
        f"p99 {1e3 * np.percentile(found, 99):.0f} ms"
        for name, found in times.items()
    ]
    return (
        f"{CLIENTS} clients, {SMALL}x{SMALL} pairs, {rounds} rounds of {seconds:g} s each in turns: "
        f"{'; '.join(lines)}; batching gives {statistics.median(ratios):.2f} times as many "
        f"({bound(statistics.median(ratios), least=_BATCHING_BOUND)}; "
        f"rounds {', '.join(f'{ratio:.2f}' for ratio in ratios)})."
    )


def batching() -> str:
    """Throughput and latency under load, of the shipped network and of FlowNetS."""
    lines = [
        f"{what}: {compare_batching(_exported(name)[0])}"
        for what, name in (("The shipped network", None), ("FlowNetS of half width", "flownet_s"))
    ]
    return "\n\n".join(lines)


def core(seconds: float = 6.0) -> str:
    """How many requests a core of a server carries, by the size of the frames."""
    folder, _ = _exported()
    sizes = (SMALL, 2 * SMALL, SIZE)
    columns = []
    for joined in (False, True):
        with server(folder, enable_batching=joined) as (address, _, process):
            for size in sizes:
                load(address, 2.0, size=size)
                before = processor_seconds(process)
                answered = len(load(address, seconds, size=size))
                columns.append(answered / (processor_seconds(process) - before))
    rows = [
        [f"{size}x{size}", f"{alone:.0f}", f"{together:.0f}"]
        for size, alone, together in zip(sizes, columns, columns[len(sizes) :], strict=False)
    ]
    return (
        "Requests answered per second of processor time of one core, with the shipped network and "
        f"{CLIENTS} clients. Only the processor time of the server's process counts.\n\n"
        + table(["frames", "one by one", "`--enable_batching`"], rows)
    )


def errors(rounds: int = 15) -> str:
    """What a wrong element costs beside the valid body: 256x256 frames of floats, in four layouts."""
    import json

    from serving.protocol.serving_error import ServingError
    from serving.protocol.stubs import meta_graph_pb2, types_pb2
    from serving.rest.json_bodies import parse, tensors

    first, second = (np.round(frame[None] / 255, 4).tolist() for frame in frames(SIZE))
    layouts = {
        "columns": {"inputs": {"frame1": first, "frame2": second}},
        "rows": {"instances": [{"frame1": first[0], "frame2": second[0]}]},
        "a plain column": {"inputs": first},
        "plain rows": {"instances": first},
    }
    wrong = ["null", '"x"', "[1]", "1,2", "{}", '{"a":[1]}', "1 2"]
    rows, worst = [], 0.0
    for layout, document in layouts.items():
        valid = json.dumps(document)
        names = [name for name in ("frame1", "frame2") if f'"{name}"' in valid] or ["frame1"]
        declared = {name: meta_graph_pb2.TensorInfo(dtype=types_pb2.DT_FLOAT) for name in names}
        last = re.compile(r"[\d.]+(?=[^\d]*$)")
        bodies = {"": valid.encode()} | {each: last.sub(each, valid).encode() for each in wrong}

        def read(body, declared=declared):
            with suppress(ServingError):
                tensors(parse(body), declared)

        calls = {each: partial(read, body) for each, body in bodies.items()}
        times = medians_in_turns(calls, rounds, 1)
        ratios = [times[each] / times[""] for each in wrong]
        worst = max(worst, *ratios)
        rows.append([layout, f"{1e3 * times['']:.0f} ms", *(f"{ratio:.2f}" for ratio in ratios)])
    return (
        "Time to read a body with one wrong element at its end, beside the valid body "
        f"({bound(worst, most=2)}); "
        f"{SIZE}x{SIZE} frames of floats, medians of {rounds} in random order.\n\n"
        + table(["layout", "valid", *(f"`{each}`" for each in wrong)], rows)
    )


PARTS = {
    "serving: call": call,
    "serving: runtimes": runtimes,
    "serving: batching": batching,
    "serving: REST": lambda: compare_rest(_exported()[0], None),
    "serving: errors": errors,
    "serving: hot swap": lambda: hot_swap(_exported()[0]),
    "serving: start": lambda: cold_start(_exported()[0]),
    "serving: clients": lambda: other_clients(_exported()[0]),
    "serving: memory": lambda: watch_memory(_exported()[0], 20.0),
}
CORE = {"serving: core": core}


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the parts that are named, all by default, and with `--write` put them into the pages."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="time for which memory is watched")
    parser.add_argument("--against", metavar="FOLDER", help="another checkout to compare REST with")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("parts", nargs="*", help=f"of {', '.join([*PARTS, *CORE])}")
    asked = parser.parse_args(arguments)
    parts = PARTS | {
        "serving: memory": lambda: watch_memory(_exported()[0], asked.minutes),
        "serving: REST": lambda: compare_rest(_exported()[0], asked.against),
    }
    if unknown := set(asked.parts) - {*parts, *CORE}:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; use one of: {', '.join([*parts, *CORE])}")
    if asked.against is None and not asked.parts:
        del parts["serving: REST"]  # its last result stays in the page
    from serving.runtime.tensorflow_threads import set_tensorflow_threads
    from serving.server_options import ServerOptions

    options = ServerOptions()  # bare calls get the threads of the server
    set_tensorflow_threads(options.tensorflow_intra_op_parallelism, options.tensorflow_inter_op_parallelism)
    for page, of_page in (("benchmarks.md", parts), ("serving.md", CORE)):
        names = [name for name in asked.parts or of_page if name in of_page]
        if names:
            run_parts(_DOCS / page, of_page, [*names, *(["--write"] if asked.write else [])])


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
