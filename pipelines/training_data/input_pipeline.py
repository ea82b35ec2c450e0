"""tf.data input pipelines: from pairs of frames to batches of crops with dense flow labels.

    serialised pairs -> shuffle -> decode -> crop around the face -> label -> batch -> prefetch

The crop, augmented or not, comes before the label: landmarks are transformed to the crop and the label is
made there; a stored dense flow is cropped and scaled. So the flow is always in pixels of the crop.
"""

import zlib
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.image.crops import MARGIN, Crop, crop_around, whole_frame
from pipelines.labels import check_method, make_label
from pipelines.landmarks.face_mesh import NUM_LANDMARKS, face_mask
from pipelines.settings import check_settings, number, settings
from pipelines.synthetic.synthesis import Disturbance, synthesise
from pipelines.training_data.augmentation import (
    photometric_augmentation,
    random_geometry,
    warp_back_approximately,
)
from pipelines.training_data.augmentation_config import Augmentation
from pipelines.training_data.sources import PAIR_TENSORS, Element, PairSource

SYNTHESISED = "synthesised"


@settings
class InputConfig:
    """Settings of an input pipeline. They are checked when an instance is made.

    Attributes:
        size: Width and height of the crops in pixels.
        batch_size: Number of pairs in a batch.
        label: Label method for pairs without a dense flow; or `synthesised`, which replaces frame 2 of every
            pair by frame 1 warped with its label, with photometric changes and noise, so that the label is
            exact. The label is `mesh` then, or `sparse` with the landmarks of a corpus.
        margin: Space around the face on each side, as a share of the face size.
        augmentation: Settings of the augmentation of training pairs; None for no augmentation.
        shuffle: Size of the shuffle buffer in pairs.
        seed: Seed of the order and the augmentation; the same seed gives the same batches.
    """

    size: int = number(default=256, minimum=16)
    batch_size: int = number(default=8, minimum=1)
    label: str = "mesh"
    margin: float = number(default=MARGIN, minimum=0)
    augmentation: Augmentation | None = None
    shuffle: int = number(default=512, minimum=1)
    seed: int = number(default=0, minimum=0)

    def __post_init__(self):
        check_settings(self)
        if self.label != SYNTHESISED:
            check_method(self.label)


def flow_batches(source: PairSource, config: InputConfig) -> tf.data.Dataset:
    """Make batches of all pairs, once, in order and without augmentation, for validation and evaluation.

    With `residual_probability`, as many pairs are warped back as in training, because that is another task.

    Args:
        source: Source of pairs.
        config: Settings of the pipeline.

    Returns:
        A dataset of (inputs, targets). Inputs are `frame1` and `frame2`, float32 [B, S, S, 3] in [0, 1].
        Targets are `flow`, float32 [B, S, S, 2] in pixels of the crop; `valid`, where the flow is known,
        bool [B, S, S]; and `face`, the pixels inside the outline of the face that are not occluded in
        frame 2, bool [B, S, S] (the whole crop if there are no landmarks). The last batch may be smaller.
    """
    dataset = source.keys(*_names_and_counts(source)).map(
        lambda *key: _tensors(partial(crop_and_label, config), source.decode(*key), config.size),
        tf.data.AUTOTUNE,
        deterministic=True,
    )
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(source)))
    return dataset.batch(config.batch_size).prefetch(tf.data.AUTOTUNE)


def training_batches(source: PairSource, config: InputConfig, first: int = 0) -> tf.data.Dataset:
    """Make batches without end, with another order and other augmentation in every epoch.

    A batch depends only on its number, the seed and the source. So training that resumes at batch 700 gets
    the same batches as training that was not interrupted.

    Args:
        source: Source of pairs.
        config: Settings of the pipeline.
        first: Number of the first batch.

    Returns:
        A dataset as `flow_batches` returns it; all batches are full.

    Raises:
        InputError: if the source has no pairs.

    Examples:
        >>> from pipelines.training_data.sources import open_source
        >>> batches = training_batches(open_source("rendered:4"), InputConfig(size=64, batch_size=2))
        >>> inputs, targets = next(iter(batches))
        >>> inputs["frame1"].shape, targets["flow"].shape
        (TensorShape([2, 64, 64, 3]), TensorShape([2, 64, 64, 2]))
    """
    if not len(source):
        raise InputError("there are no pairs to train on")
    names, counts = _names_and_counts(source)
    first_epoch, skipped = divmod(first * config.batch_size, len(source))

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        seed = tf.stack([tf.constant(config.seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(len(source.units)), seed)
        keys = source.keys(tf.gather(names, order), tf.gather(counts, order))
        return _shuffle(keys, config.shuffle, seed)

    def element(number: tf.Tensor, key: tuple) -> tuple[Element, Element]:
        if config.augmentation is None:
            return _tensors(partial(crop_and_label, config), source.decode(*key), config.size)
        return _tensors(partial(augment_and_label, config), source.decode(*key), config.size, number)

    dataset = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max).flat_map(one_epoch).skip(skipped)
    dataset = dataset.enumerate(first * config.batch_size)
    dataset = dataset.map(element, tf.data.AUTOTUNE, deterministic=True)
    return dataset.batch(config.batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def _shuffle(dataset: tf.data.Dataset, window: int, seed: tf.Tensor) -> tf.data.Dataset:
    """Shuffle within windows; unlike that of `Dataset.shuffle`, the seed may be a tensor."""

    def permute(*columns: tf.Tensor) -> tuple[tf.Tensor, ...]:
        order = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(columns[0])[0]), seed)
        return tuple(tf.gather(column, order) for column in columns)

    return dataset.batch(window).map(permute).unbatch()


def _names_and_counts(source: PairSource) -> tuple[tf.Tensor, tf.Tensor]:
    names = tf.constant([name for name, _, _ in source.units], tf.string)
    return names, tf.constant([count for _, _, count in source.units], tf.int64)


def _tensors(
    prepare: Callable[..., tuple[np.ndarray, ...]], pair: Element, size: int, *numbers: tf.Tensor
) -> tuple[Element, Element]:
    """Convert a decoded pair to network inputs and targets, in a graph."""
    frame1, frame2, flow, valid, face = tf.numpy_function(
        prepare,
        [*numbers, *(pair[name] for name in PAIR_TENSORS)],
        (tf.uint8, tf.uint8, tf.float32, tf.bool, tf.bool),
        stateful=False,
    )
    inputs = {
        name: tf.ensure_shape(tf.image.convert_image_dtype(frame, tf.float32), [size, size, 3])
        for name, frame in (("frame1", frame1), ("frame2", frame2))
    }
    targets = {
        "flow": tf.ensure_shape(flow, [size, size, 2]),
        "valid": tf.ensure_shape(valid, [size, size]),
        "face": tf.ensure_shape(face, [size, size]),
    }
    return inputs, targets


def crop_and_label(
    config: InputConfig,
    frame1: np.ndarray,
    frame2: np.ndarray,
    landmarks1: np.ndarray,
    landmarks2: np.ndarray,
    flow: np.ndarray,
    valid: np.ndarray,
    occluded: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Crop a pair around its face and make its label.

    Args:
        config: Settings of the pipeline.
        frame1: First frame, uint8 [H, W, 3], RGB.
        frame2: Second frame, uint8 [H, W, 3], RGB.
        landmarks1: Landmarks in frame 1, float32 [478, 2], (x, y) in pixels; no rows if unknown, in which
            case the whole frame is used.
        landmarks2: The same landmarks in frame 2.
        flow: Dense flow, float32 [H, W, 2], pixels; no rows if unknown.
        valid: Where the dense flow is known, bool [H, W].
        occluded: Pixels of frame 1 that are occluded in frame 2, bool [H, W]; no rows if unknown.

    Returns:
        Crops of frame 1 and frame 2, uint8 [S, S, 3]; flow, float32 [S, S, 2], pixels of the crop; `valid`
        and `face`, bool [S, S], as `flow_batches` describes them.
    """
    crop = _crop(config, frame1.shape[:2], landmarks1, landmarks2)
    picture1, picture2 = crop.picture(frame1), crop.picture(frame2)
    dense = crop.flow(flow, valid) if len(flow) else None
    points = crop.points(landmarks1), crop.points(landmarks2)
    visible = crop.mask(~occluded) if len(occluded) else None
    face = _face(config, points[0], visible)
    label = _label(config, picture1, picture2, points, dense)
    if config.augmentation is not None:  # validation beside a training
        # Seeded by the crop itself, so that every pass validates the same task.
        rng = np.random.default_rng([config.seed, zlib.crc32(picture1.tobytes())])
        label = _warped_back(config.augmentation, rng, *label, face)
    return picture1, *label, face


def augment_and_label(
    config: InputConfig, number: int, *pair: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Augment a pair, crop it around its face and make its label.

    Args:
        config: Settings of the pipeline, with an augmentation.
        number: Number of the pair since the start of training; with the seed it determines the augmentation.
        *pair: Arrays of `PAIR_TENSORS`, as in `crop_and_label`.

    Returns:
        As `crop_and_label`.
    """
    frame1, frame2, landmarks1, landmarks2, flow, valid, occluded = pair
    rng = np.random.default_rng([config.seed, number])
    crop = _crop(config, frame1.shape[:2], landmarks1, landmarks2)
    centre = np.array([crop.left, crop.top]) + (crop.side - 1) / 2
    geometry = random_geometry(rng, config.augmentation, centre, crop.scale, config.size)
    picture1, picture2 = (
        np.clip(picture + 0.5, 0, 255).astype(np.uint8)
        for picture in (geometry.picture1(frame1), geometry.picture2(frame2))
    )
    dense = geometry.flow(flow, valid) if len(flow) else None
    points = geometry.points1(landmarks1), geometry.points2(landmarks2)
    visible = geometry.mask(~occluded) if len(occluded) else None
    picture2, flow, valid = _label(config, picture1, picture2, points, dense)
    face = _face(config, points[0], visible)
    picture2, flow, valid = _warped_back(config.augmentation, rng, picture2, flow, valid, face)
    frames = photometric_augmentation(rng, config.augmentation, picture1, picture2)
    return *frames, flow, valid, face


def _label(
    config: InputConfig,
    picture1: np.ndarray,
    picture2: np.ndarray,
    points: tuple[np.ndarray, np.ndarray],
    dense: tuple[np.ndarray, np.ndarray] | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return frame 2, the flow and its validity for a crop; the flow is `dense` if that is known."""
    if dense is None:
        method = config.label
        if method == SYNTHESISED:
            method = "mesh" if len(points[0]) == NUM_LANDMARKS else "sparse"
        label = make_label(method, picture1, picture2, *points)
        dense = label.flow, label.valid
    if config.label != SYNTHESISED:
        return picture2, *dense
    # Seeded by the crop itself, so that the result does not depend on the thread.
    seed = zlib.crc32(picture1.tobytes(), config.seed)
    synthesised = synthesise(picture1, *dense, Disturbance(), seed)
    return synthesised.frame2, synthesised.flow, ~synthesised.occluded


def _warped_back(
    augmentation: Augmentation,
    rng: np.random.Generator,
    picture2: np.ndarray,
    flow: np.ndarray,
    valid: np.ndarray,
    face: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return frame 2, the flow and its validity, warped back as often as the settings say."""
    probability = augmentation.residual_probability
    if not probability or rng.random() >= probability:
        return picture2, flow, valid
    return warp_back_approximately(rng, augmentation, picture2, flow, valid, face)


def _face(config: InputConfig, points: np.ndarray, visible: np.ndarray | None) -> np.ndarray:
    """Return the mask of the face in a crop, restricted to visible pixels where occlusion is known."""
    shape = (config.size, config.size)
    if len(points) == NUM_LANDMARKS:
        face = face_mask(points, shape)
    elif len(points):  # landmarks of a corpus, in no known order: their convex hull
        hull = cv2.convexHull(points.astype(np.float32)).round().astype(np.int32)
        face = cv2.fillConvexPoly(np.zeros(shape, np.uint8), hull, 1).astype(bool)
    else:
        face = np.ones(shape, bool)
    return face if visible is None else face & visible


def _crop(
    config: InputConfig, shape: tuple[int, int], landmarks1: np.ndarray, landmarks2: np.ndarray
) -> Crop:
    """Return the crop around the face, or the whole frame if there are no landmarks."""
    if len(landmarks1):
        return crop_around(np.concatenate([landmarks1, landmarks2]), config.size, config.margin)
    return whole_frame(shape, config.size)
