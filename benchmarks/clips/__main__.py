"""`python -m benchmarks.clips [PART ...] [--write]`: measure the motion and the events of clips.

All parts are printed; with `--write` they go into docs/clips.md. Names of parts run these alone. `BASELINE`
in the environment may name a checkout of another commit with its own .venv: its `faceflow flow CLIP --face`
is then measured beside `analyze`.
"""

import sys
from pathlib import Path

from benchmarks.clips.accuracy import accuracy, drift, events, turns
from benchmarks.clips.cost import memory, reader, speed
from benchmarks.common.page import run_parts

_PAGE = Path(__file__).parents[2] / "docs" / "clips.md"
_PARTS = {
    "accuracy": accuracy, "turns": turns, "drift": drift, "events": events, "speed": speed, "memory": memory,
    "reader": reader,
}  # fmt: skip


if __name__ == "__main__":
    run_parts(_PAGE, _PARTS, sys.argv[1:])
