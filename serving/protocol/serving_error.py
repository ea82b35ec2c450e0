"""The one way in which the server says no: a gRPC status code and a message."""

import grpc

#: gRPC status codes by number; TensorFlow's error codes are the same numbers.
STATUS_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}

_MESSAGE_LIMIT = 1024  # characters; TensorFlow Serving, model_servers/grpc_status_util.cc


class Refusal(Exception):
    """A request that is not answered.

    Attributes:
        code: the gRPC status that the client gets.
        message: the reason, in TensorFlow Serving's words where it has some; cut at 1024 characters
            like Serving does, because a message may quote what the client sent.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        if len(message) > _MESSAGE_LIMIT:
            message = message[:_MESSAGE_LIMIT] + "...TRUNCATED"
        super().__init__(message)
        self.code = code
        self.message = message


def invalid_argument(message: str) -> Refusal:
    """Return the refusal of a request that is wrong in itself and cannot succeed when sent again."""
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, message)
