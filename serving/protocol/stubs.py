"""The official messages and stubs of TensorFlow Serving, without the TensorFlow runtime.

The generated modules of `tensorflow-serving-api` import `tensorflow.core.*_pb2`, and Python runs the
`__init__` of a package before any module in it. A client that needs six message types would therefore load
all of TensorFlow, which takes seconds and hundreds of megabytes. To avoid this, an empty package over the
same folder stands in for `tensorflow` during these imports and is removed afterwards. A later
`import tensorflow` is complete. It uses the same message classes, because they belong to protobuf's
descriptor pool.

Import this module before starting threads that import TensorFlow.
"""

from pipelines.import_stand_ins import empty_package, stand_ins

with stand_ins({"tensorflow": empty_package("tensorflow")}):
    from tensorflow.core.example import example_pb2
    from tensorflow.core.framework import tensor_pb2, types_pb2
    from tensorflow.core.protobuf import meta_graph_pb2
    from tensorflow_serving.apis import (
        classification_pb2,
        get_model_metadata_pb2,
        get_model_status_pb2,
        inference_pb2,
        input_pb2,
        model_management_pb2,
        model_pb2,
        model_service_pb2_grpc,
        predict_pb2,
        prediction_log_pb2,
        prediction_service_pb2_grpc,
        regression_pb2,
    )
    from tensorflow_serving.config import model_server_config_pb2

ModelServerConfig = model_server_config_pb2.ModelServerConfig

__all__ = [
    "ModelServerConfig",
    "classification_pb2",
    "example_pb2",
    "get_model_metadata_pb2",
    "get_model_status_pb2",
    "inference_pb2",
    "input_pb2",
    "meta_graph_pb2",
    "model_management_pb2",
    "model_pb2",
    "model_server_config_pb2",
    "model_service_pb2_grpc",
    "predict_pb2",
    "prediction_log_pb2",
    "prediction_service_pb2_grpc",
    "regression_pb2",
    "tensor_pb2",
    "types_pb2",
]
