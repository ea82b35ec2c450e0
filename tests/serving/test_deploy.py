"""The files for the official image, held against Serving's protos, each other, and what is exported."""

import re
from pathlib import Path

import pytest
import yaml

from serving.export.expression_signatures import MICRO_EXPRESSION
from serving.export.flow_signatures import FACE_FLOW
from serving.protocol.config_files import read_config
from serving.protocol.descriptors import MonitoringConfig
from serving.protocol.stubs import ModelServerConfig
from serving.runtime.batching import Batching, read_batching
from serving.runtime.metrics import METRICS_PATH
from serving.server_options import ServerOptions
from serving.server_setup import rest_options

DEPLOY = Path(__file__).parents[2] / "deploy"

# Of tensorflow_model_server (model_servers/main.cc).
FLAGS = {
    "model_config_file": "models.config",
    "batching_parameters_file": "batching.config",
    "monitoring_config_file": "monitoring.config",
    "enable_batching": None,
    "file_system_poll_wait_seconds": None,
}


OPTIONAL = {"batching_parameters_file", "enable_batching"}  # they wait in comments


def compose(with_comments=False):
    text = (DEPLOY / "compose.yaml").read_text()
    if with_comments:
        text = re.sub(r"# - --", "- --", text)
    return yaml.safe_load(text)["services"]["serving"]


@pytest.fixture(scope="module")
def service():
    return compose()


@pytest.mark.parametrize("with_comments", [False, True])
def test_files_of_the_flags_are_there_and_mounted(with_comments):
    service = compose(with_comments)
    mounted = dict(volume.split(":")[:2] for volume in service["volumes"])
    inside = {target: DEPLOY / source for source, target in mounted.items()}
    given = dict(flag.removeprefix("--").split("=") for flag in service["command"])
    assert given.keys() == FLAGS.keys() - (set() if with_comments else OPTIONAL)
    for flag, name in FLAGS.items():
        if name and flag in given:
            assert inside[given[flag]].resolve() == (DEPLOY / name).resolve()
    assert "/models" in inside


def test_image_is_of_the_version_that_the_stubs_are_of(service):
    from importlib.metadata import version

    assert service["image"] == f"tensorflow/serving:{version('tensorflow-serving-api')}"


def test_nothing_is_open_to_the_network(service):
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


@pytest.mark.parametrize("with_comments", [False, True])
def test_models_are_those_that_are_exported(tmp_path, with_comments):
    text = (DEPLOY / "models.config").read_text()
    if with_comments:  # what waits in a comment must be right too
        text = re.sub(r"^  # ", "  ", text, flags=re.MULTILINE)
    (tmp_path / "models.config").write_text(text)
    config = read_config(tmp_path / "models.config", ModelServerConfig)
    models = {model.name: model for model in config.model_config_list.config}
    assert set(models) == ({FACE_FLOW, MICRO_EXPRESSION} if with_comments else {FACE_FLOW})
    for name, model in models.items():
        assert model.base_path == f"/models/{name}"
        assert model.model_platform == "tensorflow"


def test_monitoring_is_where_serving_and_ours_show_it():
    config = read_config(DEPLOY / "monitoring.config", MonitoringConfig).prometheus_config
    assert (config.enable, config.path) == (True, METRICS_PATH)
    options = ServerOptions(monitoring_config_file=DEPLOY / "monitoring.config")
    assert rest_options(options).metrics_path == METRICS_PATH


def test_monitoring_can_be_turned_off(tmp_path):
    (tmp_path / "off").write_text("prometheus_config { enable: false }")
    assert rest_options(ServerOptions(monitoring_config_file=tmp_path / "off")).metrics_path is None
    assert rest_options(ServerOptions()).metrics_path is None


def test_batching_is_read_by_our_server_too():
    assert read_batching(DEPLOY / "batching.config", Batching(num_batch_threads=9)) == Batching()
