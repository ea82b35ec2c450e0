"""tf.data pipelines: from pairs of frames to batches of crops with dense flow labels.

    serialised pairs -> shuffle -> decode -> crop around the face -> label -> batch -> prefetch

The crop, augmented or not, comes before the label: landmarks are moved into the crop and become a label
there, and a dense flow is cut and stretched with the crop, so that the flow is always in pixels of what the
network sees.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.image.crops import MARGIN, Crop, crop_around, whole_frame
from pipelines.labels import check_method, make_label
from pipelines.landmarks.face_mesh import NUM_LANDMARKS, face_mask
from pipelines.synthetic.synthesis import Disturbance, synthesise
from pipelines.training_data.augmentation import change_light, draw_geometry
from pipelines.training_data.augmentation_config import Augmentation
from pipelines.training_data.sources import PAIR_TENSORS, Element, PairSource

SYNTHESISED = "synthesised"


@dataclass(frozen=True)
class InputConfig:
    """How pairs become batches.

    Attributes:
        size: width and height of the crops in pixels.
        batch_size: pairs in a batch.
        label: label method for pairs without a dense flow of their own; or `synthesised`, which makes frame 2
            of every pair anew from frame 1 and its flow, with light and noise of its own, so that the label
            is exact. The flow of a pair that has none is `mesh`; `sparse` with a corpus' own landmarks.
        margin: space around the face on each side, as a share of its size.
        augmentation: how training pairs are changed; not at all by default.
        shuffle: pairs that are shuffled together.
        seed: of the order and of augmentation; the same seed gives the same batches.
    """

    size: int = 256
    batch_size: int = 8
    label: str = "mesh"
    margin: float = MARGIN
    augmentation: Augmentation | None = None
    shuffle: int = 512
    seed: int = 0

    def __post_init__(self):
        if self.label != SYNTHESISED:
            check_method(self.label)


def flow_batches(source: PairSource, config: InputConfig) -> tf.data.Dataset:
    """Make batches of all pairs, once, in order and unchanged: to validate and to measure.

    Returns:
        A dataset of (inputs, targets): `frame1`, `frame2`, float32 [B, S, S, 3] in [0, 1]; and `flow`,
        float32 [B, S, S, 2] in pixels of the crop, `valid`, bool [B, S, S], where it is known, and `face`,
        bool [B, S, S], what is inside the face's outline, and in frame 2 not hidden; all of the crop where no
        landmarks, or no hidden pixels, are known. The last batch may be smaller.
    """
    dataset = source.keys(*_names_and_counts(source)).map(
        lambda *key: _tensors(partial(crop_and_label, config), source.decode(*key), config.size),
        tf.data.AUTOTUNE,
        deterministic=True,
    )
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(source)))
    return dataset.batch(config.batch_size).prefetch(tf.data.AUTOTUNE)


def training_batches(source: PairSource, config: InputConfig, first: int = 0) -> tf.data.Dataset:
    """Make batches without end, in another order and with other augmentation at every pass.

    A batch depends on its number, the seed and the source alone: who begins at batch 700 sees what somebody
    sees who has had 700 batches.

    Args:
        source: what to read.
        config: how.
        first: number of the first batch.

    Returns:
        As `flow_batches`, all batches full.

    Raises:
        InputError: if the source has no pairs.
    """
    if not len(source):
        raise InputError("no pairs to train on")
    names, counts = _names_and_counts(source)
    past, drawn = divmod(first * config.batch_size, len(source))

    def one_pass(number: tf.Tensor) -> tf.data.Dataset:
        seed = tf.stack([tf.constant(config.seed, tf.int64), number])
        order = tf.random.experimental.stateless_shuffle(tf.range(len(source.units)), seed)
        keys = source.keys(tf.gather(names, order), tf.gather(counts, order))
        return _shuffled(keys, config.shuffle, seed)

    def element(number: tf.Tensor, key: tuple) -> tuple[Element, Element]:
        if config.augmentation is None:
            return _tensors(partial(crop_and_label, config), source.decode(*key), config.size)
        return _tensors(partial(augment_and_label, config), source.decode(*key), config.size, number)

    dataset = tf.data.Dataset.range(past, np.iinfo(np.int64).max).flat_map(one_pass).skip(drawn)
    dataset = dataset.enumerate(first * config.batch_size)
    dataset = dataset.map(element, tf.data.AUTOTUNE, deterministic=True)
    return dataset.batch(config.batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def _shuffled(dataset: tf.data.Dataset, window: int, seed: tf.Tensor) -> tf.data.Dataset:
    """Shuffle within windows, by a seed that may be a tensor; `Dataset.shuffle` wants a number."""

    def permute(*columns: tf.Tensor) -> tuple[tf.Tensor, ...]:
        order = tf.random.experimental.stateless_shuffle(tf.range(tf.shape(columns[0])[0]), seed)
        return tuple(tf.gather(column, order) for column in columns)

    return dataset.batch(window).map(permute).unbatch()


def _names_and_counts(source: PairSource) -> tuple[tf.Tensor, tf.Tensor]:
    names = tf.constant([name for name, _, _ in source.units], tf.string)
    return names, tf.constant([count for _, _, count in source.units], tf.int64)


def _tensors(
    change: Callable[..., tuple[np.ndarray, ...]], pair: Element, size: int, *numbers: tf.Tensor
) -> tuple[Element, Element]:
    """Turn a decoded pair into network inputs and targets, in a graph."""
    frame1, frame2, flow, valid, face = tf.numpy_function(
        change,
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
    """Crop a pair around its face and give it its label.

    Args:
        config: size and margin of the crop, label method.
        frame1: uint8 [H, W, 3], RGB.
        frame2: uint8 [H, W, 3], RGB.
        landmarks1: float32 [478, 2], pixels of frame 1; without rows where unknown, and then the whole frame
            is taken.
        landmarks2: the same for frame 2.
        flow: float32 [H, W, 2], the dense flow if it is known, otherwise without rows.
        valid: bool [H, W], where it is known.
        occluded: bool [H, W], what of frame 1 is hidden in frame 2; without rows where that is not known.

    Returns:
        Both crops, uint8 [S, S, 3]; flow, float32 [S, S, 2], pixels of the crop; valid and face, bool [S, S],
        as `flow_batches` describes them.
    """
    crop = _crop(config, frame1.shape[:2], landmarks1, landmarks2)
    picture1, picture2 = crop.picture(frame1), crop.picture(frame2)
    dense = crop.flow(flow, valid) if len(flow) else None
    points = crop.points(landmarks1), crop.points(landmarks2)
    shown = crop.mask(~occluded) if len(occluded) else None
    return picture1, *_labelled(config, picture1, picture2, points, dense), _face(config, points[0], shown)


def augment_and_label(
    config: InputConfig, number: int, *pair: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Do what `crop_and_label` does, and change the pair by `config.augmentation`.

    Args:
        config: with an augmentation.
        number: of the pair since training began; with the seed it decides on the change.
        *pair: the arrays of `PAIR_TENSORS`, as `crop_and_label` takes them.
    """
    frame1, frame2, landmarks1, landmarks2, flow, valid, occluded = pair
    rng = np.random.default_rng([config.seed, number])
    crop = _crop(config, frame1.shape[:2], landmarks1, landmarks2)
    middle = np.array([crop.left, crop.top]) + (crop.side - 1) / 2
    geometry = draw_geometry(rng, config.augmentation, middle, crop.scale, config.size)
    picture1, picture2 = (
        np.clip(picture + 0.5, 0, 255).astype(np.uint8)
        for picture in (geometry.picture1(frame1), geometry.picture2(frame2))
    )
    dense = geometry.flow(flow, valid) if len(flow) else None
    points = geometry.points1(landmarks1), geometry.points2(landmarks2)
    shown = geometry.mask(~occluded) if len(occluded) else None
    picture2, flow, valid = _labelled(config, picture1, picture2, points, dense)
    frames = change_light(rng, config.augmentation, picture1, picture2)
    return *frames, flow, valid, _face(config, points[0], shown)


def _labelled(
    config: InputConfig,
    picture1: np.ndarray,
    picture2: np.ndarray,
    points: tuple[np.ndarray, np.ndarray],
    dense: tuple[np.ndarray, np.ndarray] | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return frame 2, the flow and where it is valid, of a crop; the flow is `dense` where that is known."""
    if dense is None:
        method = config.label
        if method == SYNTHESISED:
            method = "mesh" if len(points[0]) == NUM_LANDMARKS else "sparse"
        label = make_label(method, picture1, picture2, *points)
        dense = label.flow, label.valid
    if config.label != SYNTHESISED:
        return picture2, *dense
    # The same crop gets the same disturbance, whichever thread it comes from.
    seed = zlib.crc32(picture1.tobytes(), config.seed)
    made = synthesise(picture1, *dense, Disturbance(), seed)
    return made.frame2, made.flow, ~made.occluded


def _face(config: InputConfig, points: np.ndarray, shown: np.ndarray | None) -> np.ndarray:
    """Return the face in a crop by its landmarks, and of it what frame 2 shows, where these are known."""
    shape = (config.size, config.size)
    if len(points) == NUM_LANDMARKS:
        face = face_mask(points, shape)
    elif len(points):  # a corpus' own, of which no order is known
        hull = cv2.convexHull(points.astype(np.float32)).round().astype(np.int32)
        face = cv2.fillConvexPoly(np.zeros(shape, np.uint8), hull, 1).astype(bool)
    else:
        face = np.ones(shape, bool)
    return face if shown is None else face & shown


def _crop(
    config: InputConfig, shape: tuple[int, int], landmarks1: np.ndarray, landmarks2: np.ndarray
) -> Crop:
    """Return the crop around the face; without landmarks the whole frame."""
    if len(landmarks1):
        return crop_around(np.concatenate([landmarks1, landmarks2]), config.size, config.margin)
    return whole_frame(shape, config.size)
