"""Shards: TFRecord files of frame pairs, written and looked into without TensorFlow.

Many processes write them, and TensorFlow would cost each of them seconds and some 400 MB. The two formats are
small and fixed: a file is a row of framed messages with checksums, a message is a `tf.train.Example`, which
Protocol Buffers encode, map entries in order, so that equal records are equal bytes.

References:
    https://www.tensorflow.org/tutorials/load_data/tfrecord (the framing)
    tensorflow/core/example/example.proto, feature.proto (the message)
"""

import functools
import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from pipelines.errors import InputError
from pipelines.files import check_exists, replacing

SUFFIX = ".tfrecord"
_HEADER = struct.Struct("<QI")  # length of the message, checksum of the length
_FOOTER = struct.Struct("<I")  # checksum of the message


@dataclass(frozen=True, eq=False)
class PairRecord:
    """Two frames of one clip.

    Attributes:
        subject: person whose face is seen.
        clip: name of the clip.
        number1: number of the first frame in the clip, from 0; `number2` likewise.
        png1: frame 1, losslessly encoded; `png2` likewise.
        landmarks1: float32 [N, 2], (x, y) in pixels of the frame; `landmarks2` likewise. 478 of Face Mesh, or
            as many as the corpus has.
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


@dataclass(frozen=True)
class Shard:
    """What was written.

    Attributes:
        pairs: records in the shard.
        size: size in bytes.
        sha256: SHA-256 of the file.
    """

    pairs: int
    size: int
    sha256: str


def write_shard(path: Path, records: Iterable[PairRecord]) -> Shard:
    """Write a shard, whole or not at all.

    Raises:
        OSError: if it cannot be written, for instance because the disk is full.
    """
    pairs, digest = 0, hashlib.sha256()
    with replacing(path) as part:
        with part.open("wb") as file:
            for record in records:
                message = encode(record)
                length = struct.pack("<Q", len(message))
                framed = length + _checksum(length) + message + _checksum(message)
                file.write(framed)
                digest.update(framed)
                pairs += 1
        size = part.stat().st_size
    return Shard(pairs, size, digest.hexdigest())


def encode(record: PairRecord) -> bytes:
    """Serialise a record as a `tf.train.Example`."""
    example = _example_class()()
    features = example.features.feature
    values = {
        "subject": record.subject.encode(),
        "clip": record.clip.encode(),
        "frame1": record.png1,
        "frame2": record.png2,
        "landmarks1": record.landmarks1.astype("<f4").tobytes(),
        "landmarks2": record.landmarks2.astype("<f4").tobytes(),
    }
    if record.flow is not None:
        values["flow"] = record.flow.astype("<f4").tobytes()
        values["valid"] = record.valid.astype(np.uint8).tobytes()
    for name, value in values.items():
        features[name].bytes_list.value.append(value)
    features["numbers"].int64_list.value.extend([record.number1, record.number2])
    return example.SerializeToString(deterministic=True)


def read_record(path: Path, number: int) -> PairRecord:
    """Read one record of a shard, without its dense flow; training reads shards with `records.parse`.

    Args:
        path: path of the shard.
        number: number of the record in it, from 0.

    Raises:
        InputError: if the shard is absent, has fewer records or is damaged there.
    """
    with check_exists(path).open("rb") as file:
        for _ in range(number):
            file.seek(_message_length(path, file.read(_HEADER.size)) + _FOOTER.size, 1)
        length = _message_length(path, file.read(_HEADER.size))
        message, footer = file.read(length), file.read(_FOOTER.size)
    if _checksum(message) != footer:
        raise InputError(f"{path}: record {number} is damaged; build the records again")
    features = _example_class().FromString(message).features.feature
    values = {name: feature.bytes_list.value[0] for name, feature in features.items() if name != "numbers"}
    points = (np.frombuffer(values[f"landmarks{k}"], "<f4").reshape(-1, 2) for k in (1, 2))
    names = (values[name].decode() for name in ("subject", "clip"))
    return PairRecord(
        *names, *features["numbers"].int64_list.value, values["frame1"], values["frame2"], *points
    )


def _message_length(path: Path, header: bytes) -> int:
    if len(header) < _HEADER.size or _checksum(header[:8]) != header[8:]:
        raise InputError(f"{path}: damaged or truncated; build the records again")
    return _HEADER.unpack(header)[0]


def _checksum(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    # Turned and shifted, because a checksum of data that hold checksums is weak.
    return _FOOTER.pack((((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


@functools.cache
def _example_class() -> type:
    """Return the class of `tf.train.Example`, made from its definition in a pool of our own."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="faceflow", syntax="proto3")

    def add(
        message, name: str, number: int, kind: int, repeated: bool = False, of: str | None = None, **more
    ):
        label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
        of = of and f".faceflow.{of}"
        message.field.add(name=name, number=number, type=kind, label=label, type_name=of, **more)

    for name, kind in (("BytesList", field.TYPE_BYTES), ("Int64List", field.TYPE_INT64)):
        add(file.message_type.add(name=name), "value", 1, kind, repeated=True)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    add(feature, "bytes_list", 1, field.TYPE_MESSAGE, of="BytesList", oneof_index=0)
    add(feature, "int64_list", 3, field.TYPE_MESSAGE, of="Int64List", oneof_index=0)
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    add(entry, "key", 1, field.TYPE_STRING)
    add(entry, "value", 2, field.TYPE_MESSAGE, of="Feature")
    add(features, "feature", 1, field.TYPE_MESSAGE, repeated=True, of="Features.FeatureEntry")
    add(file.message_type.add(name="Example"), "features", 1, field.TYPE_MESSAGE, of="Features")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("faceflow.Example"))
