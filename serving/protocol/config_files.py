"""TensorFlow Serving's configuration files, in protobuf's text format."""

from pathlib import Path
from typing import TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message

from pipelines.errors import InputError

Config = TypeVar("Config", bound=Message)


def read_config(path: Path | str, kind: type[Config]) -> Config:
    """Read a configuration file.

    Args:
        path: Path of the file.
        kind: Message class of its content: `ModelServerConfig`, or a class of `serving.protocol.descriptors`.

    Raises:
        InputError: If the file cannot be read, or cannot be parsed (in the words of TensorFlow Serving).
    """
    try:
        return text_format.Parse(Path(path).read_text(), kind())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    except text_format.ParseError as error:
        name = kind.DESCRIPTOR.full_name
        raise InputError(f"{path}: Error parsing text-format {name}: {error}") from error
