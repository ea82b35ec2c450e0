import json
import os
import resource
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipelines.errors import InputError
from pipelines.micro_expressions.features import flow_features
from serving.export import flow_signatures, saved_model
from serving.export.saved_model import export_flow, graph_ops
from serving.repository.versions import find_models
from serving.repository.warmup import read_warmup


def test_version_is_the_time(models, version):
    assert version.parent == models / "face_flow"
    assert abs(int(version.name) - (version / "saved_model.pb").stat().st_mtime) < 300


@pytest.mark.parametrize("shape", [(1, 16, 24), (3, 32, 32), (2, 127, 253), (1, 1, 1)])
def test_both_signatures_give_what_the_network_gives(network, version, frames, shape):
    """Read by TensorFlow's own loader, and the arithmetic of the preprocessing is NumPy's."""
    signatures = tf.saved_model.load(str(version)).signatures
    frame1, frame2 = frames((*shape, 3))
    floats = {"frame1": np.float32(frame1) / 255, "frame2": np.float32(frame2) / 255}
    expected = network(floats)["flow"].numpy()
    from_uint8 = signatures["serving_default"](frame1=tf.constant(frame1), frame2=tf.constant(frame2))
    from_float = signatures["serving_float32"](**{name: tf.constant(f) for name, f in floats.items()})
    np.testing.assert_array_equal(from_uint8["flow"], from_float["flow"])
    np.testing.assert_allclose(from_float["flow"], expected, atol=1e-5)


def test_features_are_those_of_the_flow(network, version, frames):
    frame1, frame2 = frames((2, 224, 224, 3))
    flow = network({"frame1": np.float32(frame1) / 255, "frame2": np.float32(frame2) / 255})["flow"]
    signature = tf.saved_model.load(str(version)).signatures["features"]
    found = signature(frame1=tf.constant(frame1), frame2=tf.constant(frame2))["features"]
    assert found.shape == (2, 28, 28, 3)
    np.testing.assert_allclose(found, flow_features(flow), atol=1e-3)


def test_weights_are_stored_once_and_nothing_of_keras(network, version):
    stored = (version / "variables" / "variables.data-00000-of-00001").stat().st_size
    weights = sum(weight.size * 4 for weight in network.get_weights())
    assert weights <= stored < 1.6 * weights  # the rest is the object graph, a fixed few kilobytes
    assert not (version / "keras_metadata.pb").exists()


def test_every_op_is_known_to_a_process_without_addons(version):
    ops = graph_ops(version)
    assert {"Conv2D", "VarHandleOp", "RestoreV2"} <= ops
    check = (
        "import sys, json\n"
        "from tensorflow.python.framework import op_def_registry\n"
        "assert 'tensorflow_addons' not in sys.modules\n"
        "print(json.dumps([op for op in json.load(sys.stdin) if op_def_registry.get(op) is None]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check],
        input=json.dumps(sorted(ops)),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert json.loads(done.stdout.strip().splitlines()[-1]) == [], done.stderr


def test_foreign_op_is_refused_and_nothing_is_left(tmp_path, network, monkeypatch):
    monkeypatch.setattr(saved_model, "graph_ops", lambda folder: {"Conv2D", "Addons>CorrelationCost"})
    with pytest.raises(InputError, match="Addons>CorrelationCost"):
        export_flow(network, tmp_path)
    assert list((tmp_path / "face_flow").iterdir()) == []


def test_two_exports_in_one_second(tmp_path, network, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.9)
    first, second = export_flow(network, tmp_path), export_flow(network, tmp_path)
    assert (first.name, second.name) == ("1700000000", "1700000001")
    assert set(find_models(tmp_path)["face_flow"]) == {1_700_000_000, 1_700_000_001}


def test_a_name_that_is_taken_at_the_last_moment(tmp_path, network, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    half_copied = tmp_path / "face_flow" / "1700000000"
    half_copied.mkdir(parents=True)
    (half_copied / "saved_model.pb").write_bytes(b"so far")
    assert export_flow(network, tmp_path).name == "1700000001"
    assert (half_copied / "saved_model.pb").read_bytes() == b"so far"


def test_no_number_before_the_version_is_whole(tmp_path, network, monkeypatch):
    seen = []

    def rename(source, target):
        seen.append((sorted(os.listdir(tmp_path / "face_flow")), sorted(os.listdir(source))))
        real(source, target)

    real = os.rename
    monkeypatch.setattr(os, "rename", rename)
    version = export_flow(network, tmp_path)
    ((names, content),) = seen
    assert not any(name[0].isdigit() for name in names)
    assert {"saved_model.pb", "variables", "assets.extra"} <= set(content)
    assert os.listdir(tmp_path / "face_flow") == [version.name]


def test_broken_off_export_leaves_nothing(tmp_path, network, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(flow_signatures, "write_warmup", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_flow(network, tmp_path)
    assert list((tmp_path / "face_flow").iterdir()) == []


def test_folder_that_cannot_be_written(tmp_path, network):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/face_flow: the model cannot be written there"):
        export_flow(network, tmp_path / "file")


@pytest.mark.parametrize("limit", [2_000, 20_000, 60_000], ids=["weights", "graph", "warm-up"])
def test_full_disk(tmp_path, network, limit):
    """A limit on the size of files stops the writing as a full disk does: in the kernel, half-way."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(InputError, match="face_flow: the model cannot be written there"):
            export_flow(network, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / "face_flow").iterdir()) == []


def test_lambda_layers_are_only_ops_in_the_export(tmp_path):
    """Loading a served model must never run Python that somebody stored in it."""
    frames = {name: keras.Input((None, None, 3), name=name) for name in ("frame1", "frame2")}
    doubled = keras.layers.Lambda(lambda pair: 2 * (pair[1] - pair[0])[..., :2])(list(frames.values()))
    version = export_flow(keras.Model(frames, {"flow": doubled}), tmp_path)
    assert b"Lambda" not in (version / "saved_model.pb").read_bytes()


def test_warmup_requests_name_all_signatures(version):
    requests = [log.predict_log.request for log in read_warmup(version)]
    assert [request.model_spec.signature_name for request in requests] == [
        "serving_default",
        "serving_float32",
        "encoded",
        "features",
        "frames",
    ]
    for request, dtype in zip(requests, (np.uint8, np.float32, object, np.uint8), strict=False):
        assert tf.make_ndarray(request.inputs["frame1"]).dtype == dtype


@pytest.mark.slow
def test_saved_model_cli_runs_it(version, network, frames, tmp_path):
    frame1, frame2 = frames((1, 16, 24, 3))
    np.savez(tmp_path / "frames.npz", frame1=frame1, frame2=frame2)
    given = ";".join(f"{name}={tmp_path}/frames.npz[{name}]" for name in ("frame1", "frame2"))
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "run", "--dir", str(version)]
    what = ["--tag_set", "serve", "--signature_def", "serving_default", "--inputs", given]
    subprocess.run([*command, *what, "--outdir", str(tmp_path)], check=True, capture_output=True, timeout=600)
    expected = network({"frame1": np.float32(frame1) / 255, "frame2": np.float32(frame2) / 255})["flow"]
    np.testing.assert_allclose(np.load(tmp_path / "flow.npy"), expected, atol=1e-5)


def test_manifest_says_what_it_is(network, tmp_path):
    version = export_flow(network, tmp_path, {"preset": "mine", "numbers": {"epe": 0.2}})
    manifest = json.loads((version / "assets.extra" / "manifest.json").read_text())
    assert (manifest["preset"], manifest["numbers"]["epe"]) == ("mine", 0.2)
    assert manifest["tensorflow"] == tf.__version__
    assert {"commit", "exported"} <= manifest.keys()


def test_signatures_as_saved_model_cli_reads_them(version):
    from tensorflow.python.tools import saved_model_utils

    graph = saved_model_utils.get_meta_graph_def(str(version), "serve")
    for name, dtype in (("serving_default", tf.uint8), ("serving_float32", tf.float32)):
        signature = graph.signature_def[name]
        for frame in ("frame1", "frame2"):
            tensor = signature.inputs[frame]
            assert tensor.dtype == dtype.as_datatype_enum
            assert [dim.size for dim in tensor.tensor_shape.dim] == [-1, -1, -1, 3]
        assert list(signature.outputs) == ["flow"]


def test_a_checkout_on_a_machine_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert saved_model._commit() is None
