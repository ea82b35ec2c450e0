"""The models under a base folder, `MODELS/NAME/VERSION/`, and which of them a request means."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import grpc

from pipelines.errors import InputError
from serving.model import Model, is_whole
from serving.predict import predict
from serving.refusal import Refusal, invalid_argument
from serving.stubs import model_pb2
from serving.warmup import read_warmup

_log = logging.getLogger(__name__)


def versions_in(folder: Path) -> dict[int, Path]:
    """Return the whole versions of one model by number, in ascending order.

    Folders whose names are not numbers are left alone; so are numbers without the files of a SavedModel,
    which somebody may be copying at this moment.
    """
    numbered = {
        int(path.name): path
        for path in folder.iterdir()
        if path.name.isascii() and path.name.isdecimal() and path.is_dir()
    }
    for path in numbered.values():
        if not is_whole(path):
            _log.warning("%s: not a whole SavedModel, left out", path)
    return {version: path for version, path in sorted(numbered.items()) if is_whole(path)}


def find_models(folder: Path | str) -> dict[str, dict[int, Path]]:
    """Return the versions of all models in a folder.

    Raises:
        InputError: if the folder is absent or holds no model.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    if versions_in(folder):
        raise InputError(
            f"{folder}: this is one model; give the folder that holds it, {folder.absolute().parent}"
        )
    found = {path.name: versions_in(path) for path in sorted(folder.iterdir()) if path.is_dir()}
    models = {name: versions for name, versions in found.items() if versions}
    if not models:
        raise InputError(
            f"{folder}: no models here (folders like face_flow/1700000000/saved_model.pb); "
            "make one with `faceflow export`"
        )
    return models


def load_warm(folder: Path) -> Model:
    """Load a version and run its warm-up requests.

    Raises:
        InputError: if it is damaged or cannot answer them.
    """
    model = Model(folder)
    for request in read_warmup(folder):
        try:
            predict(model, request)
        except Refusal as refusal:
            raise InputError(f"{folder}: its own warm-up request fails ({refusal.message})") from refusal
    return model


class Models:
    """Loaded models by name and version.

    Args:
        folder: holds `NAME/VERSION/`; of each model the latest version is loaded.
        labels: version by label, by model name.

    Raises:
        InputError: if there is no model, or the latest version of one is damaged.
    """

    def __init__(self, folder: Path | str, labels: Mapping[str, Mapping[str, int]] | None = None) -> None:
        self.folder = Path(folder)
        self._labels = labels or {}
        # Requests read this dictionary without a lock: it is replaced as a whole, never changed.
        self._loaded: dict[str, dict[int, Model]] = {
            name: {max(versions): load_warm(versions[max(versions)])}
            for name, versions in find_models(folder).items()
        }

    def __iter__(self) -> Iterator[Model]:
        return iter([model for versions in self._loaded.values() for model in versions.values()])

    def find(self, spec: model_pb2.ModelSpec) -> Model:
        """Return the model that a request asks for: by version, by label, or the latest.

        Raises:
            Refusal: INVALID_ARGUMENT without a name or for an unknown label, NOT_FOUND if it is not loaded;
                in TensorFlow Serving's words (model_servers/server_core.cc, core/manager.h).
        """
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        versions = self._loaded.get(spec.name, {})
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


def _not_found(request: str) -> Refusal:
    return Refusal(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request}")
