"""Records: TFRecord shards of frame pairs with their landmarks.

Labels are not stored but built from the landmarks while reading (`inputs`), so that the method can change
without a rebuild, and geometric augmentation can move the landmarks before they become a label. A dense
flow is stored where it is known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipelines.files import replacing

SUFFIX = ".tfrecord"


@dataclass(frozen=True, eq=False)
class PairRecord:
    """Two frames of one clip.

    Attributes:
        subject: whose face it is.
        clip: name of the clip.
        number1: number of the first frame in the clip, from 0; `number2` likewise.
        png1: frame 1, losslessly encoded; `png2` likewise.
        landmarks1: float32 [478, 2], (x, y) in pixels of the frame; `landmarks2` likewise.
        flow: float32 [H, W, 2] in pixels, if known.
        valid: bool [H, W], where `flow` is known; needed with `flow`.
    """

    subject: str
    clip: str
    number1: int
    number2: int
    png1: bytes
    png2: bytes
    landmarks1: np.ndarray
    landmarks2: np.ndarray
    flow: np.ndarray | None = None
    valid: np.ndarray | None = None


def write_records(path: Path, records: Iterable[PairRecord]) -> int:
    """Write a shard, whole or not at all.

    Returns:
        How many pairs it holds.

    Raises:
        OSError: if it cannot be written, for instance because the disk is full.
    """
    count = 0
    try:
        with replacing(path) as part, tf.io.TFRecordWriter(str(part)) as writer:
            for record in records:
                writer.write(encode(record))
                count += 1
    except tf.errors.OpError as error:
        raise OSError(f"{path}: cannot be written ({error.message})") from error
    return count


def encode(record: PairRecord) -> bytes:
    """Serialise a record as a `tf.train.Example`."""
    features = {
        "subject": _bytes(record.subject.encode()),
        "clip": _bytes(record.clip.encode()),
        "numbers": tf.train.Feature(int64_list=tf.train.Int64List(value=[record.number1, record.number2])),
        "frame1": _bytes(record.png1),
        "frame2": _bytes(record.png2),
        "landmarks1": _bytes(record.landmarks1.astype("<f4").tobytes()),
        "landmarks2": _bytes(record.landmarks2.astype("<f4").tobytes()),
    }
    if record.flow is not None:
        features["flow"] = _bytes(record.flow.astype("<f4").tobytes())
        features["valid"] = _bytes(record.valid.astype(np.uint8).tobytes())
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def parse(serialised: tf.Tensor) -> dict[str, tf.Tensor]:
    """Parse one record, in a graph.

    Returns:
        `subject`, `clip` (string), `numbers` (int64 [2]), `frame1`, `frame2` (uint8 [H, W, 3]),
        `landmarks1`, `landmarks2` (float32 [478, 2]), `flow` (float32 [H, W, 2]) and `valid` (bool [H, W]);
        the last two have no rows where the record has no dense flow.
    """
    text = tf.io.FixedLenFeature([], tf.string)
    optional = tf.io.FixedLenFeature([], tf.string, default_value="")
    example = tf.io.parse_single_example(
        serialised,
        {
            "subject": text,
            "clip": text,
            "numbers": tf.io.FixedLenFeature([2], tf.int64),
            "frame1": text,
            "frame2": text,
            "landmarks1": text,
            "landmarks2": text,
            "flow": optional,
            "valid": optional,
        },
    )
    for frame in ("frame1", "frame2"):
        example[frame] = tf.io.decode_png(example[frame], channels=3)
    for points in ("landmarks1", "landmarks2"):
        example[points] = tf.reshape(tf.io.decode_raw(example[points], tf.float32), [-1, 2])
    width = tf.shape(example["frame1"])[1]
    example["flow"] = tf.reshape(tf.io.decode_raw(example["flow"], tf.float32), [-1, width, 2])
    example["valid"] = tf.reshape(tf.io.decode_raw(example["valid"], tf.uint8), [-1, width]) > 0
    return example


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
