"""Presets: a network with its weights, the recipe that made them and the numbers they reach.

A preset is a folder with `preset.json` and `network.weights.h5`; the folder of a training run is one too.
Those that come with FaceFlow lie beside this file and go by their names.
Weights are plain arrays: nothing in a preset is code, so one from a stranger is safe to open.
"""

from __future__ import annotations

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

#: Those that are meant where none is named: of flow, and to classify expressions.
DEFAULT, EXPRESSION = "default", "expression"


@dataclass(frozen=True)
class Preset:
    """What is known about a trained network.

    Attributes:
        network: `name` and the arguments of `build_network`.
        recipe: how it was trained: the configuration, the data, the seed.
        numbers: what it reaches, by name.
        licence: terms of the weights.
    """

    network: dict
    recipe: dict = field(default_factory=dict)
    numbers: dict = field(default_factory=dict)
    licence: str = "as the training data allow"


def save_preset(folder: Path | str, model: keras.Model, preset: Preset) -> None:
    """Write a preset; one that stood in the folder before is replaced when the new one is whole.

    Args:
        folder: where to; made if needed.
        model: the trained network, built by `build_network(**preset.network)`.
        preset: what is known about it.
    """
    folder = Path(folder)
    with replacing(folder / _WEIGHTS) as part:
        model.save_weights(part)
    with replacing(folder / _ABOUT) as part:
        part.write_text(json.dumps(vars(preset), indent=1, default=str))


def preset_folder(preset: Path | str) -> Path:
    """Return the folder of a preset: a string may be one of `SHIPPED`; a path, or `./NAME`, is a folder."""
    return _HERE / preset if preset in SHIPPED else Path(preset)


def is_preset(folder: Path | str) -> bool:
    """Tell whether a folder holds a preset."""
    return (Path(folder) / _ABOUT).exists()


def read_preset(preset: Path | str) -> Preset:
    """Read what is known about a trained network.

    Args:
        preset: one of `SHIPPED`, or a folder.

    Raises:
        InputError: if there is no such preset, or it is damaged.
    """
    folder = preset_folder(preset)
    if not folder.exists():
        raise InputError(f"{folder}: no such folder, and no preset of this name ({', '.join(SHIPPED)})")
    path = folder / _ABOUT
    if not path.exists():
        raise InputError(f"{folder}: not a training run or preset (there is no {_ABOUT} in it)")
    try:
        return Preset(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: damaged ({error})") from error


def load_network(
    preset: Path | str = DEFAULT, build: Callable[..., keras.Model] | None = None
) -> keras.Model:
    """Build the network of a preset and fill in its weights.

    Args:
        preset: one of `SHIPPED`, or a folder.
        build: makes it by name and arguments; `networks.build_network`, that of flow, by default.

    Raises:
        InputError: if there is no such preset, or its weights are absent or do not fit.
    """
    # Imported here: to know the presets' names, nobody has to load TensorFlow.
    if build is None:
        from keras_models.flow.flow_networks import build_network as build

    about = read_preset(preset)
    try:
        model = build(**about.network)
    except (TypeError, InputError) as error:
        raise InputError(f"{preset_folder(preset)}: its network cannot be built here ({error})") from error
    load_weights(model, preset)
    return model


def load_weights(model: keras.Model, preset: Path | str) -> None:
    """Fill the weights of a preset into a network of the same shapes.

    Raises:
        InputError: if there is no such preset, or its weights are absent or do not fit.
    """
    weights = check_exists(preset_folder(preset) / _WEIGHTS)
    try:
        model.load_weights(weights)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{weights}: damaged, or of another network ({error})") from error
