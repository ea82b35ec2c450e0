import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent import futures
from contextlib import suppress

import grpc
import numpy as np
import pytest

from pipelines.errors import InputError
from serving.client import FaceFlowClient, ServerError
from serving.export.saved_model import export_flow
from serving.server import Server, serve
from serving.server_options import ServerOptions


def test_port_in_use(server, models):
    with pytest.raises(
        InputError, match=rf"^{server.address}: cannot listen at this address \(Address already in use\)"
    ):
        Server(models, port=server.port).start()


def test_address_of_another_machine(models):
    with pytest.raises(InputError, match=r"^192.0.2.1:8500: cannot listen at this address"):
        Server(models, host="192.0.2.1", options=ServerOptions(allow_plaintext=True)).start()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_plain_text_for_other_machines_must_be_asked_for(models, host):
    with pytest.raises(InputError, match=rf"^{host}: gRPC would be in plain text.*--allow_plaintext"):
        Server(models, host=host).start()


def test_no_models_leaves_the_port_free(tmp_path, models, free_port):
    with pytest.raises(InputError, match="no models here"):
        Server(tmp_path, port=free_port).start()
    with Server(models, port=free_port) as running:
        assert running.port == free_port


def test_damaged_model_leaves_the_port_free(version, tmp_path, models, free_port):
    damaged = shutil.copytree(version, tmp_path / "face_flow" / "1")
    (damaged / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"face_flow/1/saved_model.pb"):
        Server(tmp_path, port=free_port).start()
    with Server(models, port=free_port):
        pass


def test_export_while_serving_does_not_disturb(network, version, tmp_path, frames):
    shutil.copytree(version, tmp_path / "face_flow" / version.name)
    frame1, frame2 = frames((64, 64, 3))
    answers, stop = [], threading.Event()
    with (
        Server(tmp_path, port=0) as running,
        FaceFlowClient(running.address, version=int(version.name)) as client,
    ):

        def ask():
            while not stop.is_set():
                answers.append(client.flow(frame1, frame2))

        asking = threading.Thread(target=ask)
        asking.start()
        new = export_flow(network, tmp_path)
        count = len(answers)
        while len(answers) < count + 5 and asking.is_alive():
            time.sleep(0.01)
        stop.set()
        asking.join()
    assert int(new.name) > int(version.name)
    assert len(answers) >= count + 5
    assert all(np.array_equal(answer, answers[0]) for answer in answers)


def test_deadline_ends_the_wait_to_run(models, frames):
    with Server(models, port=0, options=ServerOptions(max_concurrency=1)) as running:
        model = next(iter(running.models))
        real, entered, release = model.run, threading.Event(), threading.Event()

        def slow(*args):
            entered.set()
            release.wait(30)
            return real(*args)

        model.run = slow
        with FaceFlowClient(running.address) as first, FaceFlowClient(running.address, timeout=0.3) as second:
            answer = []
            asking = threading.Thread(target=lambda: answer.append(first.flow(*frames((8, 8, 3)))))
            asking.start()
            assert entered.wait(10)
            with pytest.raises(ServerError, match=r"no response within 0.3 s"):
                second.flow(*frames((8, 8, 3)))
            release.set()
            asking.join(10)
        assert answer[0].shape == (8, 8, 2)


def test_many_clients_get_their_own_answers(server, client, frames):
    pairs = [frames((20 + i, 30, 3), seed=i) for i in range(12)]
    expected = [client.flow(*pair) for pair in pairs]
    got = [None] * len(pairs)

    def ask(i):
        with FaceFlowClient(server.address) as own:
            got[i] = own.flow(*pairs[i])

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(pairs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer, right in zip(got, expected, strict=True):
        np.testing.assert_array_equal(answer, right)


def test_stopped_server_is_gone_and_stops_twice(models, frames):
    with Server(models, port=0) as running, FaceFlowClient(running.address, retries=0) as client:
        client.flow(*frames((8, 8, 3)))
        running.stop()
        with pytest.raises(ServerError) as caught:
            client.flow(*frames((8, 8, 3)))
        assert caught.value.code is grpc.StatusCode.UNAVAILABLE
        with Server(models, port=running.port):  # and the same client finds its successor
            for _ in range(50):
                with suppress(ServerError):
                    assert client.flow(*frames((8, 8, 3))).shape == (8, 8, 2)
                    break
                time.sleep(0.2)
            else:
                pytest.fail("the client did not connect again")


def test_serve_needs_the_main_thread(models):
    errors = []

    def run():
        try:
            serve(models, port=0)
        except ValueError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    assert errors == ["signals are handled in the main thread only; use Server in others"]


SLOW_SERVER = """
import sys, time
from serving.runtime.execution import Execution
from serving.server import serve

run = Execution.run

def slowly(*args):
    print("running", flush=True)
    time.sleep(1)
    return run(*args)

def ready(server):
    Execution.run = slowly
    print(server.address, flush=True)

serve(sys.argv[1], port=0, ready=ready)
print("ended")
"""


def test_sigterm_ends_serve_gracefully(models, frames):
    """In a process of its own: the request under way gets its answer, a new one is refused, and it ends."""
    command = [sys.executable, "-c", SLOW_SERVER, str(models)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip()
        with futures.ThreadPoolExecutor() as pool, FaceFlowClient(address) as client:
            answer = pool.submit(client.flow, *frames((8, 8, 3)))
            assert process.stdout.readline() == "running\n"
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            with (
                FaceFlowClient(address, retries=0) as late,
                pytest.raises(ServerError, match="no server answers"),
            ):
                late.flow(*frames((8, 8, 3)))
            assert answer.result(timeout=30).shape == (8, 8, 2)
        assert process.communicate(timeout=30)[0] == "ended\n"
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
