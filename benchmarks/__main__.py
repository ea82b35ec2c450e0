"""`make bench`: every measurement, printed with the commit and the machine it was made on.

With `--quick` (`make bench-quick`) each in a small form, see `benchmarks.quick`.
"""

import os
import sys


def main() -> None:
    """Run all benchmarks in turn."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if sys.argv[1:] not in ([], ["--quick"]):
        sys.exit(f"benchmarks: unknown arguments {' '.join(sys.argv[1:])}; there is --quick")
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
        spotting,
    )
    from benchmarks.page import circumstances

    if "--quick" in sys.argv:
        return quick.main()
    print(circumstances())
    # `expressions` takes hours and is run by itself; `labels` comes last: it puts OpenCV on one core.
    measured = command_line, pipelines, serving, networks, model_card, rendered_faces, spotting, labels
    for benchmark in measured:
        benchmark.main()


if __name__ == "__main__":
    main()
