"""`make bench`: every measurement, printed with the commit and the machine it was made on."""

import os

from benchmarks import command_line, labels, model_card, networks, pipelines, rendered_faces, serving
from benchmarks.page import circumstances


def main() -> None:
    """Run all benchmarks in turn."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(circumstances())
    # `expressions` takes hours and is run by itself; `labels` comes last: it puts OpenCV on one core.
    for benchmark in (command_line, pipelines, serving, networks, model_card, rendered_faces, labels):
        benchmark.main()


if __name__ == "__main__":
    main()
