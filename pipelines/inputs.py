"""tf.data pipelines: from records or pair folders to batches of face crops with dense flow labels.

    serialised pairs -> shuffle -> decode -> crop around the face -> label -> batch -> prefetch

The crop comes before the label: landmarks are moved into the crop and become a label there, and a dense
flow is cut and stretched with the crop, so that the flow is always in pixels of what the network sees.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines import pairs, records
from pipelines.build import read_manifest
from pipelines.crops import crop_around, whole_frame
from pipelines.errors import InputError
from pipelines.files import check_exists
from pipelines.labels import make_label

Element = dict[str, tf.Tensor]


@dataclass(frozen=True)
class InputConfig:
    """How pairs become batches.

    Attributes:
        size: width and height of the crops in pixels.
        batch: pairs in a batch.
        label: label method for pairs without a dense flow of their own.
        margin: space around the face on each side, as a share of its size.
        shuffle: pairs in the shuffle buffer.
        seed: of the order; the same seed gives the same batches.
    """

    size: int = 256
    batch: int = 8
    label: str = "mesh"
    margin: float = 0.15
    shuffle: int = 512
    seed: int = 0


@dataclass(frozen=True)
class PairSource:
    """A folder of records or of pairs, or the part of it that shows some subjects.

    Attributes:
        folder: where it is.
        units: (name, subject, number of pairs) of what is read as a whole: a shard, or a pair.
        keys: makes a dataset of scalars from unit names, one scalar a pair.
        decode: from such a scalar to the tensors that `records.parse` describes.
    """

    folder: Path
    units: list[tuple[str, str, int]]
    keys: Callable[[list[str]], tf.data.Dataset]
    decode: Callable[[tf.Tensor], Element]

    @property
    def subjects(self) -> set[str]:
        """Whose faces are in it."""
        return {subject for _, subject, _ in self.units}

    def only(self, subjects: set[str]) -> "PairSource":
        """Return the part that shows these subjects."""
        return replace(self, units=[unit for unit in self.units if unit[1] in subjects])

    def __len__(self) -> int:
        return sum(count for _, _, count in self.units)


def open_source(folder: Path | str) -> PairSource:
    """Open a folder of records (`faceflow build`) or a pair folder.

    Raises:
        InputError: if it is neither.
    """
    folder = check_exists(Path(folder))
    if any(folder.glob(f"*{records.SUFFIX}")):
        clips = [clip for clip in read_manifest(folder).clips if clip.shard]
        units = [(str(folder / clip.shard), clip.subject, clip.pairs) for clip in clips]
        return PairSource(folder, units, _interleave_shards, records.parse)
    if any(folder.glob("*_flow.flo")):
        facts = pairs.read_facts(folder)
        # Without a table nobody is known to be somebody else: all are one subject.
        units = [
            (name, facts.get(name, {}).get("subject", "unknown"), 1) for name in pairs.list_pairs(folder)
        ]
        return PairSource(folder, units, tf.data.Dataset.from_tensor_slices, partial(_read_pair, folder))
    raise InputError(
        f"{folder}: neither records (*{records.SUFFIX}, made by `faceflow build`) nor pairs (*_flow.flo)"
    )


def flow_batches(source: PairSource, config: InputConfig, training: bool) -> tf.data.Dataset:
    """Make the batches of one epoch.

    Args:
        source: what to read.
        config: how.
        training: in another order each epoch and without the last, incomplete batch; otherwise in order and
            all of it.

    Returns:
        A dataset of (inputs, targets): `frame1`, `frame2`, float32 [B, S, S, 3] in [0, 1]; and `flow`,
        float32 [B, S, S, 2] in pixels of the crop, `valid`, bool [B, S, S].
    """
    units = [unit for unit, _, _ in source.units]
    if training:
        np.random.default_rng(config.seed).shuffle(units)
    dataset = source.keys(units)
    if training:
        dataset = dataset.shuffle(config.shuffle, seed=config.seed, reshuffle_each_iteration=True)
    dataset = dataset.map(
        lambda key: _crop_and_label(source.decode(key), config), tf.data.AUTOTUNE, deterministic=True
    )
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(source)))
    return dataset.batch(config.batch, drop_remainder=training).prefetch(tf.data.AUTOTUNE)


def _interleave_shards(shards: list[str]) -> tf.data.Dataset:
    """Read shards side by side, so that even a small shuffle buffer mixes clips."""
    return tf.data.Dataset.from_tensor_slices(shards).interleave(
        tf.data.TFRecordDataset, cycle_length=16, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def _read_pair(folder: Path, name: tf.Tensor) -> Element:
    """Read a pair of a pair folder in a graph, as `records.parse` reads a record."""

    def read(name: bytes) -> tuple[np.ndarray, ...]:
        pair = pairs.read_pair(folder, name.decode())
        nowhere = np.zeros((0, 2), np.float32)
        landmarks = [nowhere if points is None else points for points in (pair.landmarks1, pair.landmarks2)]
        return pair.frame1, pair.frame2, *landmarks, pair.flow, pair.valid

    types = (tf.uint8, tf.uint8, tf.float32, tf.float32, tf.float32, tf.bool)
    tensors = tf.numpy_function(read, [name], types, stateful=False)
    names = ("frame1", "frame2", "landmarks1", "landmarks2", "flow", "valid")
    return dict(zip(names, tensors, strict=True))


def _crop_and_label(pair: Element, config: InputConfig) -> tuple[Element, Element]:
    """Turn a decoded pair into network inputs and targets, in a graph."""
    names = ("frame1", "frame2", "landmarks1", "landmarks2", "flow", "valid")
    frame1, frame2, flow, valid = tf.numpy_function(
        partial(crop_and_label, config),
        [pair[name] for name in names],
        (tf.uint8, tf.uint8, tf.float32, tf.bool),
        stateful=False,
    )
    size = config.size
    inputs = {
        name: tf.ensure_shape(tf.image.convert_image_dtype(frame, tf.float32), [size, size, 3])
        for name, frame in (("frame1", frame1), ("frame2", frame2))
    }
    targets = {
        "flow": tf.ensure_shape(flow, [size, size, 2]),
        "valid": tf.ensure_shape(valid, [size, size]),
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
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
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

    Returns:
        Both crops, uint8 [S, S, 3]; flow, float32 [S, S, 2], pixels of the crop; valid, bool [S, S].
    """
    if len(landmarks1):
        crop = crop_around(np.concatenate([landmarks1, landmarks2]), config.size, config.margin)
    else:
        crop = whole_frame(frame1.shape[:2], config.size)
    picture1, picture2 = crop.picture(frame1), crop.picture(frame2)
    if len(flow):
        return picture1, picture2, *crop.flow(flow, valid)
    label = make_label(config.label, picture1, picture2, crop.points(landmarks1), crop.points(landmarks2))
    return picture1, picture2, label.flow, label.valid
