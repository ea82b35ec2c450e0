"""GetModelMetadata over a socket, with the official stub."""

import grpc
import pytest

from serving.protocol.stubs import get_model_metadata_pb2, types_pb2

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def metadata_request(*fields, name="face_flow"):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = name
    return request


def test_metadata(caller, version):
    response = caller.stub.GetModelMetadata(metadata_request("signature_def"))
    assert (response.model_spec.name, response.model_spec.version.value) == ("face_flow", int(version.name))
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    frame = signatures.signature_def["serving_default"].inputs["frame1"]
    assert frame.dtype == types_pb2.DT_UINT8
    assert [dim.size for dim in frame.tensor_shape.dim] == [-1, -1, -1, 3]
    assert signatures.signature_def["serving_default"].method_name == "tensorflow/serving/predict"


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]),
            INVALID,
            "Missing ModelSpec",
        ),
        (metadata_request(), INVALID, "GetModelMetadataRequest must specify at least one metadata_field"),
        (metadata_request("weights"), INVALID, "Metadata field weights is not supported"),
        (
            metadata_request("signature_def", name="m"),
            grpc.StatusCode.NOT_FOUND,
            "Servable not found for request: Latest(m)",
        ),
    ],
)
def test_metadata_refused(caller, request_, code, message):
    with pytest.raises(grpc.RpcError) as caught:
        caller.stub.GetModelMetadata(request_)
    assert (caught.value.code(), caught.value.details()) == (code, message)
