"""Asking a server for flow. Nothing here needs the TensorFlow runtime."""

import grpc
import numpy as np

from pipelines.errors import InputError
from serving.memory import keep_freed_memory
from serving.stubs import predict_pb2, prediction_service_pb2_grpc
from serving.tensors import to_array, write

#: Bytes of one answer. gRPC's own default of 4 MiB is reached by 8 flows of 256x256.
MAX_MESSAGE = 256 * 2**20

_SIGNATURES = {np.dtype(np.uint8): "serving_default", np.dtype(np.float32): "serving_float32"}


class ServerError(InputError):
    """A server that cannot be reached, or that refused.

    Attributes:
        code: the gRPC status.
    """

    def __init__(self, message: str, code: grpc.StatusCode) -> None:
        super().__init__(message)
        self.code = code


class FaceFlowClient:
    """Flow from a server that speaks TensorFlow Serving's gRPC protocol, ours or the official one.

    One client may be used by many threads. It connects with the first request, and again after the server
    was away.

    Args:
        address: `host:port`.
        timeout: seconds to wait for one answer.
        model: the served model's name.
        version: the version to ask; the latest by default.
        max_message: bytes of the largest answer to accept.

    Example:
        >>> with FaceFlowClient("127.0.0.1:8500") as client:
        ...     flow = client.flow(frame1, frame2)
    """

    def __init__(
        self,
        address: str,
        timeout: float = 60.0,
        model: str = "face_flow",
        version: int | None = None,
        max_message: int = MAX_MESSAGE,
    ) -> None:
        self.address = address
        self.timeout = timeout
        self.model = model
        self.version = version
        keep_freed_memory()
        self._channel = grpc.insecure_channel(
            address,
            options=[("grpc.max_receive_message_length", max_message), ("grpc.max_send_message_length", -1)],
        )
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def flow(self, frame1: np.ndarray, frame2: np.ndarray) -> np.ndarray:
        """Estimate the motion from one frame to the other.

        Args:
            frame1: uint8, or float in [0, 1]; [H, W, 3] or a batch [B, H, W, 3], RGB.
            frame2: of the same type and shape.

        Returns:
            float32 [H, W, 2] or [B, H, W, 2], (dx, dy) in pixels, on frame 1's grid.

        Raises:
            InputError: if the frames are no frames.
            ServerError: if the server is not there, does not answer in time, or refuses.
        """
        frame1, frame2 = _frame(frame1, "frame1"), _frame(frame2, "frame2")
        if frame1.shape != frame2.shape or frame1.dtype != frame2.dtype:
            raise InputError(
                f"frame1 is {frame1.shape} {frame1.dtype} and frame2 is {frame2.shape} {frame2.dtype}; "
                "both must be of one size and type"
            )
        single = frame1.ndim == 3
        if single:
            frame1, frame2 = frame1[None], frame2[None]
        request = predict_pb2.PredictRequest()
        write(frame1, request.inputs["frame1"])
        write(frame2, request.inputs["frame2"])
        request.model_spec.name = self.model
        request.model_spec.signature_name = _SIGNATURES[frame1.dtype]
        if self.version is not None:
            request.model_spec.version.value = self.version
        response = self._predict(request)
        try:
            flow = to_array(response.outputs["flow"]).copy()
        except ValueError as error:
            message = f"{self.address}: the answer holds no flow ({error}); is {self.model} a flow model?"
            raise ServerError(message, grpc.StatusCode.INTERNAL) from error
        return flow[0] if single else flow

    def _predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        try:
            return self._stub.Predict(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise self._readable(error) from error

    def _readable(self, error: grpc.RpcError) -> ServerError:
        code = error.code()
        if code is grpc.StatusCode.UNAVAILABLE:
            what = f"no server answers there; start one with `faceflow serve` ({error.details()})"
        elif code is grpc.StatusCode.DEADLINE_EXCEEDED:
            what = f"no answer within {self.timeout:g} s"
        else:
            what = f"the server refuses: {code.name}: {error.details()}"
        return ServerError(f"{self.address}: {what}", code)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> "FaceFlowClient":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _frame(frame: np.ndarray, name: str) -> np.ndarray:
    """Check what the server cannot know better, and bring floats to the one type that is served."""
    frame = np.asarray(frame)
    if frame.ndim not in (3, 4) or frame.shape[-1] != 3 or frame.size == 0:
        raise InputError(f"{name} has the shape {frame.shape}; a frame is (H, W, 3), a batch (B, H, W, 3)")
    if frame.dtype == np.uint8:
        return frame
    if frame.dtype.kind != "f":
        raise InputError(f"{name} is {frame.dtype}; frames are uint8, or float in [0, 1]")
    # NaN fails both comparisons.
    if not (frame.min() >= 0 and frame.max() <= 1):
        raise InputError(f"{name} holds NaN or values outside of [0, 1], which is the range of float frames")
    return frame.astype(np.float32)
