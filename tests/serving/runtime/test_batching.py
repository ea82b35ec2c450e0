"""Joined requests: right answers, few runs, and the words of TensorFlow Serving when it is too much."""

import threading
import time
from concurrent import futures
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import meta_graph_pb2, types_pb2
from serving.runtime.batching import Batching, read_batching
from serving.runtime.execution import Deadline, Execution
from serving.server import Server
from serving.server_options import ServerOptions


class Doubling:
    """Stands in for a model: doubles its input, and notes of what size its batches were."""

    name, version = "doubling", 1

    def __init__(self, seconds=0.0):
        self.started, self.batches = 0, []
        self.signatures = {"s": meta_graph_pb2.SignatureDef()}
        for info in (self.signatures["s"].inputs["x"], self.signatures["s"].outputs["y"]):
            info.dtype = types_pb2.DT_FLOAT
            for _ in range(2):
                info.tensor_shape.dim.add(size=-1)

        def double(x):
            self.started += 1
            time.sleep(seconds)
            self.batches.append(len(x))
            return 2 * x

        @tf.function
        def run(x):
            y = tf.py_function(double, [x], tf.float32)
            return {"y": tf.ensure_shape(y, x.shape)}

        self._run = run

    def function(self, name):
        return self._run

    def run(self, name, inputs, outputs):
        return self._run(**inputs)


def ask(execution, model, x, deadline=None):
    deadline = deadline or Deadline()
    return execution.run(model, "s", {"x": np.asarray(x, np.float32)}, ["y"], deadline)["y"]


def ask_at_once(execution, model, arrays):
    with futures.ThreadPoolExecutor(len(arrays)) as pool:
        return list(pool.map(lambda x: ask(execution, model, x), arrays))


def test_joined_requests_get_their_own_answers():
    model = Doubling(0.05)
    execution = Execution(batching=Batching(max_batch_size=8, batch_timeout_micros=100_000))
    arrays = [np.full((1 + k % 2, 3), k, np.float32) for k in range(16)]
    for x, y in zip(arrays, ask_at_once(execution, model, arrays), strict=True):
        np.testing.assert_array_equal(y, 2 * x)
    assert sum(model.batches) == 24
    assert len(model.batches) <= 8  # 16 one by one
    assert max(model.batches) <= 8


def test_only_what_is_of_one_size_is_joined():
    execution = Execution(batching=Batching(batch_timeout_micros=50_000))
    arrays = [np.full((1, 2 + k % 3), k, np.float32) for k in range(9)]
    for x, y in zip(arrays, ask_at_once(execution, Doubling(), arrays), strict=True):
        np.testing.assert_array_equal(y, 2 * x)


def test_more_sizes_than_there_are_queues_for():
    execution = Execution(batching=Batching())
    model = Doubling()
    for size in range(1, 24):
        np.testing.assert_array_equal(ask(execution, model, np.ones((2, size))), 2 * np.ones((2, size)))


def test_a_request_larger_than_a_batch_is_split():
    model = Doubling()
    x = np.arange(22, dtype=np.float32).reshape(11, 2)
    np.testing.assert_array_equal(ask(Execution(batching=Batching(max_batch_size=4)), model, x), 2 * x)
    assert sorted(model.batches) == [3, 4, 4]


def test_two_versions_do_not_share_a_queue():
    execution = Execution(batching=Batching())
    first, second = Doubling(), Doubling()
    for model in (first, second, first):
        ask(execution, model, [[1.0]])
    assert (first.batches, second.batches) == ([1, 1], [1])


def test_new_versions_and_sizes_start_no_threads():
    """TensorFlow never ends the threads of a scheduler, and a server exchanges versions for years."""
    execution, model = Execution(batching=Batching(num_batch_threads=3)), Doubling()
    ask(execution, model, np.ones((1, 1)))
    threads = len(list(Path("/proc/self/task").iterdir()))
    for size in range(2, 8):
        ask(execution, model, np.ones((1, size)))
    for _ in range(4):
        ask(execution, Doubling(), np.ones((1, 1)))
    assert len(list(Path("/proc/self/task").iterdir())) <= threads + 1


def test_full_queue_is_unavailable():
    model = Doubling(0.3)
    batching = Batching(max_batch_size=1, batch_timeout_micros=0, max_enqueued_batches=1)
    execution = Execution(batching=batching)
    refused = []
    ask(execution, model, [[0.0]])  # the first is slow for another reason

    def try_to_ask(_):
        try:
            ask(execution, model, [[1.0]])
        except ServingError as refusal:
            refused.append(refusal)

    with futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(try_to_ask, range(8)))
    assert refused
    assert len(refused) < 8
    assert {refusal.code for refusal in refused} == {grpc.StatusCode.UNAVAILABLE}
    words = "The batch scheduling queue to which this task was submitted is full"
    assert all(refusal.message.startswith(words) for refusal in refused)
    np.testing.assert_array_equal(ask(execution, model, [[3.0]]), [[6.0]])


@pytest.mark.parametrize("batching", [None, Batching()])
def test_nothing_runs_for_somebody_who_has_gone(batching):
    model, execution = Doubling(), Execution(batching=batching)
    for deadline, code in (
        (Deadline(remaining=lambda: 0.0), grpc.StatusCode.DEADLINE_EXCEEDED),
        (Deadline(is_active=lambda: False), grpc.StatusCode.CANCELLED),
    ):
        with pytest.raises(ServingError) as caught:
            ask(execution, model, [[1.0]], deadline)
        assert caught.value.code is code
    assert model.batches == []


def test_deadline_ends_the_wait_in_the_queue():
    """The refusal comes while the run in front is still going on, and the next answer is right."""
    model = Doubling(1.0)
    execution = Execution(batching=Batching(max_batch_size=1, batch_timeout_micros=0))
    with futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, execution, model, [[1.0]])
        while not model.started:
            time.sleep(0.01)
        with pytest.raises(ServingError, match="batching queue") as caught:
            ask(execution, model, [[2.0]], Deadline(remaining=lambda: 0.2))
        assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert not first.done()
        np.testing.assert_array_equal(first.result(), [[2.0]])
    np.testing.assert_array_equal(ask(execution, model, [[3.0]]), [[6.0]])


def test_max_concurrency():
    running, most, lock = 0, 0, threading.Lock()

    class Busy:
        def run(self, name, inputs, outputs):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.02)
            with lock:
                running -= 1
            return {"y": inputs["x"]}

    ask_at_once(Execution(max_concurrency=2), Busy(), [[[1.0]]] * 8)
    assert most == 2


def test_batching_server_gives_the_same_flow(models, client, frames):
    pairs = [frames((24, 20, 3), seed) for seed in range(6)]
    expected = [client.flow(*pair) for pair in pairs]
    with Server(models, port=0, options=ServerOptions(enable_batching=True)) as server:
        from serving.client import FaceFlowClient

        with FaceFlowClient(server.address) as batched, futures.ThreadPoolExecutor(6) as pool:
            got = list(pool.map(lambda pair: batched.flow(*pair), pairs))
    np.testing.assert_allclose(got, expected, atol=1e-5)


# --- the parameters file


def test_parameters_file(tmp_path):
    file = tmp_path / "batching.config"
    file.write_text(
        "max_batch_size { value: 32 }  # rows\nbatch_timeout_micros { value: 0 }\n"
        'allowed_batch_sizes: 8\nallowed_batch_sizes: 32\nthread_pool_name { value: "x" }'
    )
    assert read_batching(file, Batching(num_batch_threads=3)) == Batching(
        32, 0, Batching().max_enqueued_batches, 3, (8, 32)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch_size: 32", "Error parsing text-format tensorflow.serving.BatchingParameters"),
        ("size { value: 1 }", "Error parsing text-format tensorflow.serving.BatchingParameters"),
        ("max_batch_size { value: 0 }", "max_batch_size is 0"),
        ("allowed_batch_sizes: 7", "must increase and end with max_batch_size"),
        ("max_batch_size { value: 4 } allowed_batch_sizes: [4, 4]", "must increase"),
        ("pad_variable_length_inputs: true", "pad_variable_length_inputs"),
    ],
)
def test_wrong_parameters(tmp_path, text, message):
    file = tmp_path / "batching.config"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        read_batching(file, Batching())


def test_parameters_without_batching(tmp_path, models):
    options = ServerOptions(batching_parameters_file=tmp_path / "batching.config")
    with pytest.raises(InputError, match="--batching_parameters_file needs --enable_batching"):
        Server(models, port=0, options=options).start()
