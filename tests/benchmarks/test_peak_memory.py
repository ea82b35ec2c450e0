"""Peak memory of commands."""

import sys

import pytest

from benchmarks.common.peak_memory import measured


def test_the_peak_is_that_of_the_command_and_not_of_the_process_that_starts_it():
    """The command holds 150 MiB, and a Python of about 10; this process has held at least 400."""
    del (ballast := [bytearray(b"x" * (400 << 20))])[:]
    seconds, megabytes = measured(
        [sys.executable, "-S", "-c", "import time; held = b'x' * (150 << 20); time.sleep(0.3)"]
    )
    assert not ballast
    assert 150 <= megabytes < 200
    assert seconds >= 0.3


def test_a_command_that_fails_is_named_with_its_message():
    with pytest.raises(RuntimeError, match=r"sys\.exit.* failed: no such clip"):
        measured([sys.executable, "-c", "import sys; sys.exit('no such clip')"])
