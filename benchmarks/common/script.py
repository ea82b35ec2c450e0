"""Scripts that run in environments of their own, which uv makes."""

import json
import subprocess
import tempfile
from pathlib import Path

_PROJECT = Path(__file__).parents[2]


def uv() -> str:
    """Return the program uv: that of the project, or the one on the path."""
    ours = _PROJECT / ".uv" / "bin" / "uv"
    return str(ours if ours.exists() else "uv")


def script_command(script: Path, *arguments: object) -> list[str]:
    """Return the command that runs a script with the packages that its header names.

    The first time, uv downloads them.
    """
    return [uv(), "run", "--quiet", "--script", str(script), *map(str, arguments)]


def run_script(script: Path, request: dict[str, object]) -> object:
    """Run a script on a request and return its result.

    Args:
        script: Called with the path of the request, and the path for the result, both JSON.
        request: What it is to do.

    Raises:
        RuntimeError: If uv is missing or the script fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder) / "request.json", Path(folder) / "result.json"
        given.write_text(json.dumps(request))
        try:
            subprocess.run(script_command(script, given, result), check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise RuntimeError(f"{script.name} did not run: {error}") from error
        return json.loads(result.read_text())
