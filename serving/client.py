"""Client for flow and micro-expressions. Importing it does not load the TensorFlow runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import grpc
import numpy as np

from pipelines.errors import InputError
from serving.protocol.channels import MAX_MESSAGE, open_channel
from serving.protocol.stubs import predict_pb2, prediction_service_pb2_grpc
from serving.protocol.tensors import to_array, write
from serving.runtime.memory import keep_freed_memory

if TYPE_CHECKING:
    from keras_models.inference.frame_flow import Estimate, EstimatedFlow
    from pipelines.landmarks.detector import FaceMesh

# Bytes of frames in one request, well below the server's limits. A larger batch is sent in parts.
_PART = 32 * 2**20

_SIGNATURES = {np.dtype(np.uint8): "serving_default", np.dtype(np.float32): "serving_float32"}


class ServerError(InputError):
    """The server cannot be reached, or it answers with an error.

    Attributes:
        code: gRPC status code.
    """

    def __init__(self, message: str, code: grpc.StatusCode) -> None:
        super().__init__(message, code)  # both, so that it can be pickled, as from another process
        self.code = code

    def __str__(self) -> str:
        return self.args[0]


class FaceFlowClient:
    """Client of a server that speaks TensorFlow Serving's gRPC protocol, such as `faceflow serve`.

    `flow` may be called from several threads at a time. The client connects with the first request. If the
    network drops the connection without notice, keep-alive pings detect this, and the client connects again
    and repeats the request. A server on this machine is never reached through a proxy.

    Args:
        address: `host:port` of the server.
        timeout: Seconds to wait for one response, all attempts together.
        model: Name of the served model.
        version: Number of the version to use; by default the latest.
        label: Label of the version to use, in place of its number.
        max_message: Largest response to accept, bytes.
        retries: Number of times a request is repeated while the server is UNAVAILABLE, at most 4. The pauses
            start at 0.2 s and double.
        keepalive: Seconds without data after which a connection with a request on it is checked by a ping.
        root_certificates: PEM file of the authority that signed the server's certificate; by default those
            that gRPC knows. Any of the three files turns TLS on.
        private_key: PEM file of this client's key, for mutual TLS.
        certificate_chain: PEM file of this client's certificate, for mutual TLS.

    Raises:
        InputError: If a certificate cannot be read, or both a version and a label are given.

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
        self._channel = open_channel(
            address,
            max_message=max_message,
            retries=retries,
            keepalive=keepalive,
            root_certificates=root_certificates,
            private_key=private_key,
            certificate_chain=certificate_chain,
        )
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    @overload
    def flow(
        self, frame1: np.ndarray, frame2: np.ndarray, *, return_uncertainty: Literal[False] = False
    ) -> np.ndarray: ...

    @overload
    def flow(
        self, frame1: np.ndarray, frame2: np.ndarray, *, return_uncertainty: Literal[True]
    ) -> tuple[np.ndarray, np.ndarray]: ...

    def flow(
        self, frame1: np.ndarray, frame2: np.ndarray, *, return_uncertainty: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Estimate the flow from frame 1 to frame 2.

        Args:
            frame1: First frame, RGB: uint8, or float in [0, 1]; [H, W, 3], or a batch [B, H, W, 3].
            frame2: Second frame, of the same type and shape.
            return_uncertainty: Whether to return the uncertainty as well, if the served network estimates it.

        Returns:
            Flow (dx, dy) in pixels on the grid of frame 1: float32 [H, W, 2] or [B, H, W, 2]. With
            `return_uncertainty`, also the end-point error to expect in pixels: float32 [H, W] or [B, H, W].

        Raises:
            InputError: If a frame has the wrong type, shape or range of values, or the frames differ.
            ServerError: If the server cannot be reached, does not answer in time, or answers with an error.
        """
        frame1, frame2 = _frame(frame1, "frame1"), _frame(frame2, "frame2")
        if frame1.shape != frame2.shape or frame1.dtype != frame2.dtype:
            raise InputError(
                f"frame1 is {frame1.shape} {frame1.dtype} and frame2 is {frame2.shape} {frame2.dtype}; "
                "both must have the same size and type"
            )
        names = ("flow", "uncertainty") if return_uncertainty else ("flow",)
        if frame1.ndim == 3:
            outputs = [output[0] for output in self._outputs(frame1[None], frame2[None], names)]
        else:
            step = max(1, _PART // (2 * frame1[0].nbytes))
            parts = [
                self._outputs(frame1[start : start + step], frame2[start : start + step], names)
                for start in range(0, len(frame1), step)
            ]
            outputs = [np.concatenate(each) for each in zip(*parts, strict=True)]
        return (outputs[0], outputs[1][..., 0]) if return_uncertainty else outputs[0]

    def face_flow(self, frame1: np.ndarray, frame2: np.ndarray) -> EstimatedFlow:
        """Find the face locally, and estimate the flow in a crop around it.

        Only the crop is sent. Call this method from one thread at a time: the face detector is not
        thread-safe.

        Args:
            frame1: First frame with a face, uint8 [H, W, 3], RGB.
            frame2: Second frame, of the same shape.

        Returns:
            Flow at the size of the frame, the mask where it is valid, the crop and the landmarks.

        Raises:
            InputError: If a frame has no face.
            ServerError: As for `flow`.
        """
        if self._in_face_crop is None:
            # Imported here, because the face detector takes longer to import than everything else.
            from keras_models.inference.estimators import dense
            from keras_models.inference.frame_flow import in_face_crop

            self._in_face_crop = in_face_crop(dense(self.flow))
        return self._in_face_crop(frame1, frame2)

    def expression(self, onset: np.ndarray, apex: np.ndarray) -> dict[str, float]:
        """Classify a micro-expression. The client needs `model="micro_expression"`.

        The face is found and aligned locally, as in training, and only the two crops are sent. Call this
        method from one thread at a time: the face detector is not thread-safe.

        Args:
            onset: Frame with the neutral face, uint8 [H, W, 3], RGB.
            apex: Frame with the same face at the height of the expression, of the same shape.

        Returns:
            Probability of each class, by its name.

        Raises:
            InputError: If the frames differ in size, or one has no face.
            ServerError: As for `flow`.
        """
        onset, apex = _frame(onset, "onset"), _frame(apex, "apex")
        if onset.shape != apex.shape or onset.dtype != np.uint8 or apex.dtype != np.uint8:
            raise InputError(
                "onset and apex must be uint8 and have the same size, but are "
                f"{onset.shape} {onset.dtype} and {apex.shape} {apex.dtype}"
            )
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
        # Imported here, because `flow` does not need MediaPipe.
        from pipelines.landmarks.detector import FaceMesh
        from pipelines.micro_expressions.alignment import aligned_crops

        if self._face_mesh is None:
            self._face_mesh = FaceMesh()
        return aligned_crops(onset, apex, self._face_mesh)

    def _outputs(self, frame1: np.ndarray, frame2: np.ndarray, names: tuple[str, ...]) -> list[np.ndarray]:
        request = predict_pb2.PredictRequest(output_filter=names)
        write(frame1, request.inputs["frame1"])
        write(frame2, request.inputs["frame2"])
        response = self._predict(request, _SIGNATURES[frame1.dtype])
        try:
            return [to_array(response.outputs[name]).copy() for name in names]
        except ValueError as error:
            message = (
                f"{self.address}: the response holds no {' or '.join(names)} ({error}); is {self.model} a "
                "flow model?"
            )
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
            what = f"no server answers at this address; start one with `faceflow serve` ({error.details()})"
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


def _frame(frame: np.ndarray, name: str) -> np.ndarray:
    """Check a frame or batch before it is sent, and convert floats to float32."""
    frame = np.asarray(frame)
    if frame.ndim not in (3, 4) or frame.shape[-1] != 3 or frame.size == 0:
        raise InputError(f"{name} has the shape {frame.shape}; a frame is (H, W, 3), a batch (B, H, W, 3)")
    if frame.dtype == np.uint8:
        return frame
    if frame.dtype.kind != "f":
        raise InputError(f"{name} is {frame.dtype}; frames are uint8, or float in [0, 1]")
    # NaN fails both comparisons.
    if not (frame.min() >= 0 and frame.max() <= 1):
        raise InputError(f"{name} holds NaN or values outside of [0, 1], the range of float frames")
    return frame.astype(np.float32)
