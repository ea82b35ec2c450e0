"""Which versions are served, and how one takes over from another."""

import errno
import re
import shutil
import threading
import time
from pathlib import Path

import grpc
import pytest

from pipelines.errors import InputError
from serving.client import FaceFlowClient, ServerError
from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import get_model_status_pb2, model_pb2
from serving.repository.models import Models
from serving.repository.versions import find_models
from serving.repository.warmup import predict_call, write_warmup
from serving.server import Server
from serving.server_options import ServerOptions

State = get_model_status_pb2.ModelVersionStatus


def spec(**fields):
    message = model_pb2.ModelSpec(name="face_flow")
    if "version" in fields:
        message.version.value = fields["version"]
    else:
        message.version_label = fields.get("label", "")
    return message


# --- what is there


def test_latest_is_the_greatest_number_not_the_last_name(copies, tmp_path, loaded):
    copies(9)
    copies(10)
    found = loaded(tmp_path).find(model_pb2.ModelSpec(name="face_flow"))
    assert (found.name, found.version) == ("face_flow", 10)


def test_incomplete_versions_are_skipped(copies, tmp_path, caplog):
    copies(5)
    (copies(6) / "variables" / "variables.index").unlink()
    (copies(7) / "saved_model.pb").unlink()
    (copies(12) / "variables" / "variables.data-00000-of-00001").unlink()
    (copies(2**63) / "saved_model.pb").touch()  # a date with microseconds is no version number
    copies(8).rename(tmp_path / "face_flow" / ".8.part")
    copies(9).rename(tmp_path / "face_flow" / "9.bak")
    (tmp_path / "face_flow" / "11").write_text("a file")
    assert list(find_models(tmp_path)["face_flow"]) == [5]
    assert list(find_models(tmp_path)["face_flow"]) == [5]
    assert caplog.text.count("face_flow/6: incomplete SavedModel") == 1


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("saved_model.pb", b"not a graph"),
        ("saved_model.pb", b""),
        ("variables/variables.index", b"not an index"),
        ("variables/variables.data-00000-of-00001", b"short"),
        ("assets.extra/tf_serving_warmup_requests", b"not records at all"),
    ],
)
def test_damaged_version(copies, tmp_path, part, content, loaded):
    (copies(5) / part).write_bytes(content)
    with pytest.raises(InputError, match=r"face_flow/5.*(export|no graph)"):
        loaded(tmp_path)


def test_version_whose_warmup_fails(copies, tmp_path, frames):
    (frame, _) = frames((1, 8, 8, 3))
    write_warmup(copies(5), [predict_call("face_flow", "serving_default", {"frame1": frame}, {})])
    with pytest.raises(InputError, match=r"face_flow/5: its warm-up request fails \(input size"):
        Server(tmp_path, port=0).start()


def test_no_models(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        find_models(tmp_path / "nowhere")
    (tmp_path / "face_flow").mkdir()
    with pytest.raises(InputError, match=r"no models here.*faceflow export"):
        find_models(tmp_path)


def test_a_folder_that_may_not_be_read_is_passed_over(version, tmp_path, monkeypatch, caplog):
    """`lost+found` of a volume belongs to root."""
    shutil.copytree(version, tmp_path / "face_flow" / "1")
    (tmp_path / "lost+found").mkdir()
    plain = Path.iterdir

    def iterdir(path):
        if path.name == "lost+found":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return plain(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    for _ in range(2):
        assert list(find_models(tmp_path)) == ["face_flow"]
    assert caplog.text.count("lost+found: cannot be read (Permission denied), skipped") == 1


def test_a_folder_that_is_gone_is_said_once(version, tmp_path, caplog):
    shutil.copytree(version, tmp_path / "face_flow" / "1")
    options = ServerOptions(file_system_poll_wait_seconds=0.05)
    with Server(tmp_path, port=0, options=options):
        (tmp_path / "face_flow").rename(tmp_path / ".gone")
        deadline = time.monotonic() + 30
        while "no models here" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)  # ten more looks
        assert caplog.text.count("no models here") == 1


def test_a_model_in_place_of_the_base_folder(version):
    with pytest.raises(InputError, match=re.escape(f"give its parent folder, {version.parent.parent}")):
        find_models(version.parent)


# --- policies and labels


@pytest.mark.parametrize(
    ("policy", "versions"),
    [
        ("", [4]),
        ("model_version_policy { latest { num_versions: 2 } }", [3, 4]),
        ("model_version_policy { all {} }", [2, 3, 4]),
        ("model_version_policy { specific { versions: 2 versions: 4 versions: 9 } }", [2, 4]),
    ],
)
def test_version_policy(copies, tmp_path, policy, versions, loaded, served, model_config):
    for number in (2, 3, 4):
        copies(number)
    assert served(loaded(tmp_path, model_config(tmp_path, policy))) == versions


def test_label_leads_to_its_version(copies, tmp_path, loaded, refusal, model_config):
    copies(2)
    copies(3)
    labels = 'model_version_policy { all {} } version_labels { key: "stable" value: 2 }'
    models = loaded(tmp_path, model_config(tmp_path, labels))
    assert models.find(spec(label="stable")).version == 2
    expected = (grpc.StatusCode.INVALID_ARGUMENT, "Unrecognized servable version label: canary")
    assert refusal(models.find, spec(label="canary")) == expected


def test_label_of_a_version_that_is_not_served(copies, tmp_path, loaded, refusal, model_config):
    copies(3)
    wrong = model_config(tmp_path, 'version_labels { key: "stable" value: 2 }')
    expected = (
        grpc.StatusCode.FAILED_PRECONDITION,
        "Request to assign label to version 2 of model face_flow, "
        "which is not currently available for inference",
    )
    assert refusal(loaded, tmp_path, wrong) == expected
    models = loaded(tmp_path, model_config(tmp_path, 'version_labels { key: "stable" value: 3 }'))
    assert refusal(models.reload, wrong) == expected
    assert models.find(spec(label="stable")).version == 3


def test_setting_a_label_clears_the_version():
    both = spec(version=3)
    both.version_label = "stable"
    assert both.WhichOneof("version_choice") == "version_label"


# --- exchange


def test_a_new_version_takes_over_and_the_old_one_ends(copies, tmp_path, loaded, served):
    copies(1)
    models = loaded(tmp_path)
    held = models.find(spec(version=1))
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
