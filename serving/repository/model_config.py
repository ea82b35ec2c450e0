"""Which models are served: TensorFlow Serving's `ModelServerConfig`, held against what may be served."""

from collections.abc import Mapping
from pathlib import Path

from serving.protocol.config_files import ModelServerConfig
from serving.protocol.serving_error import invalid_argument
from serving.protocol.stubs import model_server_config_pb2
from serving.repository.versions import find_models

ModelConfig = model_server_config_pb2.ModelConfig

_PLATFORM = "tensorflow"


def models_in(folder: Path) -> dict[str, ModelConfig]:
    """Return the configuration that serves every model of a folder, each in its latest version.

    Raises:
        InputError: as `versions.find_models`.
    """
    return {
        name: ModelConfig(name=name, base_path=str((folder / name).absolute()), model_platform=_PLATFORM)
        for name in find_models(folder)
    }


def checked_models(config: ModelServerConfig, base: Path) -> dict[str, ModelConfig]:
    """Return the models of a configuration by name.

    Args:
        config: not trusted; it may come with a request.
        base: folder that holds all that may be served.

    Raises:
        Refusal: INVALID_ARGUMENT, in TensorFlow Serving's words (model_servers/server_core.cc), except that
            it would serve any folder of the machine.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise invalid_argument(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        )
    models: dict[str, ModelConfig] = {}
    for model in config.model_config_list.config:
        if model.name in models:
            raise invalid_argument(f"Illegal to list model {model.name} multiple times in config list")
        _check_path(model, base)
        _check_platform(model)
        models[model.name] = model
    return models


def _check_path(model: ModelConfig, base: Path) -> None:
    path = Path(model.base_path)
    if not path.is_absolute():
        raise invalid_argument(
            f"Expected model {model.name} to have an absolute path or URI; got base_path()={path}"
        )
    # Resolved, so that neither `..` nor a link leads out; and before the file system is asked for more.
    if not path.resolve().is_relative_to(base.resolve()):
        raise invalid_argument(f"model {model.name}: {path} is outside of the folder that this server serves")
    if not path.is_dir():
        raise invalid_argument(f"Could not find base path {path} for servable {model.name}")


def _check_platform(model: ModelConfig) -> None:
    if model.model_type == model_server_config_pb2.TENSORFLOW and not model.model_platform:
        return
    if not model.model_platform:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {model.name}"
        )
    if model.model_platform != _PLATFORM:
        raise invalid_argument(f"Model {model.name} requests unsupported platform {model.model_platform}")


def version_labels(models: Mapping[str, ModelConfig]) -> dict[str, dict[str, int]]:
    """Return version by label, by model name."""
    return {name: dict(model.version_labels) for name, model in models.items()}
