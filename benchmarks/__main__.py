"""`python -m benchmarks [--write | --quick]`: run all benchmarks and print the results.

With `--write` (`make bench`) the results are written into the pages. With `--quick` (`make bench-quick`) a
short version of each benchmark runs, see `benchmarks.common.quick`.
"""

import os
import sys


def main() -> None:
    """Run all benchmarks."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if sys.argv[1:] not in ([], ["--quick"], ["--write"]):
        sys.exit(f"benchmarks: unknown arguments {' '.join(sys.argv[1:])}; there are --quick and --write")
    # Imported after the arguments are checked, because they load TensorFlow.
    from benchmarks import (
        labels,
        model_card,
        networks,
        pipelines,
        rendered_faces,
        serving,
        smoothing,
        spotting,
    )
    from benchmarks.common import command_line, quick
    from benchmarks.common.page import circumstances

    if "--quick" in sys.argv:
        return quick.main()
    print(circumstances())
    command_line.main()  # has no page
    # `classifiers`, `clips`, `paper`, `runtimes` and PyTorch (downloads) take longest and have commands of
    # their own. `labels` is last, because it restricts OpenCV to one thread.
    for benchmark in (pipelines, serving, networks, model_card, rendered_faces, spotting, smoothing, labels):
        benchmark.main(tuple(sys.argv[1:]))


if __name__ == "__main__":
    main()
