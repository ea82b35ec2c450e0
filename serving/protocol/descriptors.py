"""Protobuf messages and services of TensorFlow Serving that `tensorflow-serving-api` lacks, declared by hand.

Names and numbers are those of Serving's own files, so protobuf reads and writes the same bytes and text
(servables/tensorflow/session_bundle_config.proto, config/monitoring_config.proto, config/ssl_config.proto,
apis/prediction_service.proto, apis/model_service.proto).
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2
from google.protobuf.message import Message

from serving.protocol.stubs import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

_PACKAGE = "tensorflow.serving"
PREDICTION_SERVICE = f"{_PACKAGE}.PredictionService"
MODEL_SERVICE = f"{_PACKAGE}.ModelService"

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {"bool": _FIELD.TYPE_BOOL, "int64": _FIELD.TYPE_INT64, "string": _FIELD.TYPE_STRING}

# Message -> fields as (name, number, type); `[]` before a type marks a repeated field.
_MESSAGES = {
    "BatchingParameters": (
        ("max_batch_size", 1, "google.protobuf.Int64Value"),
        ("batch_timeout_micros", 2, "google.protobuf.Int64Value"),
        ("max_enqueued_batches", 3, "google.protobuf.Int64Value"),
        ("num_batch_threads", 4, "google.protobuf.Int64Value"),
        ("thread_pool_name", 5, "google.protobuf.StringValue"),
        ("allowed_batch_sizes", 6, "[]int64"),
        ("pad_variable_length_inputs", 7, "bool"),
        ("enable_large_batch_splitting", 8, "google.protobuf.BoolValue"),
        ("max_execution_batch_size", 9, "google.protobuf.Int64Value"),
    ),
    "PrometheusConfig": (("enable", 1, "bool"), ("path", 2, "string")),
    "MonitoringConfig": (("prometheus_config", 1, f"{_PACKAGE}.PrometheusConfig"),),
    "SSLConfig": (
        ("server_key", 1, "string"),
        ("server_cert", 2, "string"),
        ("custom_ca", 3, "string"),
        ("client_verify", 4, "bool"),
    ),
}

# Service -> its .proto file, and its methods with request and response.
_SERVICES = {
    "PredictionService": (
        "prediction_service",
        (
            ("Classify", classification_pb2.ClassificationRequest, classification_pb2.ClassificationResponse),
            ("Regress", regression_pb2.RegressionRequest, regression_pb2.RegressionResponse),
            ("Predict", predict_pb2.PredictRequest, predict_pb2.PredictResponse),
            ("MultiInference", inference_pb2.MultiInferenceRequest, inference_pb2.MultiInferenceResponse),
            (
                "GetModelMetadata",
                get_model_metadata_pb2.GetModelMetadataRequest,
                get_model_metadata_pb2.GetModelMetadataResponse,
            ),
        ),
    ),
    "ModelService": (
        "model_service",
        (
            (
                "GetModelStatus",
                get_model_status_pb2.GetModelStatusRequest,
                get_model_status_pb2.GetModelStatusResponse,
            ),
            (
                "HandleReloadConfigRequest",
                model_management_pb2.ReloadConfigRequest,
                model_management_pb2.ReloadConfigResponse,
            ),
        ),
    ),
}


def declare_services() -> None:
    """Add the services to protobuf's default pool, where reflection looks for them.

    The generated modules of the services cannot be imported with the installed version of protobuf.
    """
    for name, (source, methods) in _SERVICES.items():
        file = descriptor_pb2.FileDescriptorProto(
            name=f"tensorflow_serving/apis/{source}.proto", package=_PACKAGE, syntax="proto3"
        )
        service = file.service.add(name=name)
        for method, request, response in methods:
            service.method.add(
                name=method,
                input_type="." + request.DESCRIPTOR.full_name,
                output_type="." + response.DESCRIPTOR.full_name,
            )
            file.dependency.append(request.DESCRIPTOR.file.name)  # the same file declares the response
        descriptor_pool.Default().AddSerializedFile(file.SerializeToString())


def _declare_messages() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name="faceflow/serving_configs.proto", package=_PACKAGE, syntax="proto3"
    )
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            scalar = kind.removeprefix("[]")
            label = _FIELD.LABEL_REPEATED if kind.startswith("[]") else _FIELD.LABEL_OPTIONAL
            declared = message.field.add(name=field, number=number, label=label)
            if scalar in _SCALARS:
                declared.type = _SCALARS[scalar]
            else:
                declared.type, declared.type_name = _FIELD.TYPE_MESSAGE, f".{scalar}"
    # A pool of its own: in the default pool, the names would clash with those of the real files.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return pool


_POOL = _declare_messages()


def _message_class(name: str) -> type[Message]:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


BatchingParameters = _message_class("BatchingParameters")
MonitoringConfig = _message_class("MonitoringConfig")
SSLConfig = _message_class("SSLConfig")
