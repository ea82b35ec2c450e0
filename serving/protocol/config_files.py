"""TensorFlow Serving's configuration files, in its own text format.

`tensorflow-serving-api` has the message of `--model_config_file` and lacks the others. They are declared here
with the names and numbers of Serving's own files, so that protobuf's parser reads what the official server
reads (servables/tensorflow/session_bundle_config.proto, config/monitoring_config.proto,
config/ssl_config.proto).
"""

from pathlib import Path
from typing import TypeVar

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from google.protobuf.message import Message

from pipelines.errors import InputError
from serving.protocol.stubs import model_server_config_pb2

_FIELD = descriptor_pb2.FieldDescriptorProto

# Message -> fields as (name, number, type); `[]` before a type means that it is repeated.
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
    "MonitoringConfig": (("prometheus_config", 1, "tensorflow.serving.PrometheusConfig"),),
    "SSLConfig": (
        ("server_key", 1, "string"),
        ("server_cert", 2, "string"),
        ("custom_ca", 3, "string"),
        ("client_verify", 4, "bool"),
    ),
}
_SCALARS = {"bool": _FIELD.TYPE_BOOL, "int64": _FIELD.TYPE_INT64, "string": _FIELD.TYPE_STRING}


def _declare() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name="faceflow/serving_configs.proto", package="tensorflow.serving", syntax="proto3"
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
    # A pool of its own: in the common one, whoever brings the real files would find the names taken.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return pool


_POOL = _declare()


def _message_class(name: str) -> type[Message]:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"tensorflow.serving.{name}"))


BatchingParameters = _message_class("BatchingParameters")
MonitoringConfig = _message_class("MonitoringConfig")
SSLConfig = _message_class("SSLConfig")
ModelServerConfig = model_server_config_pb2.ModelServerConfig

Config = TypeVar("Config", bound=Message)


def read_config(path: Path | str, kind: type[Config]) -> Config:
    """Read a configuration file.

    Args:
        path: of the file.
        kind: one of `BatchingParameters`, `ModelServerConfig`, `MonitoringConfig`, `SSLConfig`.

    Raises:
        InputError: if it is absent or is not such a message.
    """
    try:
        return text_format.Parse(Path(path).read_text(), kind())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    except text_format.ParseError as error:
        raise InputError(f"{path}: no {kind.DESCRIPTOR.name} in text format ({error})") from error
