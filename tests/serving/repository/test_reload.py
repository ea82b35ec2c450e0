"""Which models are served, told anew: by the configuration file, and by HandleReloadConfigRequest."""

import shutil
import time

import grpc
import pytest
from google.protobuf import text_format

from pipelines.errors import InputError
from serving.protocol.serving_error import ServingError
from serving.protocol.stubs import ModelServerConfig, get_model_status_pb2, model_pb2
from serving.server import Server
from serving.server_options import ServerOptions

State = get_model_status_pb2.ModelVersionStatus


def test_configuration_file_is_read_again(copies, tmp_path, caplog, model_config):
    base, file = tmp_path / "base", tmp_path / "models.config"
    copies(1)
    copies(7, "micro_expression")
    base.mkdir()
    for name in ("face_flow", "micro_expression"):
        (tmp_path / name).rename(base / name)
    file.write_text(text_format.MessageToString(model_config(base)))
    options = ServerOptions(model_config_file=file, model_config_file_poll_wait_seconds=0.1)

    def wait_for(done):
        deadline = time.monotonic() + 60
        while not done() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert done()

    with Server(base, port=0, options=options) as server:
        assert [model.name for model in server.models] == ["face_flow"]
        file.write_text("nonsense")
        wait_for(lambda: "Error parsing text-format tensorflow.serving.ModelServerConfig" in caplog.text)
        assert [model.name for model in server.models] == ["face_flow"]
        file.write_text(text_format.MessageToString(model_config(base, name="micro_expression")))
        wait_for(lambda: [model.name for model in server.models] == ["micro_expression"])


def test_configuration_file_that_is_wrong_from_the_start(copies, tmp_path, model_config):
    copies(1)
    file = tmp_path / "models.config"
    file.write_text(text_format.MessageToString(model_config(tmp_path, name="absent")))
    with pytest.raises(InputError, match=r"models.config: Could not find base path"):
        Server(tmp_path, port=0, options=ServerOptions(model_config_file=file)).start()


def test_reload_serves_other_models(copies, tmp_path, loaded, refusal, model_config):
    copies(1)
    copies(7, "micro_expression")
    models = loaded(tmp_path)
    models.reload(model_config(tmp_path, name="micro_expression"))
    assert [(model.name, model.version) for model in models] == [("micro_expression", 7)]
    assert models.states("face_flow")[1].state == State.END
    assert refusal(models.find, model_pb2.ModelSpec(name="face_flow"))[0] is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("path", ["/", "/etc", "{base}/..", "{base}/face_flow/../../outside", "{base}/link"])
def test_reload_does_not_leave_the_model_base(copies, tmp_path, path, loaded, served, refusal, model_config):
    base = tmp_path / "base"
    copies(1)
    base.mkdir()
    (tmp_path / "face_flow").rename(base / "face_flow")
    shutil.copytree(base / "face_flow", tmp_path / "outside")
    (base / "link").symlink_to(tmp_path / "outside")
    models = loaded(base)
    wrong = model_config(tmp_path)
    wrong.model_config_list.config[0].base_path = path.format(base=base)
    code, message = refusal(models.reload, wrong)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert message.endswith("is outside of the folders that this server serves")
    assert served(models) == [1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "model_config_list { config { name: 'm' base_path: 'm' model_platform: 'tensorflow' } }",
            "absolute path",
        ),
        ("model_config_list { config { name: 'm' base_path: '{base}' } }", "Illegal setting neither"),
        (
            "model_config_list { config { name: 'm' base_path: '{base}' model_platform: 'x' } }",
            "Model m requests unsupported platform x",
        ),
        (
            "model_config_list { config { name: 'm' base_path: '{base}' model_type: TENSORFLOW } "
            "config { name: 'm' base_path: '{base}' model_type: TENSORFLOW } }",
            "Illegal to list model m multiple times in config list",
        ),
        (
            "model_config_list { config { name: 'm' base_path: '{base}/m' model_platform: 'tensorflow' } }",
            "Could not find base path",
        ),
        ("", "Only ModelConfigList is currently supported"),
    ],
)
def test_reload_of_a_wrong_configuration_changes_nothing(
    copies, tmp_path, change, message, loaded, served, refusal
):
    copies(1)
    models = loaded(tmp_path)
    wrong = text_format.Parse(change.replace("{base}", str(tmp_path)), ModelServerConfig())
    code, said = refusal(models.reload, wrong)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert message in said
    assert served(models) == [1]


def test_reload_of_a_model_that_does_not_load(copies, tmp_path, loaded, served, refusal, model_config):
    copies(1)
    models = loaded(tmp_path)
    (copies(7, "micro_expression") / "saved_model.pb").write_bytes(b"damaged")
    code, message = refusal(models.reload, model_config(tmp_path, name="micro_expression"))
    assert code is grpc.StatusCode.UNKNOWN
    assert message.startswith(
        "1 model(s) did not become available: {{name: micro_expression version: 7 due to"
    )
    # The old configuration is served on.
    assert served(models) == [1]
    models.poll()
    assert served(models) == [1]


def test_reload_of_a_version_that_is_not_there(copies, tmp_path, loaded, served, refusal, model_config):
    copies(1)
    models = loaded(tmp_path)
    specific = "model_version_policy { specific { versions: 7 } }"
    code, message = refusal(models.reload, model_config(tmp_path, specific))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert message == f"Could not find 7 of model face_flow in {tmp_path / 'face_flow'}"
    assert served(models) == [1]


def test_a_refusal_is_about_the_versions_that_were_asked_for(copies, tmp_path, loaded, refusal, model_config):
    """And not about those that were served before, or lie in another folder."""
    copies(1)
    copies(2, "micro_expression")
    models = loaded(tmp_path)
    models.reload(model_config(tmp_path, name="micro_expression"))  # face_flow 1 is unloaded
    specific = "model_version_policy { specific { versions: 7 } }"
    code, message = refusal(models.reload, model_config(tmp_path, specific))
    assert code is grpc.StatusCode.UNKNOWN
    folder = tmp_path / "face_flow"
    assert message == (
        "1 model(s) did not become available: {{name: face_flow due to error: Could not find 7 of model "
        f"face_flow in {folder}}}, }}"
    )


def test_a_refused_configuration_unloads_nothing_and_trusts_nothing(
    copies, tmp_path, loaded, served, refusal, model_config
):
    """Also not for a moment: what is served goes last. Only an accepted file widens what clients may name."""
    for name in ("face_flow", "other"):
        copies(1, name)
    copies(2)
    (tmp_path / "base").mkdir()
    (tmp_path / "face_flow").rename(tmp_path / "base" / "face_flow")
    models = loaded(tmp_path / "base")
    unloaded, unload = [], models._unload

    def note(name, versions):
        unloaded.extend((name, version) for version in versions)
        unload(name, versions)

    models._unload = note
    (copies(7, "broken") / "saved_model.pb").write_bytes(b"damaged")
    wrong = model_config(tmp_path / "base", "model_version_policy { specific { versions: 1 } }")
    for name in ("other", "broken"):
        wrong.MergeFrom(model_config(tmp_path, name=name))
    with pytest.raises(ServingError) as caught:
        models.reload(wrong, trusted=True)
    assert caught.value.code is grpc.StatusCode.UNKNOWN
    assert served(models) == [2]
    assert set(unloaded) == {("face_flow", 1), ("other", 1)}
    assert refusal(models.reload, model_config(tmp_path, name="other"))[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_a_file_whose_models_do_not_load_is_not_tried_at_each_look(
    copies, tmp_path, model_config, monkeypatch
):
    copies(1)
    (copies(7, "micro_expression") / "saved_model.pb").write_bytes(b"damaged")
    file = tmp_path / "models.config"
    file.write_text(text_format.MessageToString(model_config(tmp_path)))
    with Server(tmp_path, port=0, options=ServerOptions(model_config_file=file)) as server:
        calls, reload = [], server.models.reload
        monkeypatch.setattr(server.models, "reload", lambda *a, **k: (calls.append(1), reload(*a, **k)))
        server._reread_config()
        assert not calls  # nothing has changed
        file.write_text(text_format.MessageToString(model_config(tmp_path, name="micro_expression")))
        with pytest.raises(ServingError):
            server._reread_config()
        server._reread_config()
        assert len(calls) == 1
        assert [model.name for model in server.models] == ["face_flow"]


def test_the_file_comes_back_after_a_clients_reload(copies, tmp_path, model_config):
    """As in TensorFlow Serving, which applies its file at each look."""
    copies(1)
    copies(7, "micro_expression")
    file = tmp_path / "models.config"
    file.write_text(text_format.MessageToString(model_config(tmp_path)))
    with Server(tmp_path, port=0, options=ServerOptions(model_config_file=file)) as server:
        server.models.reload(model_config(tmp_path, name="micro_expression"), trusted=True)
        assert [model.name for model in server.models] == ["micro_expression"]
        server._reread_config()
        assert [model.name for model in server.models] == ["face_flow"]
