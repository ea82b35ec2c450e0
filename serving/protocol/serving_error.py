"""`ServingError`: a gRPC status code with a message. Every rejection of a request is one."""

import grpc

#: gRPC status codes by number; TensorFlow's error codes have the same numbers.
STATUS_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}

_MESSAGE_LIMIT = 1024  # characters; TensorFlow Serving, model_servers/grpc_status_util.cc


class ServingError(Exception):
    """A request that is answered with an error.

    Attributes:
        code: gRPC status code.
        message: Reason, in the words of TensorFlow Serving where it has the same error. Truncated after 1024
            characters as in Serving, because a message may quote the request.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        if len(message) > _MESSAGE_LIMIT:
            message = message[:_MESSAGE_LIMIT] + "...TRUNCATED"
        message = message.encode("utf-8", "replace").decode()  # it may quote bytes that are not text
        super().__init__(message)
        self.code = code
        self.message = message


def invalid_argument(message: str) -> ServingError:
    """Return the error for a request that is invalid in itself, so repeating it is of no use."""
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)
