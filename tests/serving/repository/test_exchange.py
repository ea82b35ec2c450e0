"""How a version takes over from another, and what does not stop the others."""

import errno
import shutil
import threading
import time
from pathlib import Path

import grpc

from pipelines.errors import InputError
from serving.client import FaceFlowClient, ServerError
from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import get_model_status_pb2
from serving.repository.models import Models
from serving.server import Server
from serving.server_options import ServerOptions

State = get_model_status_pb2.ModelVersionStatus


def test_a_new_version_takes_over_and_the_old_one_ends(copies, tmp_path, loaded, served):
    copies(1)
    models = loaded(tmp_path)
    (held,) = models
    copies(2)
    models.poll()
    assert served(models) == [2]
    states = models.states("face_flow")
    assert [(number, state.state) for number, state in states.items()] == [
        (2, State.AVAILABLE),
        (1, State.END),
    ]
    assert held.signature("serving_default").inputs  # whoever has it can go on with it


def test_the_old_one_goes_on_while_the_new_one_does_not_load(copies, tmp_path, caplog, loaded, served):
    copies(1)
    models = loaded(tmp_path)
    damaged = copies(2) / "variables" / "variables.data-00000-of-00001"
    content = damaged.read_bytes()
    damaged.write_bytes(content[:1000])
    for _ in range(3):
        models.poll()
    assert served(models) == [1]
    state = models.states("face_flow")[2]
    assert (state.state, state.code) == (State.END, grpc.StatusCode.UNKNOWN)
    assert "face_flow/2: damaged SavedModel" in state.message
    assert caplog.text.count("damaged SavedModel") == 1  # not tried again while nothing changes
    damaged.write_bytes(content)  # a slow copy has come to its end
    models.poll()
    assert served(models) == [2]


def test_the_old_one_goes_on_while_the_new_one_does_not_warm_up(copies, tmp_path, served):
    def answer(model, request):
        if model.version == 2:
            raise ServingError(grpc.StatusCode.INTERNAL, "out of order")

    copies(1)
    models = Models(tmp_path, answer)
    copies(2)
    models.poll()
    assert served(models) == [1]
    state = models.states("face_flow")[2]
    assert (state.state, state.code) == (State.END, grpc.StatusCode.UNKNOWN)
    assert state.message.endswith("face_flow/2: its warm-up request fails (out of order)")
    copies(3)
    models.poll()
    assert served(models) == [3]


def test_versions_that_are_removed_are_unloaded(copies, tmp_path, loaded, served):
    copies(1)
    copies(2)
    models = loaded(tmp_path)
    shutil.rmtree(tmp_path / "face_flow" / "2")
    models.poll()
    assert served(models) == [1]


def test_a_new_model_is_found(copies, tmp_path, loaded, served):
    copies(1)
    models = loaded(tmp_path)
    copies(7, "micro_expression")
    models.poll()
    assert served(models, "micro_expression") == [7]


def test_hot_swap_under_load_loses_no_request(version, tmp_path, frames, served):
    """Four clients ask without a pause while three versions follow each other."""
    shutil.copytree(version, tmp_path / "face_flow" / "1")
    options = ServerOptions(file_system_poll_wait_seconds=0.1)
    frame1, frame2 = frames((16, 16, 3))
    answers, errors, stop = [], [], threading.Event()

    def ask(address):
        with FaceFlowClient(address) as client:
            while not stop.is_set():
                try:
                    answers.append(client.flow(frame1, frame2))
                except ServerError as error:
                    errors.append(error)

    with Server(tmp_path, port=0, options=options) as server:
        asking = [threading.Thread(target=ask, args=(server.address,)) for _ in range(4)]
        for thread in asking:
            thread.start()
        for number in (2, 3):
            part = shutil.copytree(version, tmp_path / "face_flow" / f".{number}")
            part.rename(tmp_path / "face_flow" / str(number))
            deadline = time.monotonic() + 30
            while served(server.models) != [number] and time.monotonic() < deadline:
                time.sleep(0.05)
            assert served(server.models) == [number]
        stop.set()
        for thread in asking:
            thread.join()
    assert errors == []
    assert len(answers) > 20


def test_a_version_that_may_not_be_read_stops_no_other(copies, tmp_path, monkeypatch, caplog, loaded, served):
    copies(1)
    models = loaded(tmp_path)
    hidden = copies(3)
    copies(2)
    plain = Path.is_file

    def is_file(path):
        if path.is_relative_to(hidden):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return plain(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    for _ in range(3):
        models.poll()
    assert served(models) == [2]
    assert caplog.text.count("3: cannot be read (Permission denied), skipped") == 1


def test_a_moment_without_permission_unloads_nothing(copies, tmp_path, monkeypatch, loaded, served):
    copies(1)
    models = loaded(tmp_path)
    base = tmp_path / "face_flow"
    plain = Path.iterdir

    def iterdir(path):
        if path == base:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return plain(path)

    copies(2, "other")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", iterdir)
        models.poll()
        assert served(models) == [1]
    models.poll()
    assert served(models) == [1]


def test_a_failure_that_passes_is_tried_again(copies, tmp_path, monkeypatch, loaded, served):
    """Too many open files, or a network volume: nothing of it is seen in the files of the version."""
    copies(1)
    models = loaded(tmp_path)
    copies(2)
    now, tries = time.monotonic(), []

    def fail(folder, name):
        tries.append(folder)
        raise InputError(f"{folder}: damaged SavedModel (Too many open files)")

    with monkeypatch.context() as patch:
        patch.setattr("serving.repository.models.Model", fail)
        for seconds in (0, 1, 59, 61, 62, 122):
            patch.setattr("serving.repository.models.monotonic", lambda seconds=seconds: now + seconds)
            models.poll()
        assert len(tries) == 3
    monkeypatch.setattr("serving.repository.models.monotonic", lambda: now + 200)
    models.poll()
    assert served(models) == [2]


def test_a_version_whose_files_still_change_is_waited_for(copies, tmp_path, monkeypatch, loaded, served):
    copies(1)
    models = loaded(tmp_path)
    now = [0.0]
    monkeypatch.setattr("serving.repository.models.monotonic", lambda: now[0])
    folder = copies(2)
    manifest = folder / "assets.extra" / "manifest.json"
    whole = manifest.read_text()
    manifest.unlink()
    models.poll(settled=True)
    now[0] = 0.9
    manifest.write_text(whole)  # copied last
    models.poll(settled=True)
    now[0] = 1.8
    models.poll(settled=True)
    assert served(models) == [1]
    now[0] = 2.0
    models.poll(settled=True)
    assert served(models) == [2]
    assert next(iter(models)).input_checks("serving_default")
