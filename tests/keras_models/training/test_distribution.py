import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_models.flow.flow_networks import build_network
from keras_models.training.distribution import (
    check_batch_size,
    choose_strategy,
    is_chief,
    shared_batches,
)
from keras_models.training.flow_trainer import FlowTrainer
from pipelines.errors import InputError

PROJECT = Path(__file__).parents[3]

# Trains a tiny network on arrays: alone, or as a worker of TF_CONFIG. The masks cover from none to all of a
# picture, so that means taken over the wrong pictures would show.
TRAIN = """
import sys
from keras_models.training.distribution import check_batch_size, choose_strategy, is_chief, shared_batches
strategy = choose_strategy()
import keras, numpy as np, tensorflow as tf
from keras_models.training.flow_trainer import FlowTrainer
from keras_models.flow.flow_networks import build_network

check_batch_size(4, strategy)
random = np.random.default_rng(0)
frames = {f"frame{k}": random.random((12, 64, 64, 3)).astype(np.float32) for k in (1, 2)}
valid = random.random((12, 64, 64)) < np.linspace(0, 1, 12)[:, None, None]
targets = {"flow": random.normal(size=(12, 64, 64, 2)).astype(np.float32), "valid": valid}
targets["face"] = random.random((12, 64, 64)) < 0.5
batches = shared_batches(tf.data.Dataset.from_tensor_slices((frames, targets)).batch(4, drop_remainder=True))
with strategy.scope():
    keras.utils.set_random_seed(0)
    trainer = FlowTrainer(build_network("flownet_s", width=0.0625), "exp3ii", background_weight=0.1)
    trainer.compile(keras.optimizers.SGD(1e-4, momentum=0.9))
before = trainer.network.get_weights()
history = trainer.fit(batches, epochs=2, verbose=0).history
if is_chief(strategy):
    after = trainer.network.get_weights()
    np.savez(sys.argv[1], loss=history["loss"], epe=history["epe"],
             moved=max(abs(a - b).max() for a, b in zip(before, after)), *after)
"""


def test_pairs_that_fill_up_a_batch_do_not_count():
    random = np.random.default_rng(0)
    frames = {f"frame{k}": random.random((5, 64, 64, 3)).astype(np.float32) for k in (1, 2)}
    targets = {"flow": random.normal(size=(5, 64, 64, 2)).astype(np.float32)}
    targets |= {name: random.random((5, 64, 64)) < 0.5 for name in ("valid", "face")}
    batches = tf.data.Dataset.from_tensor_slices((frames, targets)).batch(3)
    trainer = FlowTrainer(build_network("flownet_s", width=0.0625), "epe", background_weight=0.1)
    trainer.compile()
    alone = trainer.evaluate(shared_batches(batches), return_dict=True, verbose=0)
    filled = trainer.evaluate(shared_batches(batches, replicas=3), return_dict=True, verbose=0)
    # Means over pairs, with filling and without it.
    first, last = (
        trainer.evaluate(part, return_dict=True, verbose=0)["loss"]
        for part in (batches.take(1), batches.skip(1))
    )
    for found in (alone, filled):
        assert found["loss"] == pytest.approx((3 * first + 2 * last) / 5, rel=1e-4)
    assert filled["epe"] == pytest.approx(alone["epe"], rel=1e-4)


def test_a_last_batch_is_filled_up():
    flow = np.arange(10, dtype=np.float32).reshape(5, 1, 1, 2)
    valid = np.ones((5, 1, 1), bool)
    batches = tf.data.Dataset.from_tensor_slices(({"frame1": flow}, {"flow": flow, "valid": valid})).batch(3)
    first, last = shared_batches(batches, replicas=3)
    np.testing.assert_array_equal(first[0]["frame1"], flow[:3])
    np.testing.assert_array_equal(last[1]["flow"][:2], flow[3:])
    assert last[1]["valid"].numpy().ravel().tolist() == [True, True, False]
    alone = list(shared_batches(batches))
    assert len(alone[1][0]["frame1"]) == 2


def free_ports(count):
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def start(out, config=None):
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    if config:
        environment["TF_CONFIG"] = json.dumps(config)
    command = [sys.executable, "-c", TRAIN, str(out)]
    return subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_workers_reach_the_weights_of_one_with_the_doubled_batch(tmp_path):
    alone = start(tmp_path / "alone.npz")
    assert alone.wait(timeout=300) == 0, alone.stderr.read()
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    workers = [
        start(tmp_path / f"worker{k}.npz", {"cluster": cluster, "task": {"type": "worker", "index": k}})
        for k in range(2)
    ]
    try:
        for worker in workers:
            assert worker.wait(timeout=300) == 0, worker.stderr.read()
    finally:
        for worker in workers:
            worker.kill()
    assert not (tmp_path / "worker1.npz").exists()  # only the chief writes
    one, two = (np.load(tmp_path / name) for name in ("alone.npz", "worker0.npz"))
    assert one["moved"] > 1e-3
    # A step in the wrong proportion would be off by some tenths of what the weights moved.
    for name in one.files:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-5, atol=1e-4 * one["moved"], err_msg=name)


def test_one_device_needs_nothing(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    strategy = choose_strategy()
    assert strategy.num_replicas_in_sync == 1
    assert is_chief(strategy)
    check_batch_size(7, strategy)


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_bad_tf_config(monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(InputError, match="TF_CONFIG"):
        choose_strategy()


def test_batch_that_cannot_be_shared():
    class Three:
        num_replicas_in_sync = 3

    with pytest.raises(InputError, match="batch_size 8: must be a multiple of 3"):
        check_batch_size(8, Three())


@pytest.mark.parametrize(
    ("jobs", "task", "chief"),
    [
        (["worker"], ("worker", 0), True),
        (["worker"], ("worker", 1), False),
        (["chief", "worker"], ("worker", 0), False),
        (["chief", "worker"], ("chief", 0), True),
    ],
)
def test_who_writes(jobs, task, chief):
    class Strategy:
        cluster_resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({job: ["a:1", "b:1"][: 1 if job == "chief" else 2] for job in jobs}),
            task_type=task[0],
            task_id=task[1],
        )

    assert is_chief(Strategy()) is chief
