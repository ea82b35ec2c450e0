"""A rival's program, run in a process and an environment of its own, which uv makes."""

import json
import subprocess
import tempfile
from pathlib import Path


def answer_of(script: Path, job: dict[str, object]) -> object:
    """Return the answer of a program to a job.

    The first time, uv downloads the packages that the script names in its head.

    Args:
        script: Program in Python, called with the file of the job and the file for the answer, both JSON.
        job: What it is to do.

    Raises:
        RuntimeError: If it cannot be had or run.
    """
    uv = Path(".uv/bin/uv")
    command = [str(uv if uv.exists() else "uv"), "run", "--quiet", "--script", str(script)]
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "job.json", Path(folder) / "answer.json"
        given.write_text(json.dumps(job))
        if subprocess.run([*command, str(given), str(answer)], check=False).returncode:
            raise RuntimeError(f"{script.name} stopped; what it wrote stands above")
        return json.loads(answer.read_text())
