"""`make bench`: every measurement, printed with the commit and the machine it was made on."""

import datetime
import os
import platform
import subprocess

from benchmarks import command_line, labels, networks, pipelines, rendered_faces, serving


def main() -> None:
    """Run all benchmarks in turn."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    print(
        f"{datetime.date.today()}, commit {commit or 'unknown'}, {os.cpu_count()} cores, {platform.machine()}"
    )
    # `labels` comes last: it puts OpenCV on one core for good.
    for benchmark in (command_line, pipelines, serving, networks, rendered_faces, labels):
        benchmark.main()


if __name__ == "__main__":
    main()
