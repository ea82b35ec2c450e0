"""`python -m benchmarks [--write | --quick]`: run all benchmarks and print the results.

With `--write` (`make bench`) the results are written into the pages. With `--quick` (`make bench-quick`) a
short version of each benchmark runs, see `benchmarks.common.quick`.
"""

import os
import subprocess
import sys

_MODULES = (
    "pipelines", "serving", "networks", "model_card", "rendered_faces", "light", "spotting", "smoothing",
    "labels",
)  # fmt: skip


def main() -> None:
    """Run all benchmarks."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if sys.argv[1:] not in ([], ["--quick"], ["--write"]):
        sys.exit(f"benchmarks: unknown arguments {' '.join(sys.argv[1:])}; there are --quick and --write")
    if "--quick" in sys.argv:
        from benchmarks.common import quick  # loads TensorFlow

        return quick.main()
    from benchmarks.common import command_line
    from benchmarks.common.page import circumstances

    print(circumstances(), flush=True)
    command_line.main()  # has no page
    # Each in a process of its own, as by its own command: some set the threads of TensorFlow or of OpenCV.
    # `classifiers`, `clips`, `paper`, `runtimes` and PyTorch (downloads) take longest and have commands of
    # their own.
    failed = []
    for name in _MODULES:
        words = [sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]]
        if subprocess.run(words, check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"benchmarks: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
