"""Which models and versions are served."""

import errno
import re
import shutil
import time
from pathlib import Path

import grpc
import pytest

from pipelines.errors import InputError
from serving.protocol.stubs import get_model_status_pb2, model_pb2
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
