"""Sources of training pairs: records, pair folders and rendered faces.

folder of records | pair folder | rendered:COUNT -> PairSource -> serialised pairs -> decoded pairs
"""

import hashlib
import json
import os
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

#: Tensors of every decoded pair; all but the frames have no rows if they are unknown.
PAIR_TENSORS = ("frame1", "frame2", "landmarks1", "landmarks2", "flow", "valid", "occluded")
_PAIR_TYPES = (tf.uint8, tf.uint8, tf.float32, tf.float32, tf.float32, tf.bool, tf.bool)

# Of `rendered:COUNT`. People of `faceflow render pairs`, whose seed is 0 by default, are for evaluation.
_RENDERED_SEED = 2**31 - 1


@dataclass(frozen=True)
class PairSource:
    """Source of pairs, whole or restricted to some subjects.

    Attributes:
        units: Name, subject and number of pairs of each unit that is read as a whole: a shard, a pair or a
            rendered person.
        keys: Function that makes a dataset of serialised pairs from unit names, string [N], and their numbers
            of pairs, int64 [N].
        decode: Function that decodes an element of that dataset into the tensors that
            `tfrecord_reader.parse` describes.
        digest: Key of the whole source: names, subjects, numbers of pairs and sizes of files.
    """

    units: list[tuple[str, str, int]]
    keys: Callable[[tf.Tensor, tf.Tensor], tf.data.Dataset]
    decode: Callable[[tf.Tensor], Element]
    digest: str

    @property
    def subjects(self) -> set[str]:
        """Identifiers of all subjects in the source."""
        return {subject for _, subject, _ in self.units}

    def only(self, subjects: set[str]) -> "PairSource":
        """Return the source restricted to some subjects."""
        return replace(self, units=[unit for unit in self.units if unit[1] in subjects])

    def __len__(self) -> int:
        return sum(count for _, _, count in self.units)


def open_source(data: Path | str) -> PairSource:
    """Open a source of training pairs.

    Args:
        data: Folder of records (`faceflow build`), pair folder, or `rendered:COUNT` for COUNT pairs of
            faces that are rendered on the fly.

    Returns:
        The source with all its subjects.

    Raises:
        InputError: if `data` is none of these, or the records or the rendering are incomplete.

    Examples:
        >>> source = open_source("rendered:8")
        >>> len(source), sorted(source.subjects)
        (8, ['2147483647-0', '2147483647-1'])
    """
    if rendered := re.fullmatch(r"rendered:([1-9]\d*)", str(data)):
        return _rendered_source(int(rendered[1]))
    folder = check_exists(Path(data))
    if any(folder.glob(f"*{SUFFIX}")):
        manifest = read_manifest(folder)
        if not manifest.complete:
            raise InputError(f"{folder}: the build is incomplete; run the same `faceflow build` again")
        clips = [clip for clip in manifest.clips if clip.shard]
        for clip in clips:
            check_exists(folder / clip.shard)
        units = [(str(folder / clip.shard), clip.subject, clip.pairs) for clip in clips]
        key = _digest(units, [[clip.sha256] for clip in clips])
        return PairSource(units, _interleave_shards, tfrecord_reader.parse, key)
    if any(folder.glob("*_flow.flo")):
        metadata, names = pairs.read_metadata(folder), pairs.list_pairs(folder)
        if (folder / pairs.RENDER_SETTINGS).exists() and not metadata.keys() >= set(names):
            raise InputError(
                f"{folder}: the rendering is incomplete, so it is unknown whom some pairs show; run the same "
                "`faceflow render pairs` again (rendered pairs are kept)"
            )
        # Without pairs.csv the subjects are unknown; all pairs count as one subject, so none is split.
        units = [(name, metadata.get(name, {}).get("subject", "unknown"), 1) for name in names]
        key = _digest(units, _states(folder, names))
        return PairSource(units, _each_pair, partial(_read_pair, folder), key)
    raise InputError(
        f"{folder}: contains neither records (*{SUFFIX}, written by `faceflow build`) nor pairs (*_flow.flo)"
    )


def _digest(units: list[tuple[str, str, int]], states: list[list]) -> str:
    """Return a key of units by their names, without folders, and by the state of their files."""
    seen = [
        (Path(name).name, subject, count, state)
        for (name, subject, count), state in zip(units, states, strict=True)
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16]


def _states(folder: Path, names: list[str]) -> list[list]:
    """Return names, sizes and times of change of each pair's files: thousands of pictures are not read."""
    files: dict[str, list] = {name: [] for name in names}
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name.partition("_")[0]
            if name in files:
                status = entry.stat()
                files[name].append((entry.name, status.st_size, status.st_mtime_ns))
    return [sorted(files[name]) for name in names]


def _each_pair(names: tf.Tensor, counts: tf.Tensor) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(names)


def _interleave_shards(shards: tf.Tensor, counts: tf.Tensor) -> tf.data.Dataset:
    """Interleave the shards, so that even a small shuffle buffer mixes clips."""
    return tf.data.Dataset.from_tensor_slices(shards).interleave(
        tf.data.TFRecordDataset, cycle_length=16, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


def _rendered_source(count: int, seed: int = _RENDERED_SEED) -> PairSource:
    """Return a source of the rendered pairs 0 to count - 1 of a seed.

    All pairs of a person are rendered together, because building a person takes longer than rendering a pair.
    """
    from pipelines.synthetic.renderer.rendered_pair import PAIRS_PER_PERSON, render_pair

    def render(person: bytes, pairs_of_person: int) -> tuple[np.ndarray, ...]:
        first = int(person) * PAIRS_PER_PERSON
        rendered = [_arrays(render_pair(seed, first + k)) for k in range(pairs_of_person)]
        return tuple(np.stack(arrays) for arrays in zip(*rendered, strict=True))

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

    def decode(*tensors: tf.Tensor) -> Element:
        return dict(zip(PAIR_TENSORS, tensors, strict=True))

    units = [(person, f"{seed}-{person}", number) for person, number in counts.items()]
    return PairSource(units, keys, decode, _digest(units, [[]] * len(units)))


def _arrays(pair: pairs.Pair) -> tuple[np.ndarray, ...]:
    """Return the arrays that `PAIR_TENSORS` names; unknown ones have no rows."""
    unknown = np.zeros((0, 2), np.float32)
    landmarks = [unknown if points is None else points for points in (pair.landmarks1, pair.landmarks2)]
    occluded = pair.valid[:0] if pair.occluded is None else pair.occluded
    return pair.frame1, pair.frame2, *landmarks, pair.flow, pair.valid, occluded


def _read_pair(folder: Path, name: tf.Tensor) -> Element:
    """Read a pair of a pair folder inside a graph, as `tfrecord_reader.parse` reads a record."""

    def read(name: bytes) -> tuple[np.ndarray, ...]:
        return _arrays(pairs.read_pair(folder, name.decode(), side_files=("valid", "landmarks", "occluded")))

    tensors = tf.numpy_function(read, [name], _PAIR_TYPES, stateful=False)
    return dict(zip(PAIR_TENSORS, tensors, strict=True))
