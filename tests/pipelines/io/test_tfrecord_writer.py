import hashlib

import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.io.tfrecord_writer import PairRecord, read_record, write_shard


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4, 478, 2)).astype(np.float32)
    flow = rng.normal(size=(6, 5, 2)).astype(np.float32)
    return [
        PairRecord("anna", "a-1", 3, 4, b"one", b"two", points[0], points[1]),
        PairRecord(
            "bert", "b", 300, 70_000, b"", b"\x00" * 300, points[2], points[3], flow, flow[..., 0] > 0
        ),
    ]


def test_tensorflow_reads_what_was_written(tmp_path, pairs):
    """TensorFlow checks the checksums itself."""
    shard = write_shard(tmp_path / "x.tfrecord", pairs)
    data = (tmp_path / "x.tfrecord").read_bytes()
    assert (shard.pairs, shard.size, shard.sha256) == (2, len(data), hashlib.sha256(data).hexdigest())
    messages = list(tf.data.TFRecordDataset(str(tmp_path / "x.tfrecord")).as_numpy_iterator())
    for message, pair in zip(messages, pairs, strict=True):
        features = tf.train.Example.FromString(message).features.feature
        assert features["clip"].bytes_list.value == [pair.clip.encode()]
        assert features["frame2"].bytes_list.value == [pair.png2]
        assert features["numbers"].int64_list.value == [pair.number1, pair.number2]
        assert ("flow" in features) == (pair.flow is not None)
        read = np.frombuffer(features["landmarks2"].bytes_list.value[0], np.float32).reshape(-1, 2)
        np.testing.assert_array_equal(read, pair.landmarks2)
        assert message == tf.train.Example.FromString(message).SerializeToString(deterministic=True)


def test_one_record_is_read(tmp_path, pairs):
    path = tmp_path / "x.tfrecord"
    write_shard(path, pairs)
    record = read_record(path, 1)
    assert (record.subject, record.clip, record.number1, record.number2) == ("bert", "b", 300, 70_000)
    assert record.png2 == pairs[1].png2
    np.testing.assert_array_equal(record.landmarks1, pairs[1].landmarks1)
    with pytest.raises(InputError, match="truncated"):
        read_record(path, 2)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="record 1 is damaged"):
        read_record(path, 1)
    assert read_record(path, 0).clip == "a-1"
