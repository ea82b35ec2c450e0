"""ONNX files of presets and runs, converted once and kept."""

import hashlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import keras_models.flow
import keras_models.layers
import serving.export
from keras_models.presets import preset_files, read_preset
from pipelines.files import cache_folder, check_exists, replacing

_PACKAGES = ("tensorflow", "tf2onnx", "onnx")
_KIND = "face_flow_frames.onnx"


def web_folder() -> Path:
    """Return the folder of what the page needs: `$XDG_CACHE_HOME/faceflow/web`, or in `~/.cache`."""
    return cache_folder() / "web"


def cached_onnx(preset: str, on_convert: Callable[[], None] = lambda: None) -> Path:
    """Return the ONNX file of a flow network, with one input for both frames; converts it the first time.

    Args:
        preset: Name of a preset, or folder of a training run.
        on_convert: Function that is called before a conversion, which takes a while.

    Raises:
        InputError: As `load_network` and `export_onnx` do.
    """
    read_preset(preset)
    target = web_folder() / _key(preset) / _KIND
    if not target.exists():
        from keras_models.presets import load_network
        from serving.export.onnx_export import export_onnx

        network = load_network(preset)
        on_convert()
        with replacing(target.parent) as part:
            export_onnx(network, part)
    return target


def _key(preset: str) -> str:
    """Return a key of everything that the file depends on: weights, code and packages."""
    digest = hashlib.sha256()
    for file in preset_files(preset):
        digest.update(check_exists(file).read_bytes())
    for package in (keras_models.flow, keras_models.layers, serving.export):
        for file in sorted(Path(package.__file__).parent.glob("*.py")):
            digest.update(file.read_bytes())
    digest.update(" ".join(version(name) for name in _PACKAGES).encode())
    return digest.hexdigest()[:32]
