"""`faceflow serve`."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from faceflow.console import say
from serving.server_options import ServerOptions

_SWITCH = re.compile(r"--(\w+)=(true|false|1|0)", re.IGNORECASE)
_SWITCHES = {name for name, kind in ServerOptions.__annotations__.items() if kind is bool}


def serve(
    models: Positional[Annotated[Path | None, arg(metavar="FOLDER")]] = None,
    port: int = 8500,
    host: str = "127.0.0.1",
    options: Annotated[ServerOptions, arg(name="")] = ServerOptions(),  # noqa: B008
) -> None:
    """Serve exported models over gRPC and REST, like TensorFlow Serving. Stop with Ctrl-C or SIGTERM.

    Options that also exist in TensorFlow Serving have the same names, values and files.

    Args:
        models: Folder of the served models, as written by `faceflow export`.
        port: Port of gRPC; 0 for any free one.
        host: Address to listen on; by default only this machine can connect.
        options: Settings of the server.
    """
    from serving.server import serve as run_server

    # As for Serving, port 0 means no REST API.
    options = replace(options, rest_api_port=options.rest_api_port or None)
    folder = models or options.model_base_path or options.model_config_file
    run_server(models, host, port, options, lambda server: say(f"serving {folder} on {server.address}"))


def translate_switches(arguments: list[str]) -> list[str]:
    """Return arguments with TensorFlow's `--switch=true` as `--switch`, and `=false` as `--no-switch`."""
    translated = []
    for argument in arguments:
        match = _SWITCH.fullmatch(argument)
        if match and match[1] in _SWITCHES:
            argument = f"--{match[1]}" if match[2].lower() in ("true", "1") else f"--no-{match[1]}"
        translated.append(argument)
    return translated


serve.translate = translate_switches
