"""Presets: a network with its weights, the recipe that made them, and the metrics they reach.

A preset is a folder with `preset.json` and `network.weights.h5`; the folder of a training run is one too.
The presets that come with FaceFlow are beside this file and are called by their names. A preset contains
arrays and settings but no code, so it is safe to load one from an untrusted source.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import InputError
from pipelines.files import check_exists, replacing

if TYPE_CHECKING:
    import keras

_HERE = Path(__file__).parent
_ABOUT = "preset.json"
_WEIGHTS = "network.weights.h5"  # the ending tells Keras to write its own HDF5 layout


#: Names of the presets that come with FaceFlow.
SHIPPED = tuple(sorted(path.parent.name for path in _HERE.glob(f"*/{_ABOUT}")))

#: Defaults: of flow networks, and of classifiers of expressions.
DEFAULT, EXPRESSION = "default", "expression"


@dataclass(frozen=True)
class Preset:
    """Metadata of a trained network.

    Attributes:
        network: `name` and arguments of `build_network`.
        recipe: Configuration, data and seed of the training.
        numbers: Metrics by name.
        licence: Licence of the weights.
    """

    network: dict
    recipe: dict = field(default_factory=dict)
    numbers: dict = field(default_factory=dict)
    licence: str = "as the training data allow"


def save_preset(folder: Path | str, model: keras.Model, preset: Preset) -> None:
    """Write a preset. An earlier one in the folder is replaced once the new one is complete.

    Args:
        folder: Folder of the preset; created if necessary.
        model: Trained network, built by `build_network(**preset.network)`.
        preset: Metadata of the network.
    """
    folder = Path(folder)
    with replacing(folder / _WEIGHTS) as part:
        model.save_weights(part)
    with replacing(folder / _ABOUT) as part:
        part.write_text(json.dumps(vars(preset), indent=1, default=str) + "\n")


def preset_folder(preset: Path | str) -> Path:
    """Return the folder of a preset: a string may be one of `SHIPPED`; a path, or `./NAME`, is a folder."""
    return _HERE / preset if preset in SHIPPED else Path(preset)


def preset_files(preset: Path | str) -> tuple[Path, Path]:
    """Return the files that a preset consists of: its metadata and its weights."""
    folder = preset_folder(preset)
    return folder / _ABOUT, folder / _WEIGHTS


def weights_digest(preset: Path | str) -> str:
    """Return a key of a preset's network and weights.

    Raises:
        InputError: As `read_preset`, or if there are no weights.
    """
    digest = hashlib.sha256(json.dumps(read_preset(preset).network, sort_keys=True).encode())
    digest.update(check_exists(preset_folder(preset) / _WEIGHTS).read_bytes())
    return digest.hexdigest()[:16]


def is_preset(folder: Path | str) -> bool:
    """Return whether a folder holds a preset."""
    return (Path(folder) / _ABOUT).exists()


def read_preset(preset: Path | str) -> Preset:
    """Read the metadata of a trained network.

    Args:
        preset: One of `SHIPPED`, or a folder.

    Raises:
        InputError: If there is no such preset, or it is damaged.

    Examples:
        >>> read_preset("default").network["name"]
        'pyramid_flow'
    """
    folder = preset_folder(preset)
    if not folder.exists():
        raise InputError(f"{folder}: no such folder or preset (presets: {', '.join(SHIPPED)})")
    path = folder / _ABOUT
    if not path.exists():
        raise InputError(f"{folder}: not a training run or preset (it has no {_ABOUT})")
    try:
        return Preset(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: damaged ({error})") from error


def load_network(
    preset: Path | str = DEFAULT, build: Callable[..., keras.Model] | None = None, **arguments: object
) -> keras.Model:
    """Build the network of a preset and load its weights.

    Args:
        preset: One of `SHIPPED`, or a folder.
        build: Function that builds the network from its name and arguments; `build_network` by default.
        arguments: Arguments of the network to use in place of those it was trained with, such as
            `num_flow_updates`. They must not change the shapes of the weights.

    Raises:
        InputError: If there is no such preset, its weights are missing or do not fit, the network does not
            take an argument, or it is a classifier of expressions and `build` is not given.

    Examples:
        >>> load_network("default").count_params()
        449474
        >>> load_network("default", num_flow_updates=1).count_params()
        449474
    """
    about = read_preset(preset)
    # Imported here, because the names of the presets must be known without TensorFlow.
    if build is None:
        from keras_models.expression.expression_networks import CLASSIFIERS
        from keras_models.flow.flow_networks import build_network as build

        if about.network.get("name") in CLASSIFIERS:
            raise InputError(
                f"{preset_folder(preset)}: holds a classifier of expressions, not a flow network"
            )
    try:
        model = build(**about.network)
        changed = build(**about.network | arguments) if arguments else None
    except (TypeError, InputError) as error:
        raise InputError(f"{preset_folder(preset)}: its network cannot be built here ({error})") from error
    weights = check_exists(preset_folder(preset) / _WEIGHTS)
    try:
        model.load_weights(weights)
    except (OSError, ValueError, KeyError) as error:
        reason = "damaged, of another network, or made by an earlier version"
        raise InputError(f"{weights}: {reason} ({error})") from error
    if changed is None:
        return model
    copy_weights(model, changed)
    return changed


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy the weights of a network into another one whose layers with weights have the same names.

    The order of the layers in a network, and in its file, depends on the number of flow updates; their names
    do not.

    Raises:
        InputError: If the source lacks a layer, or its weights have other shapes.
    """
    for layer in target.layers:
        if layer.weights:
            try:
                layer.set_weights(source.get_layer(layer.name).get_weights())
            except ValueError as error:
                message = f"{target.name}: the weights of {source.name} do not fit ({error})"
                raise InputError(message) from error
