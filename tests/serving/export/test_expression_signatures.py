"""`micro_expression`: exported, served, classified over gRPC, and the same as without a server."""

import grpc
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_models.expression.expression_networks import build_classifier
from keras_models.inference.expression_classifier import ExpressionClassifier
from pipelines.errors import InputError
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.features import flow_features
from pipelines.micro_expressions.onset_apex import aligned_pair
from serving.client import FaceFlowClient
from serving.export.saved_model import export_expression, graph_ops
from serving.protocol.stubs import classification_pb2, model_pb2
from serving.server import Server

CLASSES = ("negative", "positive", "surprise")


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    return ExpressionClassifier(build_classifier("ststnet"), CLASSES, "default", remove_head=True)


@pytest.fixture(scope="module")
def address(classifier, network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("expression")
    version = export_expression(classifier, network, folder, {"preset": "mine"})
    assert not [op for op in graph_ops(version) if ">" in op]
    with Server(folder, port=0) as server:  # which also answers the warm-up requests
        yield server.address


def test_onset_and_apex_in_class_out(address, classifier, network, portrait):
    """What the server says of two frames is what the networks say of the face that was aligned here."""
    onset, apex = portrait, np.roll(portrait, 2, axis=1)

    def estimate(frame1, frame2):
        frames = {f"frame{k}": np.float32(frame[None]) / 255 for k, frame in ((1, frame1), (2, frame2))}
        return network(frames)["flow"].numpy()[0]

    with FaceMesh() as face_mesh:
        features = aligned_pair(onset, apex, estimate, face_mesh).features(True)
    expected = classifier.probabilities(tf.constant(features[None])).numpy()[0]
    with FaceFlowClient(address, model="micro_expression") as client:
        found = client.expression(onset, apex)
    assert tuple(found) == CLASSES
    np.testing.assert_allclose(list(found.values()), expected, atol=1e-3)
    assert abs(sum(found.values()) - 1) < 1e-5


def test_classify(address, classifier):
    flow = np.random.default_rng(0).normal(size=(2, 224, 224, 2)).astype(np.float32)
    features = flow_features(tf.constant(flow)).numpy()
    request = classification_pb2.ClassificationRequest(
        model_spec=model_pb2.ModelSpec(name="micro_expression", signature_name="classify")
    )
    for row in features:
        example = request.input.example_list.examples.add()
        example.features.feature["features"].float_list.value.extend(row.ravel().tolist())
    with FaceFlowClient(address) as client:
        answers = client._stub.Classify(request).result.classifications
        request.input.example_list.examples[0].features.feature["features"].float_list.value[5] = np.nan
        with pytest.raises(grpc.RpcError) as caught:
            client._stub.Classify(request)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "features has NaN or infinite values" in caught.value.details()
    expected = classifier.probabilities(tf.constant(features)).numpy()
    for answer, row in zip(answers, expected, strict=True):
        assert tuple(one.label for one in answer.classes) == CLASSES
        np.testing.assert_allclose([one.score for one in answer.classes], row, atol=1e-6)


def test_frames_that_are_none(address, portrait):
    with FaceFlowClient(address, model="micro_expression") as client:
        with pytest.raises(InputError, match="have the same size"):
            client.expression(portrait, portrait[:-1])
        with pytest.raises(InputError, match=r"onset.*no face"):
            client.expression(np.zeros((300, 300, 3), np.uint8), np.zeros((300, 300, 3), np.uint8))


def test_action_units_are_served_with_a_probability_each(network, tmp_path):
    units = ("AU1", "AU2", "AU4")
    members = build_classifier("mirror_net", ensemble_size=6, classes=2)  # two for each unit
    classifier = ExpressionClassifier(members, units, "default", True, temperature=2.0, is_binary=True)
    served = tf.saved_model.load(export_expression(classifier, network, tmp_path))
    features = np.random.default_rng(0).normal(size=(3, 28, 28, 3)).astype(np.float32)
    found = served.signatures["from_features"](features=tf.constant(features))
    absent, present = np.moveaxis(np.exp(members(features).numpy() / 2.0), -1, 0)
    share = present / (absent + present)
    expected = [(share[:, 2 * k] + share[:, 2 * k + 1]) / 2 for k in range(3)]
    np.testing.assert_allclose(found["probabilities"], np.stack(expected, axis=1), atol=1e-5)
    assert found["labels"].numpy().tolist() == [[name.encode() for name in units]] * 3
