"""`make bench`: every measurement, printed with the commit and the machine it was made on.

With `--write`, as `make bench` has it, the figures go into the pages; with `--quick` (`make bench-quick`)
each is made in a small form, see `benchmarks.quick`.
"""

import os
import sys


def main() -> None:
    """Run all benchmarks in turn."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if sys.argv[1:] not in ([], ["--quick"], ["--write"]):
        sys.exit(f"benchmarks: unknown arguments {' '.join(sys.argv[1:])}; there are --quick and --write")
    # Imported here: they load TensorFlow, and a wrong argument need not wait for it.
    from benchmarks import (
        command_line,
        labels,
        model_card,
        networks,
        pipelines,
        quick,
        rendered_faces,
        serving,
        smoothing,
        spotting,
    )
    from benchmarks.common.page import circumstances

    if "--quick" in sys.argv:
        return quick.main()
    print(circumstances())
    command_line.main()  # has no page
    # `expressions` and `paper` take longest and are run by themselves, as is PyTorch, which is a download.
    # `labels` comes last: it puts OpenCV on one core.
    for benchmark in (pipelines, serving, networks, model_card, rendered_faces, spotting, smoothing, labels):
        benchmark.main(tuple(sys.argv[1:]))


if __name__ == "__main__":
    main()
