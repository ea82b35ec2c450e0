"""Configuration of the served models: TensorFlow Serving's `ModelServerConfig`, checked."""

from collections.abc import Collection, Mapping
from pathlib import Path

from serving.protocol.serving_error import invalid_argument
from serving.protocol.stubs import ModelServerConfig, model_server_config_pb2
from serving.repository.versions import find_models

ModelConfig = model_server_config_pb2.ModelConfig

_PLATFORM = "tensorflow"


def models_in(folder: Path) -> dict[str, ModelConfig]:
    """Return the configuration that serves the latest version of every model in a folder.

    Raises:
        InputError: As for `versions.find_models`.
    """
    return {
        name: ModelConfig(name=name, base_path=str((folder / name).absolute()), model_platform=_PLATFORM)
        for name in find_models(folder)
    }


def one_model(name: str, base_path: Path) -> ModelServerConfig:
    """Return the configuration that serves the latest version of one model."""
    config = ModelServerConfig()
    config.model_config_list.config.add(
        name=name, base_path=str(base_path.absolute()), model_platform=_PLATFORM
    )
    return config


def checked_models(
    config: ModelServerConfig, roots: Collection[Path] | None = None
) -> dict[str, ModelConfig]:
    """Return the models of a configuration by name.

    Args:
        config: Configuration; untrusted when it comes with a request.
        roots: Folders that base paths must lie in; None for anywhere.

    Raises:
        ServingError: INVALID_ARGUMENT, with TensorFlow Serving's message (model_servers/server_core.cc).
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
        _check_path(model, roots)
        _check_platform(model)
        models[model.name] = model
    return models


def _check_path(model: ModelConfig, roots: Collection[Path] | None) -> None:
    path = Path(model.base_path)
    if not path.is_absolute():
        raise invalid_argument(
            f"Expected model {model.name} to have an absolute path or URI; got base_path()={path}"
        )
    # Resolved, so that neither `..` nor a link leads outside. Checked before any other file system access.
    if roots is not None and not any(path.resolve().is_relative_to(root.resolve()) for root in roots):
        raise invalid_argument(
            f"model {model.name}: {path} is outside of the folders that this server serves"
        )
    if not path.is_dir():
        raise invalid_argument(f"Could not find base path {path} for servable {model.name}")


def _check_platform(model: ModelConfig) -> None:
    if model.model_type != model_server_config_pb2.MODEL_TYPE_UNSPECIFIED:
        if model.model_platform:
            raise invalid_argument(
                "Illegal setting both ModelServerConfig::model_type (deprecated) "
                f"and ModelServerConfig::model_platform, model name is {model.name}"
            )
        if model.model_type != model_server_config_pb2.TENSORFLOW:
            message = f"ModelServerConfig::model_type choice {model.model_type} not supported."
            raise invalid_argument(message)
        return
    if not model.model_platform:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {model.name}"
        )
    if model.model_platform != _PLATFORM:
        raise invalid_argument(f"Model {model.name} requests unsupported platform {model.model_platform}")


def version_labels(models: Mapping[str, ModelConfig]) -> dict[str, dict[str, int]]:
    """Return the version of each label, by model name."""
    return {name: dict(model.version_labels) for name, model in models.items()}
