"""Flow estimators by name: classical methods, labels from landmarks, and networks.

An estimator is a function of two frames, uint8 [H, W, 3] RGB of one size, that returns the flow, float32
[H, W, 2] in pixels, and its validity, bool [H, W]. Several threads may call it at the same time.

References:
    Farnebäck, SCIA 2003. Zach, Pock, Bischof, DAGM 2007 (TV-L1). Weinzaepfel et al., ICCV 2013 (DeepFlow).
    Kroeger et al., ECCV 2016 (DIS). All in OpenCV's versions with OpenCV's defaults.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from keras_models.inference.kept import kept
from keras_models.presets import (
    EXPRESSION,
    SHIPPED,
    is_preset,
    load_network,
    preset_folder,
    weights_digest,
)
from pipelines import native_stderr
from pipelines.errors import InputError
from pipelines.files import without_wildcards
from pipelines.image.frame_check import check_frames
from pipelines.labels import METHODS as LABEL_METHODS
from pipelines.labels import make_label
from pipelines.landmarks.detector import FaceMesh, find_face

if TYPE_CHECKING:
    import keras

Estimator = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

T = TypeVar("T")

# Pixels. Below it DIS of OpenCV 4.11 can end the process where a frame is much longer than wide.
_SMALLEST = 32


def _dis(preset: int) -> Callable[[], cv2.DenseOpticalFlow]:
    return lambda: cv2.DISOpticalFlow_create(preset)


def _dis_fine() -> cv2.DenseOpticalFlow:
    """DIS at the finest scale, with dense patches and a long variational refinement."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    dis.setPatchStride(2)
    dis.setVariationalRefinementIterations(20)
    return dis


_CLASSICAL: dict[str, Callable[[], cv2.DenseOpticalFlow]] = {
    "dis_fast": _dis(cv2.DISOPTICAL_FLOW_PRESET_FAST),
    "dis_medium": _dis(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM),
    "dis_fine": _dis_fine,
    "farneback": cv2.FarnebackOpticalFlow_create,
    "tvl1": cv2.optflow.createOptFlow_DualTVL1,
    "deepflow": cv2.optflow.createOptFlow_DeepFlow,
}


#: Names of the estimators.
ESTIMATORS = (
    *(name for name in SHIPPED if name != EXPRESSION),
    "zero",
    *_CLASSICAL,
    *(f"label:{name}" for name in LABEL_METHODS),
)


@kept
def get_estimator(name: str) -> Estimator:
    """Return a flow estimator. The last four are kept in memory until files of their networks change.

    Args:
        name: One of `ESTIMATORS`, or the folder of a training run or of a SavedModel of `face_flow`.

    Raises:
        InputError: If the name is neither. The estimator itself raises it for frames that it cannot handle.

    Examples:
        >>> frame = np.zeros((64, 64, 3), np.uint8)
        >>> flow, valid = get_estimator("dis_fast")(frame, frame)
        >>> flow.shape, bool(valid.all())
        ((64, 64, 2), True)
    """
    if name == "zero":
        return dense(lambda frame1, frame2: np.zeros((*frame1.shape[:2], 2), np.float32))
    if name in _CLASSICAL:
        return dense(_classical(name))
    if name.startswith("label:"):
        return _label(name.removeprefix("label:"))
    if name in SHIPPED or Path(name).is_dir():
        return dense(_network(name))
    raise InputError(
        f"unknown flow method {name!r}; use {', '.join(ESTIMATORS)}, or the folder of a training run"
    )


def files_key(name: str) -> str:
    """Return a key of an estimator or classifier: a digest of its network and weights, or else its name."""
    folder = preset_folder(name)
    if is_preset(folder):
        return weights_digest(folder)
    if not folder.is_dir():
        return name
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def dense(estimate: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Estimator:
    """Make an estimator of a function that returns a flow valid everywhere.

    The estimator raises `InputError` unless the frames are uint8 [H, W, 3] of one size.
    """

    def method(frame1: np.ndarray, frame2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        check_frames(frame1, frame2)
        return estimate(frame1, frame2), np.ones(frame1.shape[:2], bool)

    return method


def _one_per_thread(make: Callable[[], T]) -> Callable[[], T]:
    """Return a function that returns an object of the calling thread, made at its first call."""
    own = threading.local()

    def get() -> T:
        if not hasattr(own, "made"):
            own.made = make()
        return own.made

    return get


def _classical(name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    make = _CLASSICAL[name]

    def estimate(frame1: np.ndarray, frame2: np.ndarray) -> np.ndarray:
        height, width = frame1.shape[:2]
        grey = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (frame1, frame2))
        grey1, grey2 = (_at_least(picture, _SMALLEST) for picture in grey)
        try:
            # A new one for each pair: after frames of less than 64 pixels, DIS of OpenCV 4.11 keeps a finest
            # scale of 0, and is slower and another method for all that follow.
            return make().calc(grey1, grey2, None)[:height, :width]
        except cv2.error as error:
            size = f"{frame1.shape[1]}x{frame1.shape[0]}"
            raise InputError(f"{name} cannot handle frames of {size} pixels ({error.err})") from error

    return estimate


def _at_least(picture: np.ndarray, size: int) -> np.ndarray:
    """Repeat the last row and the last column up to a height and width."""
    down, right = (max(0, size - side) for side in picture.shape[:2])
    return cv2.copyMakeBorder(picture, 0, down, 0, right, cv2.BORDER_REPLICATE) if down or right else picture


def _label(name: str) -> Estimator:
    if name not in LABEL_METHODS:
        raise InputError(f"unknown label method {name!r}; use one of: {', '.join(LABEL_METHODS)}")
    face_mesh = _one_per_thread(FaceMesh)

    def method(frame1: np.ndarray, frame2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        check_frames(frame1, frame2)
        face1 = find_face(face_mesh(), frame1, "frame 1")
        face2 = find_face(face_mesh(), frame2, "frame 2", same_as=face1)
        label = make_label(name, frame1, frame2, face1.landmarks, face2.landmarks)
        return label.flow, label.valid

    return method


def _network(name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    folder = preset_folder(name)
    if is_preset(folder):
        return _flow_function(load_network(name))
    run = saved_model_function(folder, ("flow",))
    return lambda frame1, frame2: run(frame1, frame2)["flow"]


def _flow_function(network: keras.Model) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    run = network_function(network, ("flow",))
    return lambda frame1, frame2: run(frame1, frame2)["flow"]


def network_function(
    network: keras.Model, outputs: Sequence[str]
) -> Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]:
    """Return a function of two frames, uint8 [H, W, 3], that computes outputs of a network, [H, W, C]."""
    import tensorflow as tf

    # One traced function for all sizes; `network.predict` would cost as much again as a small network.
    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.uint8)] * 2)
    def run(frame1, frame2):
        frames = {"frame1": frame1, "frame2": frame2}
        scaled = {name: tf.image.convert_image_dtype(frame, tf.float32) for name, frame in frames.items()}
        estimates = network(scaled, training=False)
        return {name: estimates[name] for name in outputs}

    # TensorFlow optimises the graph at its first call, and writes a warning of a kilobyte for every operation
    # of unknown size whose cost it cannot estimate (2.15; tensorflow#56904).
    with native_stderr.silenced():
        run(*[tf.zeros([1, 1, 1, 3], tf.uint8)] * 2)
    return lambda frame1, frame2: _first(run(tf.constant(frame1[None]), tf.constant(frame2[None])))


def saved_model_function(
    folder: Path, outputs: Sequence[str]
) -> Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]:
    """Return the same for a SavedModel of `face_flow`.

    Raises:
        InputError: If it is no SavedModel, damaged, or another model, or its signature lacks an output.
    """
    import tensorflow as tf

    if not (folder / "saved_model.pb").exists():
        raise InputError(f"{folder}: neither a training run nor a SavedModel")
    try:
        loaded = tf.saved_model.load(str(without_wildcards(folder)))
    except Exception as error:  # a damaged file makes it raise anything from KeyError to DataLossError
        reason = str(error).partition("\n")[0]
        raise InputError(f"{folder}: damaged SavedModel ({reason}); export it again") from error
    signature = loaded.signatures.get("serving_default")
    inputs = signature.structured_input_signature[1] if signature else {}
    if inputs.keys() != {"frame1", "frame2"}:
        raise InputError(
            f"{folder}: not a SavedModel of face_flow; its signature serving_default takes "
            f"{', '.join(sorted(inputs)) or 'nothing'}, in place of frame1 and frame2"
        )
    if lacking := [name for name in outputs if name not in signature.structured_outputs]:
        raise InputError(f"{folder}: the SavedModel has no output {', '.join(lacking)}")

    def estimate(frame1: np.ndarray, frame2: np.ndarray) -> dict[str, np.ndarray]:
        answer = signature(frame1=tf.constant(frame1[None]), frame2=tf.constant(frame2[None]))
        return _first({name: answer[name] for name in outputs})

    estimate.model = loaded  # keeps the variables alive
    return estimate


def _first(answer: dict) -> dict[str, np.ndarray]:
    return {name: values[0].numpy() for name, values in answer.items()}


def network_estimator(network: keras.Model) -> Estimator:
    """Return an estimator that runs a flow network, as `build_network` or `load_network` return it."""
    return dense(_flow_function(network))
