"""Classify, Regress and MultiInference with the official stub; what they answer is computed by hand."""

import grpc
import pytest

from serving.protocol.stubs import classification_pb2, example_pb2, inference_pb2, model_pb2, regression_pb2

INVALID = grpc.StatusCode.INVALID_ARGUMENT
CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


def example(x0, x1):
    made = example_pb2.Example()
    made.features.feature["x"].float_list.value.extend([x0, x1])
    return made


def request(kind, signature="", examples=((1, 2), (3, 0.5)), model="toy"):
    made = kind(model_spec=model_pb2.ModelSpec(name=model, signature_name=signature))
    made.input.example_list.examples.extend(example(*pair) for pair in examples)
    return made


def classification(signature="classify", **more):
    return request(classification_pb2.ClassificationRequest, signature, **more)


def regression(signature="regress", **more):
    return request(regression_pb2.RegressionRequest, signature, **more)


def multi(*tasks, model="toy"):
    made = inference_pb2.MultiInferenceRequest()
    for signature, method in tasks:
        spec = model_pb2.ModelSpec(name=model, signature_name=signature)
        made.tasks.add(model_spec=spec, method_name=method)
    made.input.example_list.examples.append(example(1, 2))
    return made


def refusal(call, request):
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=30)
    return caught.value.code(), caught.value.details()


def test_classify(caller):
    response = caller.stub.Classify(classification())
    spec = model_pb2.ModelSpec(name="toy", signature_name="classify")
    spec.version.value = 1
    assert response.model_spec == spec
    found = [[(c.label, c.score) for c in one.classes] for one in response.result.classifications]
    assert found == [
        [("negative", 1), ("positive", 2), ("surprise", 3)],
        [("negative", 3), ("positive", 0.5), ("surprise", 3.5)],
    ]


def test_regress(caller):
    response = caller.stub.Regress(regression())
    assert [one.value for one in response.result.regressions] == [2.5, 3.5]
    assert (response.model_spec.name, response.model_spec.signature_name) == ("toy", "regress")


def test_context_is_part_of_each_example(caller):
    made = regression_pb2.RegressionRequest(
        model_spec=model_pb2.ModelSpec(name="toy", signature_name="regress")
    )
    made.input.example_list_with_context.context.CopyFrom(example(8, 0))
    made.input.example_list_with_context.examples.extend([example_pb2.Example(), example(2, 0)])
    assert [one.value for one in caller.stub.Regress(made).result.regressions] == [6, 3]


def test_multi_inference(caller):
    response = caller.stub.MultiInference(multi(("classify", CLASSIFY), ("regress", REGRESS)))
    first, second = response.results
    assert [c.score for c in first.classification_result.classifications[0].classes] == [1, 2, 3]
    assert second.regression_result.regressions[0].value == 2.5
    assert [one.model_spec.signature_name for one in response.results] == ["classify", "regress"]


@pytest.mark.parametrize("method", ["Classify", "Regress"])
def test_refused_alike(caller, method):
    call, make = getattr(caller.stub, method), {"Classify": classification, "Regress": regression}[method]
    assert refusal(call, make("x")) == (INVALID, "No signature was found with the name: x")
    code, message = refusal(call, make(model="m"))
    assert (code, message) == (grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(m)")
    assert refusal(call, make(examples=())) == (INVALID, "Input is empty.")
    without = make()
    without.ClearField("model_spec")
    assert refusal(call, without) == (INVALID, "Missing ModelSpec")
    wrong = make()
    wrong.input.example_list.examples[0].features.feature["x"].float_list.value.append(1)
    assert refusal(call, wrong)[0] is INVALID  # by TensorFlow's own parser


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("", "No classification inputs found in SignatureDef: "),
        (
            "regress",
            'Expected classification signature outputs to contain at least one of "classes" or "scores".',
        ),
    ],
)
def test_signature_that_gives_no_classes(caller, signature, message):
    code, said = refusal(caller.stub.Classify, classification(signature))
    assert code is INVALID
    assert said.startswith(message)


def test_signature_of_another_kind(caller):
    assert refusal(caller.stub.Regress, regression("classify")) == (INVALID, "Expected one output Tensor.")
    flow = classification("serving_default", model="face_flow")
    assert refusal(caller.stub.Classify, flow) == (INVALID, "Expected one input Tensor.")


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            multi(("classify", "predict")),
            grpc.StatusCode.UNIMPLEMENTED,
            "Unsupported signature method_name: predict",
        ),
        (
            multi(("classify", CLASSIFY), ("classify", CLASSIFY)),
            INVALID,
            "Duplicate evaluation of signature: classify",
        ),
        (multi(("x", CLASSIFY)), INVALID, "Requested signature not found in model graph: x"),
        (multi(), INVALID, "ModelSpec has no name specified."),
    ],
)
def test_multi_inference_refused(caller, request_, code, message):
    assert refusal(caller.stub.MultiInference, request_) == (code, message)


def test_multi_inference_of_two_models(caller):
    both = multi(("classify", CLASSIFY), ("regress", REGRESS))
    both.tasks[1].model_spec.name = "face_flow"
    message = "All ModelSpecs in a MultiInferenceRequest must access the same model name."
    assert refusal(caller.stub.MultiInference, both) == (INVALID, message)
    both.tasks[1].model_spec.name = ""
    message = "Found ModelSpec with an empty model name."
    assert refusal(caller.stub.MultiInference, both) == (INVALID, message)
