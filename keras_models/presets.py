"""Presets: a network with its weights, the recipe that made them and the numbers they reach.

A preset is a folder with `preset.json` and `network.weights.h5`; the folder of a training run is one too.
Weights are plain arrays: nothing in a preset is code, so one from a stranger is safe to open.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import keras

from keras_models.networks import build_network
from pipelines.errors import InputError
from pipelines.files import check_exists, replacing

_ABOUT = "preset.json"
_WEIGHTS = "network.weights.h5"  # the ending tells Keras to write its own HDF5 layout


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


def is_preset(folder: Path | str) -> bool:
    """Tell whether a folder holds a preset."""
    return (Path(folder) / _ABOUT).exists()


def read_preset(folder: Path | str) -> Preset:
    """Read what is known about a trained network.

    Raises:
        InputError: if the folder holds no preset, or a damaged one.
    """
    path = check_exists(Path(folder)) / _ABOUT
    if not path.exists():
        raise InputError(f"{folder}: not a training run or preset (there is no {_ABOUT} in it)")
    try:
        return Preset(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: damaged ({error})") from error


def load_network(folder: Path | str) -> keras.Model:
    """Build the network of a preset and fill in its weights.

    Raises:
        InputError: if the folder holds no preset, or its weights are absent or do not fit.
    """
    preset = read_preset(folder)
    weights = check_exists(Path(folder) / _WEIGHTS)
    try:
        model = build_network(**preset.network)
    except TypeError as error:
        raise InputError(f"{folder}: its network cannot be built here ({error})") from error
    try:
        model.load_weights(weights)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{weights}: damaged, or of another network ({error})") from error
    return model
