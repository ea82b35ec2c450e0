"""Time of `faceflow --help` and `faceflow train flow --help`, each in a process of its own."""

import subprocess
import sys

from benchmarks.common.page import bound
from benchmarks.common.timing import median_seconds


def main() -> None:
    """Measure the times and print them."""

    def show_help(*words: str) -> None:
        code = f"import sys; sys.argv[1:] = {[*words, '--help']!r}; from faceflow.cli import main; main()"
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    for words in ((), ("train", "flow")):
        (seconds,) = median_seconds(lambda words=words: show_help(*words))
        command = " ".join(("faceflow", *words, "--help"))
        print(f"command line: `{command}` {seconds:.2f} s ({bound(seconds, most=1.5)})", flush=True)


if __name__ == "__main__":
    main()
