"""Served models: loading, polling for new versions, hot swap, and look-up for a request."""

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import grpc

from pipelines.cores import num_cores
from pipelines.errors import InputError
from serving.protocol.serving_error import ServingError, invalid_argument
from serving.protocol.stubs import ModelServerConfig, get_model_status_pb2, model_pb2, prediction_log_pb2
from serving.repository.model import Model
from serving.repository.model_config import ModelConfig, checked_models, models_in, version_labels
from serving.repository.versions import fingerprint, versions_in, wanted_versions
from serving.repository.warmup import read_warmup

_log = logging.getLogger(__name__)

_State = get_model_status_pb2.ModelVersionStatus

# As TensorFlow Serving: a failure may be a passing one, of memory or of a network volume.
_RETRIES, _RETRY_SECONDS = 5, 60.0
_SETTLED_SECONDS = 1.0  # without a change, after which a version is not being copied any more


@dataclass(frozen=True)
class VersionState:
    """State of a version, as GetModelStatus returns it.

    Attributes:
        state: Number of ModelVersionStatus.State.
        code: gRPC status of its loading.
        message: Reason why it could not be loaded.
    """

    state: int
    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""


@dataclass(frozen=True)
class _Failure:
    files: tuple  # `fingerprint` of the folder
    attempts: int
    next_attempt: float  # by `time.monotonic`


class Models:
    """Loaded models by name and version.

    A request keeps the model that it was given. An unloaded version therefore still answers the requests in
    progress, and is freed after the last of them.

    Args:
        folder: Folder with subfolders `NAME/VERSION/`; None if the configuration names the folders.
        answer: Function that answers a warm-up request; called from several threads.
        config: Models, versions and labels to serve; by default the latest version of every model in the
            folder.
        on_load: Function to call after each attempt to load a version, with its folder and whether it
            succeeded.

    Raises:
        InputError: If there is no model, or a requested version cannot be served.
        ServingError: If the configuration is wrong.
    """

    def __init__(
        self,
        folder: Path | str | None,
        answer: Callable[[Model, prediction_log_pb2.PredictionLog], object],
        config: ModelServerConfig | None = None,
        on_load: Callable[[str, bool], None] = lambda folder, loaded: None,
    ) -> None:
        self.folder = None if folder is None else Path(folder)
        self._answer = answer
        self._on_load = on_load
        self._config = checked_models(config) if config else None
        #: Number of configurations that `reload` has accepted.
        self.reloads = 0
        self._trust(self._config)
        # Requests read these without a lock, so they are replaced as a whole and never changed.
        self._available: dict[str, dict[int, Model]] = {}
        self._labels: dict[str, dict[str, int]] = {}
        self._states: dict[str, dict[int, VersionState]] = {}
        self._failed: dict[Path, _Failure] = {}
        # Files of versions that were not loaded yet, and since when, by `time.monotonic`.
        self._copied: dict[Path, tuple[tuple, float]] = {}
        self._changing = threading.Lock()
        self.poll()
        self._check_start()

    def __iter__(self) -> Iterator[Model]:
        return iter([model for versions in self._available.values() for model in versions.values()])

    def find(self, spec: model_pb2.ModelSpec) -> Model:
        """Return the model of a request: by version, by label, or the latest.

        Raises:
            ServingError: INVALID_ARGUMENT without a name or for an unknown label, NOT_FOUND if the model is
                not loaded. The messages are TensorFlow Serving's (model_servers/server_core.cc,
                core/manager.h).
        """
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        versions = self._available.get(spec.name, {})
        choice = spec.WhichOneof("version_choice")
        if choice is None:
            if not versions:
                raise _not_found(f"Latest({spec.name})")
            return versions[max(versions)]
        version = spec.version.value
        if choice == "version_label":
            version = self._labels.get(spec.name, {}).get(spec.version_label)
            if version is None:
                raise invalid_argument(f"Unrecognized servable version label: {spec.version_label}")
        if version not in versions:
            raise _not_found(f"Specific({spec.name}, {version})")
        return versions[version]

    def states(self, name: str) -> dict[int, VersionState]:
        """Return the states of the versions of a model, the latest first; empty for an unknown model."""
        return dict(sorted(self._states.get(name, {}).items(), reverse=True))

    def poll(self, settled: bool = False) -> None:
        """Scan the folders once: load new versions, then unload those that are no longer served.

        If a version cannot be loaded, the log and its state report the error and the previous version stays
        available. The version is tried again when its files change, and five times, once a minute.

        Args:
            settled: Load a version only if its files have been the same for a second: others may still be
                copied.
        """
        with self._changing:
            for name, config in self._models().items():
                self._update(name, config, settled)

    def reload(self, config: ModelServerConfig, trusted: bool = False) -> None:
        """Replace the configuration: serve its models and no others.

        Args:
            config: New configuration.
            trusted: Whether the configuration comes from the operator's file and not from a request. It may
                then name any folder.

        Raises:
            ServingError: INVALID_ARGUMENT or FAILED_PRECONDITION if the configuration is wrong, in which case
                nothing changes; UNKNOWN if a new model did not load, after which the old configuration is
                served again.
        """
        models = checked_models(config, None if trusted else self._roots)
        with self._changing:
            labels = version_labels(models)
            self._check_labels(labels)
            self._check_versions(models)
            new = {name: model for name, model in models.items() if not self._available.get(name)}
            self._failed.clear()  # whoever asks for it wants it tried again
            for name, model in models.items():
                self._load_wanted(name, model)
            try:
                self._check_available(new)
                self._config, self._labels = models, labels
                self.reloads += 1
                if trusted:
                    self._trust(models)
            finally:  # what neither the new configuration nor, if it was refused, the old one asks for
                for name, model in self._models().items():
                    self._unload_unwanted(name, model)
                for name in set(self._available) - set(self._models()):
                    self._unload(name, set(self._available[name]))

    def _check_versions(self, models: dict[str, ModelConfig]) -> None:
        """Refuse a configuration that would unload all versions of a model that is served."""
        for name, model in models.items():
            try:
                found = versions_in(Path(model.base_path))
            except OSError:
                continue  # as in `_update`
            if self._available.get(name) and not wanted_versions(found, model):
                message = _not_in_folder(name, model)
                raise ServingError(grpc.StatusCode.FAILED_PRECONDITION, message)

    def _trust(self, models: dict[str, ModelConfig] | None) -> None:
        """Let reload requests, which any client can send, name the folders that the operator named."""
        self._roots = [] if self.folder is None else [self.folder]
        self._roots += [Path(model.base_path) for model in (models or {}).values()]

    def _models(self) -> dict[str, ModelConfig]:
        return models_in(self.folder) if self._config is None else self._config

    def _check_start(self) -> None:
        for name in self._models():
            broken = [state for state in self.states(name).values() if state.message]
            if broken:
                raise InputError(broken[0].message)
            if not self._available.get(name):
                raise InputError(f"{self._models()[name].base_path}: no version to serve")
        labels = version_labels(self._models())
        self._check_labels(labels)
        self._labels = labels

    def _check_labels(self, labels: dict[str, dict[str, int]]) -> None:
        for name, versions in labels.items():
            for version in versions.values():
                if version not in self._available.get(name, {}):
                    raise ServingError(
                        grpc.StatusCode.FAILED_PRECONDITION,
                        f"Request to assign label to version {version} of model {name}, "
                        "which is not currently available for inference",
                    )

    def _check_available(self, models: dict[str, ModelConfig]) -> None:
        missing = {name: model for name, model in models.items() if not self._available.get(name)}
        if missing:
            what = "".join(self._why_missing(name, model) for name, model in missing.items())
            message = f"{len(missing)} model(s) did not become available: {{{what}}}"
            raise ServingError(grpc.StatusCode.UNKNOWN, message)

    def _why_missing(self, name: str, config: ModelConfig) -> str:
        failed = sorted(self._wanted(config) or {}, reverse=True)
        if not failed:
            return f"{{name: {name} due to error: {_not_in_folder(name, config)}}}, "
        states = self.states(name)
        return "".join(
            f"{{name: {name} version: {version} due to error: {states[version].message}}}, "
            for version in failed
            if version in states
        )

    def _update(self, name: str, config: ModelConfig, settled: bool = False) -> None:
        self._load_wanted(name, config, settled)
        self._unload_unwanted(name, config)

    def _wanted(self, config: ModelConfig) -> dict[int, Path] | None:
        """Return the versions to serve; None if the folder cannot be read, perhaps only for a moment."""
        try:
            found = versions_in(Path(config.base_path))
        except OSError as error:
            _log.error("%s: cannot be read (%s)", config.base_path, error.strerror)
            return None
        return {version: found[version] for version in wanted_versions(found, config)}

    def _load_wanted(self, name: str, config: ModelConfig, settled: bool = False) -> None:
        wanted = self._wanted(config) or {}
        for version in sorted(set(wanted) - set(self._available.get(name, {})), reverse=True):
            if not settled or self._is_settled(wanted[version]):
                self._load(name, version, wanted[version])

    def _unload_unwanted(self, name: str, config: ModelConfig) -> None:
        wanted, loaded = self._wanted(config), set(self._available.get(name, {}))
        # Like Serving's availability-preserving policy: the old version goes once a new one answers.
        if wanted is not None and (not wanted or set(wanted) & loaded):
            self._unload(name, loaded - set(wanted))

    def _is_settled(self, folder: Path) -> bool:
        """Tell whether a folder has had the same files for a second, as far as this was asked."""
        now, files = monotonic(), fingerprint(folder)
        known = self._copied.get(folder)
        if known is None or known[0] != files:
            known = self._copied[folder] = files, now
        return now - known[1] >= _SETTLED_SECONDS

    def _load(self, name: str, version: int, folder: Path) -> None:
        now = fingerprint(folder)
        failure = self._failed.get(folder)
        if failure is None or failure.files != now:
            attempts = 0
        elif failure.attempts > _RETRIES or monotonic() < failure.next_attempt:
            return
        else:
            attempts = failure.attempts
        self._set_state(name, version, VersionState(_State.LOADING))
        try:
            model = Model(folder, name)
            self._warm_up(model)
        except (InputError, MemoryError) as error:
            self._failed[folder] = _Failure(now, attempts + 1, monotonic() + _RETRY_SECONDS)
            message = str(error) or f"{folder}: out of memory"
            self._set_state(name, version, VersionState(_State.END, grpc.StatusCode.UNKNOWN, message))
            self._on_load(str(folder), False)
            _log.error("%s", message)
        else:
            self._failed.pop(folder, None)
            self._copied.pop(folder, None)
            self._available = self._available | {name: self._available.get(name, {}) | {version: model}}
            self._set_state(name, version, VersionState(_State.AVAILABLE))
            self._on_load(str(folder), True)
            _log.info("%s: loaded", folder)

    def _warm_up(self, model: Model) -> None:
        def answer(log: prediction_log_pb2.PredictionLog) -> None:
            try:
                self._answer(model, log)
            except ServingError as error:
                message = f"{model.folder}: its warm-up request fails ({error.message})"
                raise InputError(message) from error

        # The first run of each signature keeps one core busy, so several run at a time.
        with futures.ThreadPoolExecutor(num_cores(), thread_name_prefix="warm-up") as pool:
            list(pool.map(answer, read_warmup(model.folder)))

    def _unload(self, name: str, versions: set[int]) -> None:
        for version in versions:
            self._set_state(name, version, VersionState(_State.UNLOADING))
        left = {
            version: model
            for version, model in self._available.get(name, {}).items()
            if version not in versions
        }
        self._available = self._available | {name: left}
        for version in sorted(versions):
            self._set_state(name, version, VersionState(_State.END))
            _log.info("%s %d: unloaded", name, version)
        if versions:
            gc.collect()  # a loaded graph is full of cycles, and its weights are many megabytes

    def _set_state(self, name: str, version: int, state: VersionState) -> None:
        self._states = self._states | {name: self._states.get(name, {}) | {version: state}}


def _not_in_folder(name: str, config: ModelConfig) -> str:
    versions = ", ".join(map(str, config.model_version_policy.specific.versions)) or "any version"
    return f"Could not find {versions} of model {name} in {config.base_path}"


def _not_found(request: str) -> ServingError:
    return ServingError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request}")
