"""Where pairs come from: records, pair folders, rendered faces.

folder of records | pair folder | rendered:COUNT -> PairSource -> serialised pairs -> decoded pairs
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.files import check_exists
from pipelines.io import pairs, tfrecord_reader
from pipelines.io.tfrecord_writer import SUFFIX
from pipelines.records.manifest import read_manifest

Element = dict[str, tf.Tensor]

#: What a decoded pair holds at least; all but the frames have no rows where they are not known.
PAIR_TENSORS = ("frame1", "frame2", "landmarks1", "landmarks2", "flow", "valid", "occluded")
_PAIR_TYPES = (tf.uint8, tf.uint8, tf.float32, tf.float32, tf.float32, tf.bool, tf.bool)


@dataclass(frozen=True)
class PairSource:
    """Where pairs come from, or the part of it that shows some subjects.

    Attributes:
        units: (name, subject, number of pairs) of what is read as a whole: a shard, a pair, a person.
        keys: makes a dataset from unit names, string [N], and their numbers of pairs, int64 [N]; one element
            a pair.
        decode: from such an element to the tensors that `records.parse` describes.
    """

    units: list[tuple[str, str, int]]
    keys: Callable[[tf.Tensor, tf.Tensor], tf.data.Dataset]
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
        return PairSource(units, _interleave_shards, tfrecord_reader.parse)
    if any(folder.glob("*_flow.flo")):
        facts = pairs.read_metadata(folder)
        # Without a table nobody is known to be somebody else: all are one subject.
        units = [
            (name, facts.get(name, {}).get("subject", "unknown"), 1) for name in pairs.list_pairs(folder)
        ]
        return PairSource(units, _each_pair, partial(_read_pair, folder))
    raise InputError(
        f"{folder}: neither records (*{SUFFIX}, made by `faceflow build`) nor pairs (*_flow.flo)"
    )


def _each_pair(names: tf.Tensor, counts: tf.Tensor) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(names)


def _interleave_shards(shards: tf.Tensor, counts: tf.Tensor) -> tf.data.Dataset:
    """Read shards side by side, so that even a small shuffle buffer mixes clips."""
    return tf.data.Dataset.from_tensor_slices(shards).interleave(
        tf.data.TFRecordDataset, cycle_length=16, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def _rendered_source(count: int, seed: int = 0) -> PairSource:
    """Return pairs 0 to count - 1 of a series of rendered faces, each person's pairs drawn together.

    Making a person costs more than moving them, so whole people are drawn and then shuffled.
    """
    from pipelines.synthetic.renderer.rendered_pair import PAIRS_PER_PERSON, render_pair

    def render(person: bytes, pairs_of_person: int) -> tuple[np.ndarray, ...]:
        first = int(person) * PAIRS_PER_PERSON
        drawn = [_arrays(render_pair(seed, first + k)) for k in range(pairs_of_person)]
        return tuple(np.stack(arrays) for arrays in zip(*drawn, strict=True))

    counts = {
        str(k): min(PAIRS_PER_PERSON, count - first)
        for k, first in enumerate(range(0, count, PAIRS_PER_PERSON))
    }

    def keys(people: tf.Tensor, counts: tf.Tensor) -> tf.data.Dataset:
        dataset = tf.data.Dataset.from_tensor_slices((people, counts))
        dataset = dataset.map(
            lambda person, number: tf.numpy_function(render, [person, number], _PAIR_TYPES, stateful=False),
            tf.data.AUTOTUNE,
            deterministic=True,
        )
        return dataset.unbatch()

    units = [(person, f"{seed}-{person}", number) for person, number in counts.items()]
    return PairSource(units, keys, lambda *tensors: dict(zip(PAIR_TENSORS, tensors, strict=True)))


def _arrays(pair: pairs.Pair) -> tuple[np.ndarray, ...]:
    """Return what `PAIR_TENSORS` names; what is not known has no rows."""
    nowhere = np.zeros((0, 2), np.float32)
    landmarks = [nowhere if points is None else points for points in (pair.landmarks1, pair.landmarks2)]
    occluded = pair.valid[:0] if pair.occluded is None else pair.occluded
    return pair.frame1, pair.frame2, *landmarks, pair.flow, pair.valid, occluded


def _read_pair(folder: Path, name: tf.Tensor) -> Element:
    """Read a pair of a pair folder in a graph, as `records.parse` reads a record."""

    def read(name: bytes) -> tuple[np.ndarray, ...]:
        return _arrays(pairs.read_pair(folder, name.decode(), side_files=("valid", "landmarks", "occluded")))

    tensors = tf.numpy_function(read, [name], _PAIR_TYPES, stateful=False)
    return dict(zip(PAIR_TENSORS, tensors, strict=True))
