"""The examples in docstrings, run. NumPy is `np` in all of them."""

import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).parents[1]
PACKAGES = ("pipelines", "keras_models", "serving")  # those of faceflow run in tests/faceflow/test_api.py
# Examples that need a server or exported models; tests/serving runs the same calls.
NOT_RUN = {"serving.client", "serving.server"}


def modules_with_examples():
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            examples = [line for line in path.read_text().splitlines() if line.strip().startswith(">>>")]
            if any("+SKIP" not in line for line in examples):  # those need files that nobody ships
                name = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
                yield name.removesuffix(".__init__")


@pytest.mark.parametrize("name", sorted(set(modules_with_examples()) - NOT_RUN))
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some examples write files
    # Imported under its own name: `python -m doctest FILE` would leave a wrong one in Numba's cache.
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS, extraglobs={"np": np})
    assert result.attempted, f"{name} has no example"
    assert not result.failed


def test_examples_stand_in_the_section_that_the_reference_shows():
    """mkdocstrings knows `Examples:`; under another heading `>>>` turns into nested quotations."""
    for package in (*PACKAGES, "faceflow"):
        for path in (PROJECT / package).rglob("*.py"):
            for line in path.read_text().splitlines():
                assert line.strip() not in ("Example:", "Usage:"), f"{path}: call the section `Examples:`"
