"""Client for flow and expressions. Importing it does not load the TensorFlow runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import numpy as np

from pipelines.errors import InputError
from serving.protocol.addresses import is_loopback
from serving.protocol.stubs import predict_pb2, prediction_service_pb2_grpc
from serving.protocol.tensors import to_array, write
from serving.runtime.memory import keep_freed_memory

if TYPE_CHECKING:
    from keras_models.inference.frame_flow import Estimate, EstimatedFlow
    from pipelines.landmarks.detector import FaceMesh

#: Bytes of one answer. gRPC's own default of 4 MiB is reached by 8 flows of 256x256.
MAX_MESSAGE = 256 * 2**20

# Bytes of frames in one request; a larger batch is sent in parts, well below the server's own limits.
_PART = 32 * 2**20

_SIGNATURES = {np.dtype(np.uint8): "serving_default", np.dtype(np.float32): "serving_float32"}


class ServerError(InputError):
    """A server that cannot be reached, or that answers with an error.

    Attributes:
        code: gRPC status code.
    """

    def __init__(self, message: str, code: grpc.StatusCode) -> None:
        super().__init__(message)
        self.code = code


class FaceFlowClient:
    """Client of a server that speaks TensorFlow Serving's gRPC protocol, ours or the official one.

    One client may be used by many threads. It connects with the first request. A connection that the network
    dropped without a notice is found out by keep-alive pings and replaced; a request that was lost with it is
    repeated. Servers on this machine are never asked through a proxy.

    Args:
        address: `host:port`.
        timeout: Seconds to wait for one response, all attempts together.
        model: Name of the served model.
        version: Version to ask; by default the latest.
        label: Label of the version to ask, in place of its number.
        max_message: Largest response to accept, bytes.
        retries: Number of repetitions, at most 4, while the server is UNAVAILABLE; with pauses from 0.2 s on
            that double.
        keepalive: Seconds without data after which a connection with a request on it is checked by a ping.
        root_certificates: PEM file of the authority that signed the server's certificate; turns TLS on.
        private_key: PEM file of this client's key, for mutual TLS.
        certificate_chain: PEM file of this client's certificate.

    Raises:
        InputError: for certificates that cannot be read, or a version and a label at once.

    Examples:
        >>> with FaceFlowClient("127.0.0.1:8500") as client:
        ...     flow = client.flow(frame1, frame2)
    """

    def __init__(
        self,
        address: str,
        timeout: float = 60.0,
        model: str = "face_flow",
        *,
        version: int | None = None,
        label: str | None = None,
        max_message: int = MAX_MESSAGE,
        retries: int = 4,
        keepalive: float = 20.0,
        root_certificates: Path | str | None = None,
        private_key: Path | str | None = None,
        certificate_chain: Path | str | None = None,
    ) -> None:
        if version is not None and label is not None:
            raise InputError("version and label are mutually exclusive")
        self.address = address
        self.timeout = timeout
        self.model = model
        self.version = version
        self.label = label
        self._in_face_crop: Estimate | None = None
        self._face_mesh: FaceMesh | None = None
        keep_freed_memory()
        options = [
            ("grpc.max_receive_message_length", max_message),
            ("grpc.max_send_message_length", -1),
            ("grpc.service_config", _service_config(retries)),
            *channel_options(address, keepalive),
        ]
        if root_certificates is None:
            self._channel = grpc.insecure_channel(address, options)
        else:
            credentials = grpc.ssl_channel_credentials(
                *(_pem(path) for path in (root_certificates, private_key, certificate_chain))
            )
            self._channel = grpc.secure_channel(address, credentials, options)
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
        if frame1.ndim == 3:
            return self._flow(frame1[None], frame2[None])[0]
        step = max(1, _PART // (2 * frame1[0].nbytes))
        parts = [
            self._flow(frame1[start : start + step], frame2[start : start + step])
            for start in range(0, len(frame1), step)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def face_flow(self, frame1: np.ndarray, frame2: np.ndarray) -> EstimatedFlow:
        """Find the face here, and estimate the motion in a crop around it.

        Only the crop is sent. By one thread at a time, because the face finder is.

        Args:
            frame1: uint8 [H, W, 3], RGB, with a face.
            frame2: of the same shape.

        Returns:
            The flow at the frame's own size, where it is valid, the crop and the landmarks.

        Raises:
            InputError: if a frame has no face.
            ServerError: as `flow`.
        """
        if self._in_face_crop is None:
            # Imported here: the face finder takes longer to import than all the rest.
            from keras_models.inference.estimators import dense
            from keras_models.inference.frame_flow import in_face_crop

            self._in_face_crop = in_face_crop(dense(self.flow))
        return self._in_face_crop(frame1, frame2)

    def expression(self, onset: np.ndarray, apex: np.ndarray) -> dict[str, float]:
        """Recognise a micro-expression; for a client of the model `micro_expression`.

        The face is found and aligned here, as in training, and only the two crops are sent. By one thread at
        a time.

        Args:
            onset: uint8 [H, W, 3], RGB, with a neutral face.
            apex: of the same shape, the same face at the height of the expression.

        Returns:
            The probability of each class, by name.

        Raises:
            InputError: if the frames differ in size, or one has no face.
            ServerError: as `flow`.
        """
        onset, apex = _frame(onset, "onset"), _frame(apex, "apex")
        if onset.shape != apex.shape or onset.dtype != np.uint8 or apex.dtype != np.uint8:
            raise InputError(f"onset and apex must be uint8 and of one size, not {onset.shape}, {apex.shape}")
        request = predict_pb2.PredictRequest()
        for name, crop in zip(("onset", "apex"), self._aligned(onset, apex), strict=True):
            write(crop[None], request.inputs[name])
        response = self._predict(request, "serving_default")
        try:
            probabilities, labels = (
                to_array(response.outputs[name])[0] for name in ("probabilities", "labels")
            )
            return {label.decode(): float(p) for label, p in zip(labels, probabilities, strict=True)}
        except ValueError as error:
            message = (
                f"{self.address}: the response holds no classes ({error}); is {self.model} a classifier?"
            )
            raise ServerError(message, grpc.StatusCode.INTERNAL) from error

    def _aligned(self, onset: np.ndarray, apex: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # Imported here: a client whose frames are aligned already needs no MediaPipe.
        from pipelines.landmarks.detector import FaceMesh
        from pipelines.micro_expressions.alignment import aligned_crops

        if self._face_mesh is None:
            self._face_mesh = FaceMesh()
        return aligned_crops(onset, apex, self._face_mesh)

    def _flow(self, frame1: np.ndarray, frame2: np.ndarray) -> np.ndarray:
        request = predict_pb2.PredictRequest()
        write(frame1, request.inputs["frame1"])
        write(frame2, request.inputs["frame2"])
        response = self._predict(request, _SIGNATURES[frame1.dtype])
        try:
            return to_array(response.outputs["flow"]).copy()
        except ValueError as error:
            message = f"{self.address}: the response holds no flow ({error}); is {self.model} a flow model?"
            raise ServerError(message, grpc.StatusCode.INTERNAL) from error

    def _predict(self, request: predict_pb2.PredictRequest, signature: str) -> predict_pb2.PredictResponse:
        spec = request.model_spec
        spec.name, spec.signature_name = self.model, signature
        if self.version is not None:
            spec.version.value = self.version
        elif self.label is not None:
            spec.version_label = self.label
        try:
            return self._stub.Predict(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise self._readable(error) from error

    def _readable(self, error: grpc.RpcError) -> ServerError:
        code = error.code()
        if code is grpc.StatusCode.UNAVAILABLE:
            what = f"no server answers there; start one with `faceflow serve` ({error.details()})"
        elif code is grpc.StatusCode.DEADLINE_EXCEEDED:
            what = f"no response within {self.timeout:g} s"
        else:
            what = f"the server answers {code.name}: {error.details()}"
        return ServerError(f"{self.address}: {what}", code)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> FaceFlowClient:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def channel_options(address: str, keepalive: float = 20.0) -> list[tuple[str, int]]:
    """Return the options of a channel that heals, and that asks a server on this machine directly.

    Args:
        address: `host:port` of the server.
        keepalive: Seconds without data until a ping.
    """
    host = address.rpartition(":")[0].strip("[]")
    return [
        # TensorFlow Serving closes a connection with more than two pings between which it sent nothing. There
        # are none without a request, and by default two within a request's timeout.
        ("grpc.http2.max_pings_without_data", 0),  # gRPC's own limit counts pings of other kinds too
        ("grpc.keepalive_time_ms", int(1000 * keepalive)),
        ("grpc.keepalive_timeout_ms", int(1000 * min(keepalive, 5.0))),
        ("grpc.http2.ping_timeout_ms", int(1000 * min(keepalive, 5.0))),  # of a ping that was lost on the way
        # Otherwise a new client gets the dead connection of the old one.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.enable_http_proxy", 0 if is_loopback(host) else 1),
    ]


def _service_config(retries: int) -> str:
    """Return gRPC's own retry policy (gRFC A6), which knows what it may repeat and when."""
    policy = {
        "maxAttempts": 1 + retries,
        "initialBackoff": "0.2s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    method = {"name": [{"service": "tensorflow.serving.PredictionService"}]}
    return json.dumps({"methodConfig": [method | ({"retryPolicy": policy} if retries else {})]})


def _pem(path: Path | str | None) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


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
