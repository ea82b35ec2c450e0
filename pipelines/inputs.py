"""tf.data pipelines: from records, pair folders or rendered faces to batches of crops with dense flow labels.

    serialised pairs -> shuffle -> decode -> crop around the face -> label -> batch -> prefetch

The crop comes before the label: landmarks are moved into the crop and become a label there, and a dense
flow is cut and stretched with the crop, so that the flow is always in pixels of what the network sees.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines import pairs, records
from pipelines.build.manifest import read_manifest
from pipelines.crops import MARGIN, crop_around, whole_frame
from pipelines.errors import InputError
from pipelines.files import check_exists
from pipelines.labels import check_method, make_label
from pipelines.shards import SUFFIX
from pipelines.synthesis import Disturbance, synthesise

Element = dict[str, tf.Tensor]
SYNTHESISED = "synthesised"


@dataclass(frozen=True)
class InputConfig:
    """How pairs become batches.

    Attributes:
        size: width and height of the crops in pixels.
        batch: pairs in a batch.
        label: label method for pairs without a dense flow of their own; or `synthesised`, which makes frame 2
            of every pair anew from frame 1 and its flow (`mesh` where it has none), with light and noise of
            its own, so that the label is exact.
        margin: space around the face on each side, as a share of its size.
        shuffle: pairs in the shuffle buffer.
        seed: of the order; the same seed gives the same batches.
    """

    size: int = 256
    batch: int = 8
    label: str = "mesh"
    margin: float = MARGIN
    shuffle: int = 512
    seed: int = 0

    def __post_init__(self):
        if self.label != SYNTHESISED:
            check_method(self.label)


@dataclass(frozen=True)
class PairSource:
    """Where pairs come from, or the part of it that shows some subjects.

    Attributes:
        units: (name, subject, number of pairs) of what is read as a whole: a shard, a pair, a person.
        keys: makes a dataset from unit names, one element a pair.
        decode: from such an element to the tensors that `records.parse` describes.
    """

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


def open_source(data: Path | str) -> PairSource:
    """Open what there is to learn from.

    Args:
        data: a folder of records (`faceflow build`); a pair folder; or `rendered:COUNT`, so many pairs of
            rendered faces, drawn while they are needed.

    Raises:
        InputError: if it is none of these.
    """
    if rendered := re.fullmatch(r"rendered:([1-9]\d*)", str(data)):
        return _rendered_source(int(rendered[1]))
    folder = check_exists(Path(data))
    if any(folder.glob(f"*{SUFFIX}")):
        manifest = read_manifest(folder)
        if not manifest.complete:
            raise InputError(f"{folder}: its build was stopped; run the same `faceflow build` again")
        clips = [clip for clip in manifest.clips if clip.shard]
        for clip in clips:
            check_exists(folder / clip.shard)
        units = [(str(folder / clip.shard), clip.subject, clip.pairs) for clip in clips]
        return PairSource(units, _interleave_shards, records.parse)
    if any(folder.glob("*_flow.flo")):
        facts = pairs.read_facts(folder)
        # Without a table nobody is known to be somebody else: all are one subject.
        units = [
            (name, facts.get(name, {}).get("subject", "unknown"), 1) for name in pairs.list_pairs(folder)
        ]
        return PairSource(units, tf.data.Dataset.from_tensor_slices, partial(_read_pair, folder))
    raise InputError(
        f"{folder}: neither records (*{SUFFIX}, made by `faceflow build`) nor pairs (*_flow.flo)"
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
        lambda *key: _crop_and_label(source.decode(*key), config), tf.data.AUTOTUNE, deterministic=True
    )
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(source)))
    return dataset.batch(config.batch, drop_remainder=training).prefetch(tf.data.AUTOTUNE)


def _interleave_shards(shards: list[str]) -> tf.data.Dataset:
    """Read shards side by side, so that even a small shuffle buffer mixes clips."""
    return tf.data.Dataset.from_tensor_slices(shards).interleave(
        tf.data.TFRecordDataset, cycle_length=16, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def _rendered_source(count: int, seed: int = 0) -> PairSource:
    """Return pairs 0 to count - 1 of a series of rendered faces, each person's pairs drawn together.

    Making a person costs more than moving them, so whole people are drawn and then shuffled.
    """
    from pipelines.faces.render import PAIRS_PER_PERSON, render_pair

    def render(person: bytes, pairs_of_person: int) -> tuple[np.ndarray, ...]:
        first = int(person) * PAIRS_PER_PERSON
        drawn = [_arrays(render_pair(seed, first + k)) for k in range(pairs_of_person)]
        return tuple(np.stack(arrays) for arrays in zip(*drawn, strict=True))

    counts = {
        str(k): min(PAIRS_PER_PERSON, count - first)
        for k, first in enumerate(range(0, count, PAIRS_PER_PERSON))
    }

    def keys(people: list[str]) -> tf.data.Dataset:
        dataset = tf.data.Dataset.from_tensor_slices((people, [counts[person] for person in people]))
        dataset = dataset.map(
            lambda person, number: tf.numpy_function(render, [person, number], _PAIR_TYPES, stateful=False),
            tf.data.AUTOTUNE,
            deterministic=True,
        )
        return dataset.unbatch()

    units = [(person, f"{seed}-{person}", number) for person, number in counts.items()]
    return PairSource(units, keys, lambda *tensors: dict(zip(_PAIR_NAMES, tensors, strict=True)))


_PAIR_NAMES = ("frame1", "frame2", "landmarks1", "landmarks2", "flow", "valid")
_PAIR_TYPES = (tf.uint8, tf.uint8, tf.float32, tf.float32, tf.float32, tf.bool)


def _arrays(pair: pairs.Pair) -> tuple[np.ndarray, ...]:
    """Return what `_PAIR_NAMES` names; landmarks that are not known have no rows."""
    nowhere = np.zeros((0, 2), np.float32)
    landmarks = [nowhere if points is None else points for points in (pair.landmarks1, pair.landmarks2)]
    return pair.frame1, pair.frame2, *landmarks, pair.flow, pair.valid


def _read_pair(folder: Path, name: tf.Tensor) -> Element:
    """Read a pair of a pair folder in a graph, as `records.parse` reads a record."""

    def read(name: bytes) -> tuple[np.ndarray, ...]:
        return _arrays(pairs.read_pair(folder, name.decode()))

    tensors = tf.numpy_function(read, [name], _PAIR_TYPES, stateful=False)
    return dict(zip(_PAIR_NAMES, tensors, strict=True))


def _crop_and_label(pair: Element, config: InputConfig) -> tuple[Element, Element]:
    """Turn a decoded pair into network inputs and targets, in a graph."""
    frame1, frame2, flow, valid = tf.numpy_function(
        partial(crop_and_label, config),
        [pair[name] for name in _PAIR_NAMES],
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
        flow, valid = crop.flow(flow, valid)
    else:
        method = "mesh" if config.label == SYNTHESISED else config.label
        points = crop.points(landmarks1), crop.points(landmarks2)
        label = make_label(method, picture1, picture2, *points)
        flow, valid = label.flow, label.valid
    if config.label != SYNTHESISED:
        return picture1, picture2, flow, valid
    # The same pair gets the same disturbance, whichever thread it comes from.
    seed = zlib.crc32(picture1.tobytes(), config.seed)
    made = synthesise(picture1, flow, valid, Disturbance(), seed)
    return picture1, made.frame2, made.flow, ~made.occluded
