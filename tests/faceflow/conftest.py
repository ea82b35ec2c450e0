"""Commands that run in the process of the tests, and frames for them."""

import sys

import numpy as np
import pytest

from faceflow import cli
from pipelines.io.images import write_image


@pytest.fixture
def called(monkeypatch, capsys):
    """Run a command in this process, so that heavy imports are paid once; returns (exit code, out, err)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["faceflow", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


@pytest.fixture(scope="session")
def two_frames(tmp_path_factory, portrait):
    folder = tmp_path_factory.mktemp("frames")
    write_image(folder / "a.png", portrait[:300, 80:380])
    write_image(folder / "b.png", np.roll(portrait, (1, 3), axis=(0, 1))[:300, 80:380])
    return folder
