"""The Python interface: load a network, estimate the flow of two frames, analyze a clip."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import InputError
from pipelines.image.frame_check import check_frames
from pipelines.import_stand_ins import real_imports

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras

    from pipelines.clip_analysis.analysis_files import ClipAnalysis


def load(preset: str | Path = "default", *, num_flow_updates: int | None = None) -> keras.Model:
    """Load a trained network.

    Args:
        preset: Name of a preset that comes with FaceFlow (`default`, `fast`, `flownet_s`, `expression`),
            or the folder of a training run.
        num_flow_updates: Number of flow updates at full resolution. By default that of the training; fewer
            take less time, and give larger errors. The uncertainty is calibrated for the number of the
            training.

    Returns:
        A Keras model. Flow networks map `{"frame1": ..., "frame2": ...}`, float32 [B, H, W, 3] in [0, 1], to
        a dictionary whose `flow` is float32 [B, H, W, 2] in pixels; `default` and `fast` also have the
        `uncertainty`, float32 [B, H, W, 1] in pixels. Classifiers map features, float32
        [B, 28, 28, 3], to logits, float32 [B, members, classes]. The calibrated probabilities are the mean
        over the members of `softmax(logits / temperature)`, with the temperature of the preset's recipe;
        `keras_models.inference.expression_classifier.open_classifier` returns them.

    Raises:
        InputError: If there is no such preset, it is damaged, or its network has no flow updates.

    Examples:
        >>> network = load("default")
        >>> [layer.name for layer in network.inputs]
        ['frame1', 'frame2']
    """
    from keras_models.expression.expression_networks import CLASSIFIERS, build_classifier
    from keras_models.presets import load_network, read_preset

    is_classifier = read_preset(preset).network.get("name") in CLASSIFIERS
    arguments = {} if num_flow_updates is None else {"num_flow_updates": num_flow_updates}
    return load_network(preset, build_classifier if is_classifier else None, **arguments)


def estimate_flow(
    frame1: np.ndarray,
    frame2: np.ndarray,
    model: str | Path | keras.Model = "default",
    *,
    return_uncertainty: bool = False,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Estimate the optical flow from one frame to another.

    Args:
        frame1: RGB image, uint8 in 0..255 or float in [0, 1], shape (H, W, 3), or grey, shape (H, W).
        frame2: RGB image of the same size.
        model: Name of a preset, the folder of a training run or SavedModel, a classical method
            (`dis_fine`, `deepflow`, ...), or a network from `load`. A string may be a name or a folder, a
            `Path` is a folder. An estimator is kept for the next call, until files of its network change.
        return_uncertainty: Whether to return the uncertainty as well, which `default` and `fast` estimate;
            for `consistency:METHOD`, the forward-backward difference of any method.

    Returns:
        Flow, float32 (H, W, 2): `(dx, dy)` in pixels, x to the right and y down, for each pixel of frame 1.
        NaN where the estimator gives none. With `return_uncertainty`, also the end-point error to expect at
        each pixel, float32 (H, W), pixels.

    Raises:
        InputError: If a frame is no image, the sizes differ, or there is no such model.
        RuntimeError: In a process that was forked after a network had been loaded, where TensorFlow hangs;
            start processes by `multiprocessing.get_context("spawn")`.

    Examples:
        >>> import numpy as np
        >>> import skimage.data
        >>> frame1 = skimage.data.astronaut()[:256, 96:352]
        >>> frame2 = np.roll(frame1, 2, axis=1)  # two pixels to the right
        >>> flow = estimate_flow(frame1, frame2)
        >>> print(f"{np.median(flow[..., 0]):.1f} px to the right")
        2.0 px to the right
    """
    frames = _as_image(frame1, "frame1"), _as_image(frame2, "frame2")
    check_frames(*frames)
    flow, valid, *uncertainty = _estimator(model, return_uncertainty)(*frames)
    flow = np.where(valid[..., None], flow, np.float32(np.nan))
    if not return_uncertainty:
        return flow
    return flow, np.where(valid, uncertainty[0], np.float32(np.nan))


def analyze(
    clip: str | Path,
    out: str | Path | None = None,
    *,
    reference: int | None = None,
    magnify: float = 8.0,
    rate: float | None = None,
    interpupillary_mm: float = 63.0,
    parquet: bool = False,
    landmarks: str | None = None,
    model: str | Path = "default",
    classifier: str | Path | None = "expression",
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> ClipAnalysis:
    """Measure how a face moves over time.

    Args:
        clip: Video, or folder of pictures.
        out: Folder for motion.csv, motion_wide.csv, frames.csv, events.csv, events.eaf, magnified.mp4,
            report.html and summary.json; written as a whole or not at all. By default nothing is written.
        reference: Number of the frame that motion is measured against, from 0. By default the most neutral
            and most still frame.
        magnify: Factor of the motion in magnified.mp4; 0 for no video.
        rate: Frames per second in place of the time stamps of the video.
        interpupillary_mm: Distance of the subject's pupils, millimetres.
        parquet: Write motion.parquet, motion_wide.parquet and frames.parquet beside the tables.
        landmarks: Landmarks of another program as `KIND:FILE`; KIND is openface, pyfeat, pts or ibug.
        model: Name of a preset, the folder of a training run or SavedModel, or a classical method.
        classifier: Classifier of the micro-expressions: a preset or the folder of a run; None for no class.
        progress: Function of the step (landmarks, motion), the frames done, and about how many there are.

    Returns:
        Times, motion of the regions, events, and what there is to know about the clip.

    Raises:
        InputError: If the clip cannot be read or has no face, or the reference does not exist or has no face.

    Examples:
        >>> analysis = analyze("interview.mp4", "analysis")  # doctest: +SKIP
        >>> [(event.kind, event.apex) for event in analysis.events]  # doctest: +SKIP
        [('micro', 48)]
    """
    from keras_models.inference.clip_analyses import AnalysisRequest, analyse
    from pipelines.clip_analysis.analysis import AnalysisConfig
    from pipelines.files import check_exists, check_outputs

    clip, out = check_exists(Path(clip)), None if out is None else Path(out)
    check_outputs(out, inputs=(clip,))
    config = AnalysisConfig(reference, rate, interpupillary_mm, magnify, parquet)
    classes = None if classifier is None else _name(classifier)
    request = AnalysisRequest(config, _name(model), classes, landmarks)
    return analyse(clip, out, request, progress)


def _name(preset: str | os.PathLike) -> str:
    """Return a preset as a string: a path is a folder, whatever its name."""
    return os.path.abspath(preset) if isinstance(preset, os.PathLike) else preset


def _estimator(model: str | Path | keras.Model, with_uncertainty: bool) -> Callable:
    with real_imports():  # another thread may import Face Mesh
        from keras_models.inference import estimators, uncertainty

    if isinstance(model, str | os.PathLike):
        get = uncertainty.get_uncertain_estimator if with_uncertainty else estimators.get_estimator
        return get(_name(model))
    return _network_estimator(model, with_uncertainty)


@functools.lru_cache(maxsize=4)
def _network_estimator(model: keras.Model, with_uncertainty: bool) -> Callable:
    from keras_models.inference import estimators, uncertainty

    if with_uncertainty:
        return uncertainty.uncertain_network_estimator(model)
    return estimators.network_estimator(model)


def _as_image(frame: np.ndarray, name: str) -> np.ndarray:
    """Return a frame as uint8 [H, W, 3]."""
    frame = np.asarray(frame)
    if frame.ndim == 2:
        frame = np.repeat(frame[..., None], 3, axis=-1)
    if frame.ndim != 3 or frame.shape[-1] != 3 or not frame.size:
        raise InputError(
            f"{name}: shape {frame.shape}; an image has the shape (H, W, 3), or (H, W) if it is grey"
        )
    if frame.dtype == np.uint8:
        return frame
    if not np.issubdtype(frame.dtype, np.floating):
        raise InputError(f"{name}: dtype {frame.dtype}; an image is uint8 in 0..255, or float in [0, 1]")
    low, high = float(frame.min()), float(frame.max())
    if not (low >= 0 and high <= 1):
        raise InputError(f"{name}: values from {low:g} to {high:g}; a float image is in [0, 1]")
    return np.round(frame * 255).astype(np.uint8)
