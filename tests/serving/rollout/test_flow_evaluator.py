"""Evaluation before a push. Networks here give one known flow everywhere; the pairs do not move."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import keras
import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.io.pairs import Pair, write_pair
from serving.client import FaceFlowClient
from serving.export.saved_model import export_flow
from serving.protocol.stubs import predict_pb2, prediction_service_pb2_grpc
from serving.protocol.tensors import to_proto
from serving.repository.versions import versions_in
from serving.rollout import flow_evaluator
from serving.rollout.flow_evaluator import FlowMetrics, FlowThresholds, failures, push_flow
from serving.server import Server

SIZE = 32


def constant_network(flow: float, damage=None) -> keras.Model:
    """Says that everything moves `flow` pixels to the right."""
    frames = {name: keras.Input((None, None, 3), name=name) for name in ("frame1", "frame2")}
    first = frames["frame1"] if damage is None else keras.layers.Lambda(damage)(frames["frame1"])
    answer = keras.layers.Conv2D(
        2, 1, kernel_initializer="zeros", bias_initializer=lambda shape, dtype: tf.constant([flow, 0.0])
    )(first)
    return keras.Model(frames, {"flow": answer})


def crash_on_small_frames(frames):
    """End the process, but not for the frames of warm-up requests, which the exporter runs too."""

    def crash():
        with tf.control_dependencies([tf.raw_ops.Abort(error_msg="on purpose")]):
            return tf.identity(frames)

    return tf.cond(tf.shape(frames)[1] < 40, crash, lambda: tf.identity(frames))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("still")
    rng = np.random.default_rng(0)
    for number in range(2):
        frame = rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
        flow = np.zeros((SIZE, SIZE, 2), np.float32)
        write_pair(folder, Pair(f"{number:05d}", frame, frame, flow, np.ones((SIZE, SIZE), bool)))
    return folder


GOOD = FlowMetrics(0.2, 5.0, 2, "", 1e-5, 7, 0.2)


# --- what passes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"epe": 0.209}, None),
        ({"baseline_version": None, "baseline_epe": None, "epe": 0.49}, None),
        ({"epe": 0.211}, "that of the baseline (version 7) 0.200 px (5 % more is allowed)"),
        ({"epe": 0.51, "baseline_epe": 2.0}, "its error is 0.510 px (0.5 is allowed)"),
        ({"epe": float("nan"), "baseline_epe": None}, "its error is nan px"),
        ({"warmup_difference": 0.01}, "the server's responses differ from the network's by 0.01 px"),
        ({"warmup_difference": float("nan")}, "differ from the network's by nan px"),
        ({"unanswered": "1 pairs (no)"}, "it gives no response for 1 pairs (no)"),
    ],
)
def test_failures(change, said):
    found = failures(FlowMetrics(**vars(GOOD) | change), FlowThresholds())
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


@pytest.mark.parametrize(("epe", "passes"), [(0.2, True), (0.3, False)])
def test_only_what_passes_gets_its_name(tmp_path, pairs, monkeypatch, epe, passes):
    monkeypatch.setattr(flow_evaluator, "_measure", lambda *args: FlowMetrics(**vars(GOOD) | {"epe": epe}))
    live = export_flow(constant_network(0.2), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in live.rglob("*")}
    if passes:
        version = push_flow(constant_network(epe), tmp_path, pairs, about={"preset": "mine"}, name="my pairs")
        assert list(versions_in(live.parent)) == [int(live.name), int(version.name)]
        blessing = json.loads((version / "assets.extra" / "blessing.json").read_text())
        assert (blessing["epe"], blessing["baseline_epe"], blessing["thresholds"]["max_epe"]) == (
            0.2,
            0.2,
            0.5,
        )
        assert blessing["evaluated_on"] == "my pairs"
        assert json.loads((version / "assets.extra" / "manifest.json").read_text())["preset"] == "mine"
    else:
        with pytest.raises(InputError, match=f"not pushed: its error is 0.300 px.*version {live.name} stays"):
            push_flow(constant_network(epe), tmp_path, pairs)
        assert os.listdir(live.parent) == [live.name]
    assert {path: path.stat().st_mtime_ns for path in live.rglob("*")} == before


def test_what_a_killed_push_has_left_is_removed_by_the_next(tmp_path, monkeypatch):
    held = tmp_path / "face_flow" / ".new-killed"
    held.mkdir(parents=True)
    (held / "lock").write_text("")
    (held / "half").write_text("of a model")
    export_flow(constant_network(0.1), tmp_path)
    assert not held.exists()


# --- on a real server


def version_that_answers(address):
    frame = to_proto(np.zeros((1, 8, 8, 3), np.uint8))
    request = predict_pb2.PredictRequest(inputs={"frame1": frame, "frame2": frame})
    request.model_spec.name = "face_flow"
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        return stub.Predict(request, timeout=30).model_spec.version.value


@pytest.mark.slow
def test_good_worse_and_crashing_candidates_beside_a_server_that_goes_on(tmp_path, pairs):
    first = push_flow(constant_network(0.2), tmp_path, pairs)
    metrics = json.loads((first / "assets.extra" / "blessing.json").read_text())
    np.testing.assert_allclose(metrics["epe"], 0.2, atol=1e-6)
    assert (metrics["baseline_version"], metrics["pairs"]) == (None, 2)
    with Server(tmp_path, port=0) as server, FaceFlowClient(server.address) as client:
        for candidate, said in (
            (constant_network(0.3), "its error is 0.300 px, that of the baseline \\(version"),
            (constant_network(5.0), "5.000 px \\(0.5 is allowed\\)"),
            (constant_network(0.1, crash_on_small_frames), "it terminates the server \\(signal SIGABRT"),
        ):
            with pytest.raises(
                InputError, match=f"not pushed: .*{said}.*version {first.name} stays in service"
            ):
                push_flow(candidate, tmp_path, pairs)
            assert os.listdir(first.parent) == [first.name]
            assert version_that_answers(server.address) == int(first.name)
        good = push_flow(constant_network(0.15), tmp_path, pairs)
        deadline = time.monotonic() + 60
        while version_that_answers(server.address) != int(good.name):
            assert time.monotonic() < deadline, "the new version does not come into service"
            time.sleep(0.02)
        frame = np.zeros((8, 8, 3), np.uint8)
        np.testing.assert_allclose(client.flow(frame, frame)[..., 0], 0.15, atol=1e-6)


KILLED = """
import sys, time
sys.path.insert(0, sys.argv[3])
from test_flow_evaluator import constant_network
from serving.rollout import flow_evaluator

def never_ends(*args):
    print("evaluating", flush=True)
    time.sleep(600)

flow_evaluator._evaluate = never_ends
flow_evaluator.push_flow(constant_network(0.1), sys.argv[1], sys.argv[2])
"""


@pytest.mark.slow
def test_kill_in_the_midst_of_a_push(tmp_path, pairs):
    live = export_flow(constant_network(0.2), tmp_path)
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(pairs), str(Path(__file__).parent)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "evaluating\n"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(versions_in(live.parent)) == [int(live.name)]
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{child}").exists() for child in children):  # no server is left behind
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (left,) = [path for path in live.parent.iterdir() if path.name.startswith(".new-")]
    version = export_flow(constant_network(0.1), tmp_path)
    assert not left.exists()
    assert list(versions_in(live.parent)) == [int(live.name), int(version.name)]
